/**
 * Routers under one interface: khttp's, Hono's, find-my-way and rou3, each used
 * as documented. Routers that can also be compiled are listed twice.
 *
 * Every contender has its own functions, so that V8 collects type feedback for
 * each router separately.
 */

import createFindMyWay from "npm:find-my-way@9.10.1";
import type { Result, Router as HonoRouter } from "npm:hono@4.13.19/router";
import { LinearRouter } from "npm:hono@4.13.19/router/linear-router";
import { PatternRouter } from "npm:hono@4.13.19/router/pattern-router";
import { RegExpRouter } from "npm:hono@4.13.19/router/reg-exp-router";
import { SmartRouter } from "npm:hono@4.13.19/router/smart-router";
import { TrieRouter } from "npm:hono@4.13.19/router/trie-router";
import {
  addRoute,
  createRouter,
  findRoute,
  type RouterContext,
} from "npm:rou3@1.0.0";
import { compileRouter } from "npm:rou3@1.0.0/compiler";
import { Router } from "../router/router.ts";
import type { Method, Route } from "./routes.ts";

/** A router with a set of routes. */
export interface Contender {
  /** Its name in the tables. */
  readonly name: string;
  /** Finds the route that wins. */
  find(method: Method, path: string): Route | undefined;
  /** Finds it and reads all of its params, in the order of its pattern. */
  read(method: Method, path: string): readonly string[] | undefined;
}

/** Builds every contender with the same routes; khttp is the first. */
export function contendersFor(routes: readonly Route[]): Contender[] {
  return [
    khttp,
    regExpRouter,
    smartRouter,
    trieRouter,
    patternRouter,
    linearRouter,
    findMyWay,
    findMyWayCompiled,
    rou3,
    rou3Compiled,
  ].map((fill) => fill(routes));
}

function khttp(routes: readonly Route[]): Contender {
  const router = new Router(
    routes.map((route) => [route.method, route.pattern, route] as const),
  );
  return {
    name: "khttp",
    find: (method, path) => router.match(method, path)?.value,
    read: (method, path) => {
      const found = router.match(method, path);
      if (found === undefined) return undefined;
      return found.value.names.map((name) => found.params.get(name) ?? "");
    },
  };
}

/** The wildcard for the rest of the path, as Hono and find-my-way write it. */
const withStar = (pattern: string): string => pattern.replace(/\*\*$/, "*");

function fillHono(router: HonoRouter<Route>, routes: readonly Route[]): void {
  for (const route of routes) {
    router.add(route.method, withStar(route.pattern), route);
  }
}

/** Reads params as `HonoRequest.param` does, from a result with a stash. */
function readStash([handlers, stash]: Result<Route>): string[] | undefined {
  const first = handlers[0];
  if (first === undefined || stash === undefined) return undefined;
  const indexes = first[1] as Record<string, number>; // goes with a stash
  return first[0].names.map((name) => stash[indexes[name] ?? -1] ?? "");
}

/** Does the same for a result that contains the values themselves. */
function readRecord([handlers]: Result<Route>): string[] | undefined {
  const first = handlers[0];
  if (first === undefined) return undefined;
  const params = first[1] as Record<string, string>; // goes without a stash
  return first[0].names.map((name) => params[name] ?? "");
}

function regExpRouter(routes: readonly Route[]): Contender {
  const router = new RegExpRouter<Route>();
  fillHono(router, routes);
  return {
    name: "Hono RegExpRouter",
    find: (method, path) => router.match(method, path)[0][0]?.[0],
    read: (method, path) => readStash(router.match(method, path)),
  };
}

/** The router of `new Hono()`; it selects its RegExpRouter for these routes. */
function smartRouter(routes: readonly Route[]): Contender {
  const router = new SmartRouter<Route>({
    routers: [new RegExpRouter(), new TrieRouter()],
  });
  fillHono(router, routes);
  return {
    name: "Hono SmartRouter",
    find: (method, path) => router.match(method, path)[0][0]?.[0],
    read: (method, path) => readStash(router.match(method, path)),
  };
}

function trieRouter(routes: readonly Route[]): Contender {
  const router = new TrieRouter<Route>();
  fillHono(router, routes);
  return {
    name: "Hono TrieRouter",
    find: (method, path) => router.match(method, path)[0][0]?.[0],
    read: (method, path) => readRecord(router.match(method, path)),
  };
}

function patternRouter(routes: readonly Route[]): Contender {
  const router = new PatternRouter<Route>();
  fillHono(router, routes);
  return {
    name: "Hono PatternRouter",
    find: (method, path) => router.match(method, path)[0][0]?.[0],
    read: (method, path) => readRecord(router.match(method, path)),
  };
}

function linearRouter(routes: readonly Route[]): Contender {
  const router = new LinearRouter<Route>();
  fillHono(router, routes);
  return {
    name: "Hono LinearRouter",
    find: (method, path) => router.match(method, path)[0][0]?.[0],
    read: (method, path) => readRecord(router.match(method, path)),
  };
}

type FindMyWay = ReturnType<typeof createFindMyWay>;

function fillFindMyWay(routes: readonly Route[]): FindMyWay {
  const router = createFindMyWay();
  for (const route of routes) {
    router.on(route.method, withStar(route.pattern), () => {}, route);
  }
  return router;
}

function findMyWay(routes: readonly Route[]): Contender {
  const router = fillFindMyWay(routes);
  return {
    name: "find-my-way",
    find: (method, path) => router.find(method, path)?.store as Route,
    read: (method, path) => {
      const found = router.find(method, path);
      if (found === null) return undefined;
      const { store, params } = found;
      return (store as Route).names.map((name) => params[name] ?? "");
    },
  };
}

function findMyWayCompiled(routes: readonly Route[]): Contender {
  const router = fillFindMyWay(routes);
  router.compile();
  return {
    name: "find-my-way, compiled",
    find: (method, path) => router.find(method, path)?.store as Route,
    read: (method, path) => {
      const found = router.find(method, path);
      if (found === null) return undefined;
      const { store, params } = found;
      return (store as Route).names.map((name) => params[name] ?? "");
    },
  };
}

function fillRou3(routes: readonly Route[]): RouterContext<Route> {
  const router = createRouter<Route>();
  for (const route of routes) {
    addRoute(router, route.method, route.pattern, route);
  }
  return router;
}

function rou3(routes: readonly Route[]): Contender {
  const router = fillRou3(routes);
  return {
    name: "rou3",
    find: (method, path) => findRoute(router, method, path)?.data,
    read: (method, path) => {
      const found = findRoute(router, method, path);
      if (found === undefined) return undefined;
      return found.data.names.map((name) => found.params?.[name] ?? "");
    },
  };
}

function rou3Compiled(routes: readonly Route[]): Contender {
  const findCompiled = compileRouter(fillRou3(routes));
  return {
    name: "rou3, compiled",
    find: (method, path) => findCompiled(method, path)?.data,
    read: (method, path) => {
      const found = findCompiled(method, path);
      if (found === undefined) return undefined;
      return found.data.names.map((name) => found.params?.[name] ?? "");
    },
  };
}
