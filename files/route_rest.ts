/** The part of a request's path that names a file: what `**` of the route matched. */

import type { FileRequest } from "./web_exchange.ts";

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
  #prefix: string;
  #route: string | null = null;
  #count: number;

  /** @param prefix The part before the name if there is no route, without a slash at the end. */
  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#count = segmentsOf(prefix);
  }

  /**
   * Returns how many segments of the path are before the name of the file. The
   * prefix decides if there is no route or its handler passed the request on;
   * the result is then `null` for a path that does not begin with the prefix.
   *
   * @throws {TypeError} If the route does not end with `**`.
   */
  count(ctx: FileRequest): number | null {
    const { uri } = ctx;
    const route = ctx.isPassedOn ? null : ctx.route;
    if (route !== this.#route) { // a handler mostly has one route
      if (route !== null) checkRestPattern(route);
      this.#count = route === null
        ? segmentsOf(this.#prefix)
        : segmentsOf(route) - 1;
      this.#route = route;
    }
    const isUnder = route !== null || this.#prefix === "" ||
      `${uri.path}/`.startsWith(`${this.#prefix}/`);
    return isUnder ? this.#count : null;
  }
}

function segmentsOf(path: string): number {
  return path.split("/").length - 1;
}
