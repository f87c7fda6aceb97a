/*
 * The router and its builder: one table of literal paths and one tree of
 * patterns for each method. The rules of matching are described in mod.ts;
 * match.ts searches patterns, and pattern.ts parses them.
 */

import { LiteralPaths } from "./literal_paths.ts";
import { PatternTree } from "./match.ts";
import { MethodLists, NO_METHODS } from "./method_lists.ts";
import { parsePattern, type Pattern } from "./pattern.ts";
import { makeFixed, PatternRoute, type RouteMatch } from "./route_match.ts";

/** A token (RFC 9110 §5.6.2), which every method has to be. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The method whose routes alone do not make a path known. */
const OPTIONS = "OPTIONS";

/** Methods that are written only in capitals; a request with the method `get` is not a GET (RFC 9110 §9.1). */
const STANDARD_METHODS: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  ...[OPTIONS, "TRACE", "CONNECT"],
]);

/** An all-literal route, for code that looks up such routes itself. */
export interface LiteralRoute<T> {
  /** The method. */
  readonly method: string;
  /** The path, visible ASCII. */
  readonly path: string;
  /** The match that {@linkcode Router.match} returns. */
  readonly value: RouteMatch<T>;
}

/**
 * Collects routes and builds an immutable {@linkcode Router} from them.
 *
 * @typeParam T What a route carries, such as a handler.
 *
 * @example Two methods on one pattern
 * ```ts
 * import { RouterBuilder } from "@khttp/khttp/router";
 * import { assertEquals } from "@std/assert";
 *
 * const router = new RouterBuilder<string>()
 *   .add("GET", "/user/:id", "read")
 *   .add("DELETE", "/user/:id", "remove")
 *   .build();
 * assertEquals(router.match("DELETE", "/user/7")?.value, "remove");
 * ```
 */
export class RouterBuilder<T> {
  readonly #routes: [method: string, pattern: string, value: T][] = [];

  /**
   * Adds a route. It replaces an earlier one with the same method and the same
   * shape; patterns that differ only in param names have the same shape.
   *
   * @param method Any token; case counts.
   * @param pattern The pattern, in the syntax that this module describes.
   * @param value The {@linkcode RouteMatch.value} of this route.
   * @returns The builder itself.
   * @throws {TypeError} If `method` is not a token or is a standard method in
   * lower case, or if `pattern` is not valid; no route is added then. The message names the segment and says what
   * to write instead.
   */
  add(method: string, pattern: string, value: T): this {
    parseRoute(method, pattern);
    this.#routes.push([method, pattern, value]);
    return this;
  }

  /**
   * Builds a router from the routes so far. The builder stays usable; routes
   * that are added later only affect routers that are built later.
   *
   * @returns An immutable router.
   */
  build(): Router<T> {
    return new Router(this.#routes);
  }
}

/**
 * An immutable set of routes.
 *
 * The match of a route without params is made and frozen when the router is
 * built, so a hit on such a route allocates nothing. The work for one path is
 * bounded by the length of the path plus the number of segments in all patterns
 * of the method, whatever the path.
 *
 * @typeParam T What a route carries, such as a handler.
 *
 * @example Routes as triples
 * ```ts
 * import { Router } from "@khttp/khttp/router";
 * import { assertEquals } from "@std/assert";
 *
 * const router = new Router([["GET", "/", 0], ["GET", "/user/:id", 1]]);
 * const found = router.match("GET", "/user/7");
 * assertEquals(found?.value, 1);
 * assertEquals(found?.params.get("id"), "7");
 * assertEquals(router.methodsFor("/user/7"), ["GET"]);
 * ```
 */
export class Router<T> {
  readonly #byMethod: ReadonlyMap<string, MethodRoutes<T>>;
  /** The same, in ascending order of the methods. */
  readonly #sorted: readonly MethodRoutes<T>[];
  /**
   * The routes of GET, by far the most frequent method.
   *
   * perf: saves the look-up of the method. bench/router_bench.ts, 1,001 literal
   * routes, hits on constants: 0.75 times (Deno 2.9.6).
   */
  readonly #get: MethodRoutes<T> | undefined;
  readonly #lists: MethodLists = new MethodLists();

  /**
   * Builds a router from all its routes; {@linkcode RouterBuilder} does it in
   * steps.
   *
   * @param routes Method, pattern and value of each route. Of two with the same
   * method and shape, the later one counts.
   * @throws {TypeError} As {@linkcode RouterBuilder.add}.
   */
  constructor(
    routes: Iterable<readonly [method: string, pattern: string, value: T]>,
  ) {
    const grouped = Map.groupBy(routes, ([method]) => method);
    this.#sorted = [...grouped.keys()].sort().map((method) =>
      new MethodRoutes(method, grouped.get(method) ?? [])
    );
    this.#byMethod = new Map(
      this.#sorted.map((known) => [known.method, known]),
    );
    this.#get = this.#byMethod.get("GET");
    Object.freeze(this);
  }

  /**
   * Finds the route for a method and a path.
   *
   * @param method The method; case counts.
   * @param path The path as it was sent: from its first `/` up to a `?`, or `*`.
   * @returns The match, or `undefined` if no route of this method matches.
   */
  match(method: string, path: string): RouteMatch<T> | undefined {
    return this.#routesOf(method)?.match(path);
  }

  /**
   * Finds an all-literal route by the bytes of its path, without creating a
   * string.
   *
   * The result `undefined` does not cover patterns with params or wildcards:
   * call {@linkcode Router.match} in this case. The bytes are only read, and
   * only during the call.
   *
   * @param method The method; case counts.
   * @param bytes Memory that holds the path.
   * @param start Where the path starts.
   * @param end Where the path ends, at most `bytes.length`.
   * @returns The same object that {@linkcode Router.match} returns, or
   * `undefined` if no all-literal route of this method has this path.
   */
  matchLiteral(
    method: string,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): RouteMatch<T> | undefined {
    return this.#routesOf(method)?.literalPaths.findBytes(bytes, start, end);
  }

  /**
   * Whether there are no routes at all.
   *
   * @ignore
   */
  get isEmpty(): boolean {
    return this.#sorted.length === 0;
  }

  /**
   * The all-literal routes, for code that looks them up itself.
   *
   * @ignore
   */
  get literalRoutes(): readonly LiteralRoute<T>[] {
    return this.#sorted.flatMap(({ method, literals }) =>
      literals.map((value) => ({ method, path: value.pattern, value }))
    );
  }

  /**
   * Lists the methods that have a route for a path, as `Allow` needs them
   * (RFC 9110 §10.2.1).
   *
   * A path that only `OPTIONS` routes match is not known, so the list is empty:
   * an `OPTIONS` route at `/**` answers CORS preflights, but does not make a
   * resource exist at every path.
   *
   * The list is frozen, and the same object for the same methods, so a program
   * can cache what it derives from the list by identity. A path without a route
   * costs no allocation.
   *
   * @param path The path as it was sent, or `*`.
   * @returns The methods in ascending order, each once; empty if the path is
   * not known.
   *
   * @example A preflight route for all paths
   * ```ts
   * import { Router } from "@khttp/khttp/router";
   * import { assertEquals } from "@std/assert";
   *
   * const router = new Router([["OPTIONS", "/**", 0], ["GET", "/notes", 1]]);
   * assertEquals(router.methodsFor("/notes"), ["GET", "OPTIONS"]);
   * assertEquals(router.methodsFor("/nothing"), []);
   * ```
   */
  methodsFor(path: string): readonly string[] {
    const sorted = this.#sorted;
    let list = NO_METHODS;
    let isKnown = false;
    for (let index = 0; index < sorted.length; index++) {
      const routes = sorted[index]!; // below the length
      if (!routes.matches(path)) continue;
      if (routes.method !== OPTIONS) isKnown = true;
      list = this.#lists.append(list, routes.method);
    }
    return isKnown ? list : NO_METHODS;
  }

  /**
   * Returns whether any route has a method.
   *
   * @param method The method; case counts.
   * @returns Whether at least one route was registered with it.
   */
  knowsMethod(method: string): boolean {
    return this.#byMethod.has(method);
  }

  #routesOf(method: string): MethodRoutes<T> | undefined {
    return method === "GET" ? this.#get : this.#byMethod.get(method);
  }
}

/** The routes of one method. */
class MethodRoutes<T> {
  readonly method: string;
  readonly literals: readonly RouteMatch<T>[];
  readonly literalPaths: LiteralPaths<RouteMatch<T>>;
  /** The other patterns, if there are any. */
  readonly #patterns: PatternTree<PatternRoute<T>> | undefined;

  constructor(
    method: string,
    routes: Iterable<readonly [method: string, pattern: string, value: T]>,
  ) {
    const literals = new Map<string, RouteMatch<T>>();
    const patterns: [Pattern, PatternRoute<T>][] = [];
    for (const [, text, value] of routes) {
      const pattern = parseRoute(method, text);
      if (pattern.isLiteral) literals.set(text, makeFixed(pattern, value));
      else patterns.push([pattern, new PatternRoute(pattern, value)]);
    }
    this.method = method;
    this.literals = [...literals.values()];
    this.literalPaths = new LiteralPaths(this.literals);
    this.#patterns = patterns.length > 0
      ? new PatternTree(patterns)
      : undefined;
  }

  match(path: string): RouteMatch<T> | undefined {
    const literal = this.literalPaths.find(path);
    if (literal !== undefined) return literal;
    const patterns = this.#patterns;
    if (patterns === undefined) return undefined;
    return patterns.find(path)?.match(path, patterns.starts);
  }

  /** Returns whether a path has a route, without creating its match. */
  matches(path: string): boolean {
    return this.literalPaths.find(path) !== undefined ||
      this.#patterns?.find(path) !== undefined;
  }
}

/** Checks one route and parses its pattern. */
function parseRoute(method: string, pattern: string): Pattern {
  if (!TOKEN.test(method)) {
    throw new TypeError(
      `Cannot register route ${JSON.stringify(pattern)}: method ${
        JSON.stringify(method)
      } is not a token`,
    );
  }
  const capital = method.toUpperCase();
  if (method !== capital && STANDARD_METHODS.has(capital)) {
    throw new TypeError(
      `Cannot register route ${JSON.stringify(pattern)}: method ${
        JSON.stringify(method)
      } never matches, since case counts; write ${JSON.stringify(capital)}`,
    );
  }
  return parsePattern(pattern);
}
