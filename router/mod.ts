/**
 * A router on its own: patterns, precedence and params. A route carries a value
 * of any type; the router knows nothing about HTTP messages.
 *
 * A pattern is split at `/`. Each segment is one of:
 *
 * | segment | matches |
 * | --- | --- |
 * | `:name` | one segment, captured; the name has letters, digits and `_` |
 * | `*` | one segment |
 * | `**` | any number of segments, including none; only as the last segment |
 * | anything else | exactly this text |
 *
 * `:name` and `*` match no empty segment: `/user/:id` does not match `/user/`.
 * Trailing and doubled slashes count, so `/hello/` is not `/hello`. `/any/**`
 * matches `/any`, `/any/` and `/any////`; `/**` matches every path that starts
 * with `/`. Literals are compared with the path as it was sent: nothing is
 * decoded, and case counts. The pattern `*` stands for the target of
 * `OPTIONS *`, which no other pattern matches.
 *
 * There are no optional params, regular expressions, globs, or params that are
 * part of a segment. A pattern with such syntax of other routers is refused
 * when it is registered, with an error that says what to write instead.
 *
 * Where several patterns match, a pattern without `:name`, `*` and `**` wins.
 * Otherwise the pattern with the most leading literal segments wins; then the
 * one whose last segment ranks highest, in the order literal, `:name`, `*`,
 * `**`; then the first segment from the left that differs in rank decides. The
 * order of registration does not matter, with one exception: of two patterns of
 * one method that differ only in param names, the later one replaces the
 * earlier.
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

export { type ParamNames, Params } from "./params.ts";
export type { RouteMatch } from "./route_match.ts";
export { Router, RouterBuilder } from "./router.ts";
