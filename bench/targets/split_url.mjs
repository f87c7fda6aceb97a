/**
 * Splits the URL of a request into path and query with string operations, as fast
 * programs do instead of `new URL(…)`.
 */
// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types

/**
 * @param {string} url Absolute (`http://host/path?query`), or the target of the request line.
 * @returns {{ path: string, query: string }} The query without its question mark.
 */
export function splitUrl(url) {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", 8);
  const mark = url.indexOf("?", start);
  return mark === -1
    ? { path: url.slice(start), query: "" }
    : { path: url.slice(start, mark), query: url.slice(mark + 1) };
}
