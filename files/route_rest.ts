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

/**
 * Returns a prefix without a slash at the end; `null` if there is none.
 *
 * @throws {TypeError} If no path that a client sends can begin with it.
 */
export function resolvePrefix(prefix: string = ""): string | null {
  if (prefix === "") return null;
  const plain = prefix.replace(/\/$/, "");
  const sent = pathAsSent(plain);
  if (sent === plain) return plain;
  const advice = sent === null || sent === ""
    ? ', such as "/assets"'
    : `; write ${JSON.stringify(sent)}`;
  throw new TypeError(
    `Cannot use prefix ${
      JSON.stringify(prefix)
    }: it must be a path as it is sent${advice}`,
  );
}

/** Characters of a segment that clients do not encode (RFC 3986 §3.3), and escapes. */
const ENCODED_BY_CLIENTS = /[^\w.~!$&'()+,;=@%-]/gu;

/** Returns a path as a client sends it; `null` for patterns and for dot segments, which clients remove. */
function pathAsSent(path: string): string | null {
  const segments = path.replace(/[?#].*$/s, "").replace(/\/\*+$/, "")
    .split("/").filter((segment) => segment !== "");
  if (segments.some((segment) => /^\.{1,2}$|[:*]/.test(segment))) return null;
  return segments.map((segment) => {
    const escaped = segment.toWellFormed()
      .replace(/%(?![0-9A-Fa-f]{2})/g, "%25");
    return `/${escaped.replace(ENCODED_BY_CLIENTS, encodeURIComponent)}`;
  }).join("");
}

/**
 * Checks the route of a `fetch()`, which gets the whole path and does not see the
 * route. Without this check, each request could get a 404 that does not say why.
 *
 * @throws {TypeError} If the route names a folder and the prefix does not fit, or
 * there is none.
 */
export function checkFetchPattern(
  pattern: string,
  prefix: string | null,
): void {
  if (!pattern.endsWith("/**")) return;
  const base = pattern.slice(0, -"/**".length);
  const what = `Cannot serve a folder by fetch() at route ${
    JSON.stringify(pattern)
  }`;
  if (prefix === null) {
    if (base === "") return;
    const advice = /[:*]/.test(base)
      ? ""
      : `prefix: ${
        JSON.stringify(base)
      } if the rest of the path names the file, or `;
    throw new TypeError(
      `${what} without the option prefix: write ${advice}prefix: "/" if the whole path names it, or add the handler of serveDir() itself to the route`,
    );
  }
  const segments = base.split("/");
  const fits = prefix.split("/").every((segment, at) =>
    at >= segments.length || segment === segments[at] ||
    /[:*]/.test(segments[at]!) // it is inside the array
  );
  if (fits) return;
  throw new TypeError(
    `${what} with prefix ${
      JSON.stringify(prefix)
    }: no path of the route begins with it`,
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
