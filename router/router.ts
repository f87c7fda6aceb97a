/**
 * A router on its own: patterns, precedence and params, generic in what a
 * route carries. It knows nothing of HTTP messages.
 *
 * A pattern is split at `/`. A segment is
 *
 * | segment | matches |
 * | --- | --- |
 * | `:name` | one segment, captured |
 * | `*` | one segment |
 * | `**` | any number of segments, none included; only as the last one |
 * | anything else | exactly this text |
 *
 * `:name` and `*` need a segment that is not empty: `/user/:id` does not match
 * `/user/`. Trailing and doubled slashes count, so `/hello/` is not `/hello`;
 * `/any/**` matches `/any`, `/any/` and `/any////`, and `/**` every path that
 * starts with `/`. Literals are compared with the path as it was sent: nothing
 * is decoded, case counts. `*` alone is the path of `OPTIONS *`, which no other
 * pattern matches.
 *
 * Where several patterns match, one without `:name`, `*` and `**` wins; then
 * the one with the most leading literal segments; then the one whose last
 * segment ranks highest, in the order literal, `:name`, `*`, `**`; then, from
 * left to right, the first segment of different rank decides. The order of
 * registration never matters, but the same shape twice (param names apart)
 * keeps only the later route.
 *
 * @example Match a request line
 * ```ts
 * import { RouterBuilder } from "@khttp/khttp/router";
 * import { assertEquals } from "@std/assert";
 *
 * const router = new RouterBuilder<string>()
 *   .add("GET", "/blog/:slug", "post")
 *   .add("GET", "/blog/**", "archive")
 *   .build();
 * assertEquals(router.match("GET", "/blog/intro")?.value, "post");
 * assertEquals(router.match("GET", "/blog/2024/10")?.value, "archive");
 * ```
 *
 * @module
 */

import { LiteralPaths } from "./literal_paths.ts";
import { type LiteralEntry, LiteralTable } from "./literal_table.ts";
import { PatternTree } from "./match.ts";
import { Params } from "./params.ts";
import { parsePattern, type Pattern } from "./pattern.ts";
import { makeFixed, PatternRoute, type RouteMatch } from "./route_match.ts";

export { Params, type RouteMatch };

/** A token (RFC 9110 §5.6.2), which is what a method is made of. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Collects routes and freezes them into a {@linkcode Router}.
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
   * Adds a route, or replaces the one of the same method and shape.
   *
   * @param method Any token; case counts.
   * @param pattern The pattern, in the language that this module describes.
   * @param value What {@linkcode RouteMatch.value} gives for this route.
   * @returns The builder itself.
   * @throws {TypeError} If `method` is not a token or `pattern` can never
   * match; nothing is added then.
   */
  add(method: string, pattern: string, value: T): this {
    parseRoute(method, pattern);
    this.#routes.push([method, pattern, value]);
    return this;
  }

  /**
   * Makes a router of the routes so far. The builder stays usable; what is
   * added later reaches later routers only.
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
 * A hit on a route without params makes no object: its match was made, and
 * frozen, when the router was built. The work for one path is bounded by the
 * length of the path plus the number of patterns' segments, whatever the path.
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
  readonly #methods: ReadonlyMap<string, MethodRoutes<T>>;
  /**
   * The routes of the method that is by far the most frequent.
   *
   * perf: saves the look-up among methods. bench/router_bench.ts, 1,001 literal
   * routes, hits on constants: 0.75 times (Deno 2.9.6).
   */
  readonly #get: MethodRoutes<T> | undefined;
  readonly #literals: LiteralTable<RouteMatch<T>>;

  /**
   * Builds a router at once; {@linkcode RouterBuilder} does it in steps.
   *
   * @param routes Method, pattern and value of each route.
   * @throws {TypeError} If a method is not a token or a pattern can never
   * match.
   */
  constructor(
    routes: Iterable<readonly [method: string, pattern: string, value: T]>,
  ) {
    const byMethod = Map.groupBy(routes, ([method]) => method);
    const names = [...byMethod.keys()].sort();
    const methods = new Map<string, MethodRoutes<T>>();
    const literals: LiteralEntry<RouteMatch<T>>[] = [];
    for (const method of names) {
      const known = new MethodRoutes(byMethod.get(method) ?? []);
      methods.set(method, known);
      for (const value of known.literals) {
        literals.push({ method, path: value.pattern, value });
      }
    }
    this.#methods = methods;
    this.#get = methods.get("GET");
    this.#literals = new LiteralTable(literals);
    Object.freeze(this);
  }

  /**
   * Finds the route for a method and a path.
   *
   * @param method The method; case counts.
   * @param path The raw path, from its first `/` to before any `?`, or `*`.
   * @returns The match, or `undefined` if no route of this method matches.
   */
  match(method: string, path: string): RouteMatch<T> | undefined {
    const routes = method === "GET" ? this.#get : this.#methods.get(method);
    return routes?.match(path);
  }

  /**
   * Finds an all-literal route by the octets of a request line, without making
   * text or any other object.
   *
   * `undefined` says nothing about patterns; {@linkcode Router.match} has to
   * be asked then. The octets are only read, and not after the call.
   *
   * @param bytes Memory that holds `METHOD SP path` in one run.
   * @param start Where the method starts.
   * @param pathEnd Where the path ends, at most `bytes.length`.
   * @returns The very match that {@linkcode Router.match} gives, or `undefined`.
   */
  matchLiteralOctets(
    bytes: Uint8Array,
    start: number,
    pathEnd: number,
  ): RouteMatch<T> | undefined {
    return this.#literals.find(bytes, start, pathEnd);
  }

  /**
   * The all-literal routes, for whoever looks for them on its own.
   *
   * @internal
   */
  get literalRoutes(): readonly LiteralEntry<RouteMatch<T>>[] {
    return this.#literals.entries;
  }

  /**
   * Lists the methods that have a route for a path, as `Allow` needs them.
   *
   * @param path The raw path, or `*`.
   * @returns The methods in ascending order, each once; empty if there are none.
   */
  methodsFor(path: string): readonly string[] {
    const found: string[] = [];
    for (const [method, routes] of this.#methods) {
      if (routes.match(path) !== undefined) found.push(method);
    }
    return found;
  }

  /**
   * Tells whether any route uses a method.
   *
   * @param method The method; case counts.
   * @returns Whether at least one route was registered with it.
   */
  knowsMethod(method: string): boolean {
    return this.#methods.has(method);
  }
}

/** The routes of one method. */
class MethodRoutes<T> {
  readonly literals: readonly RouteMatch<T>[];
  readonly #literalPaths: LiteralPaths<RouteMatch<T>>;
  /** The patterns, if there are any. */
  readonly #patterns: PatternTree<PatternRoute<T>> | undefined;

  constructor(
    routes: Iterable<readonly [method: string, pattern: string, value: T]>,
  ) {
    const literals = new Map<string, RouteMatch<T>>();
    const patterns: [Pattern, PatternRoute<T>][] = [];
    for (const [method, text, value] of routes) {
      const pattern = parseRoute(method, text);
      if (pattern.isLiteral) literals.set(text, makeFixed(pattern, value));
      else patterns.push([pattern, new PatternRoute(pattern, value)]);
    }
    this.literals = [...literals.values()];
    this.#literalPaths = new LiteralPaths(this.literals);
    this.#patterns = patterns.length > 0
      ? new PatternTree(patterns)
      : undefined;
  }

  match(path: string): RouteMatch<T> | undefined {
    const literal = this.#literalPaths.find(path);
    if (literal !== undefined) return literal;
    const patterns = this.#patterns;
    if (patterns === undefined) return undefined;
    return patterns.find(path)?.match(path, patterns.starts);
  }
}

/** Checks one route and takes its pattern apart. */
function parseRoute(method: string, pattern: string): Pattern {
  if (!TOKEN.test(method)) {
    throw new TypeError(
      `Cannot register route ${JSON.stringify(pattern)}: method ${
        JSON.stringify(method)
      } is not a token`,
    );
  }
  return parsePattern(pattern);
}
