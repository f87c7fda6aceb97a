/** The part of a request's path that names a file: what `**` of the route matched. */

import type { RequestContext } from "../server/request_context.ts";

/**
 * Checks that a pattern says where the names of files begin.
 *
 * @throws {TypeError} If its last segment is not `**`.
 */
export function checkRestPattern(pattern: string): void {
  if (pattern.endsWith("/**")) return;
  throw new TypeError(
    `Cannot serve a folder at route ${
      JSON.stringify(pattern)
    }: it must end with "/**", which names the file`,
  );
}

/**
 * How many segments of the path are before the name of the file. Without a
 * route, as in a fallback, the whole path is the name.
 *
 * @throws {TypeError} If the route does not end with `**`.
 */
export function countPrefixSegments({ route }: RequestContext): number {
  if (route === null) return 0;
  checkRestPattern(route);
  return route.split("/").length - 2;
}
