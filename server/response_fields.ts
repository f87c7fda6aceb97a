/**
 * Combines the fields of a response from their sources: what the send call
 * gives, what `res.headers` collected, and the type of the body (RFC 9110 §8.3).
 */

import { Headers, type HeadersInit } from "../codec/headers.ts";

/**
 * The type of a body that is a string, unless the application gives one. Without
 * a type, a browser guesses: a string that a client sent could run as a script.
 */
export const TEXT_TYPE = "text/plain; charset=utf-8";

/** Lists of one `Content-Type` line, for responses without other fields: a list that is sent again is encoded once. */
const TYPES: ReadonlyMap<string, Headers> = new Map(
  [
    TEXT_TYPE,
    "text/html; charset=utf-8",
    "application/json",
    "application/problem+json",
  ].map((type) => [type, new Headers({ "content-type": type })]),
);

/**
 * Adds a `Content-Type` unless the fields have one.
 *
 * @returns A list that must not be changed.
 * @throws {TypeError} If a field is not valid.
 */
export function withType(
  init: HeadersInit | null | undefined,
  type: string,
): Headers {
  const typed = TYPES.get(type) ?? new Headers({ "content-type": type });
  if (init === undefined || init === null) return typed;
  const headers = Headers.from(init);
  return headers.has("content-type") ? headers : mergeFields(typed, headers);
}

/**
 * Joins the fields that were collected for a response with those that are sent
 * with it. A field of the latter replaces all collected lines of its name,
 * except `Set-Cookie`, of which each line is a cookie of its own (RFC 6265 §3).
 *
 * @throws {TypeError} If a field is not valid.
 */
export function mergeFields(
  collected: Headers,
  init: HeadersInit | undefined,
): Headers {
  const given = Headers.from(init);
  const merged = new Headers();
  for (const [name, value] of collected) {
    const isReplaced = given.has(name) && !/^set-cookie$/i.test(name);
    if (!isReplaced) merged.add(name, value);
  }
  for (const [name, value] of given) merged.add(name, value);
  merged.noDate = given.noDate || collected.noDate;
  return merged;
}
