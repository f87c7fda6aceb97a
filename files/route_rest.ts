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

/** Counts the segments of the path before the name of the file. */
export class PrefixCounter {
  #route: string | null = null;
  #count = 0;

  /**
   * Returns how many segments of the path are before the name of the file.
   * Without a route, as in a fallback, the whole path is the name.
   *
   * @throws {TypeError} If the route does not end with `**`.
   */
  count({ route }: RequestContext): number {
    if (route !== this.#route) { // a handler mostly has one route
      if (route !== null) checkRestPattern(route);
      this.#count = route === null ? 0 : route.split("/").length - 2;
      this.#route = route;
    }
    return this.#count;
  }
}
