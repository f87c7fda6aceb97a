/**
 * Preconditions of a request, in the order of RFC 9110 §13.2.2, and the
 * validators that they are compared with (§8.8). Pure: the caller passes the
 * time.
 */

import { formatHttpDate, parseHttpDate } from "../codec/http_date.ts";
import type { Headers } from "../codec/headers.ts";

/** The validators of a representation. */
export interface Validators {
  /** The entity tag as it is sent, or `null`. */
  readonly etag: string | null;
  /** When it was last modified, in seconds since 1970, or `null`. */
  readonly modifiedSeconds: number | null;
}

/** `W/"…"` or `"…"` (RFC 9110 §8.8.3), after commas and white space. */
const ENTITY_TAG = /[\t ,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[\t ]*(?=,|$)/gy;

/**
 * Evaluates the preconditions of GET or HEAD.
 *
 * @param nowSeconds The time, for dates with a two-digit year.
 * @returns 200 if the request is to be answered, 304 or 412.
 */
export function evaluatePreconditions(
  headers: Headers,
  { etag, modifiedSeconds }: Validators,
  nowSeconds: number,
): 200 | 304 | 412 {
  // 1 and 2. If-Match, or else If-Unmodified-Since
  const match = headers.get("if-match");
  if (match !== null) {
    if (!hasTag(match, etag, false)) return 412;
  } else if (modifiedSeconds !== null) {
    const field = headers.get("if-unmodified-since");
    const date = field === null ? undefined : parseHttpDate(field, nowSeconds);
    if (date !== undefined && modifiedSeconds > date) return 412;
  }
  // 3 and 4. If-None-Match, or else If-Modified-Since
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) {
    return noneMatch === etag || hasTag(noneMatch, etag, true) ? 304 : 200;
  }
  if (modifiedSeconds === null) return 200;
  const field = headers.get("if-modified-since");
  const date = field === null ? undefined : parseHttpDate(field, nowSeconds);
  return date !== undefined && modifiedSeconds <= date ? 304 : 200;
}

/**
 * Whether `If-Range` allows a range (RFC 9110 §13.1.5): step 5 of the order.
 * Only strong validators do. A date is one only when its second is over: until
 * then, the file can change again within it (§8.8.2.2).
 */
export function allowsRange(
  headers: Headers,
  { etag, modifiedSeconds }: Validators,
  nowSeconds: number,
): boolean {
  const condition = headers.get("if-range");
  if (condition === null) return true;
  if (condition.endsWith('"')) {
    return condition === etag && !condition.startsWith("W/");
  }
  return modifiedSeconds !== null &&
    condition === formatHttpDate(modifiedSeconds) &&
    modifiedSeconds < Math.floor(nowSeconds);
}

/**
 * Whether a list of entity tags, or `*`, has a tag. The weak comparison ignores
 * `W/`; the strong one matches no weak tag (RFC 9110 §8.8.3.2). Tags after one
 * that is not valid do not count.
 */
function hasTag(list: string, etag: string | null, isWeak: boolean): boolean {
  if (list === "*") return true;
  if (etag === null) return false;
  const [opaque = "", isStrong] = etag.startsWith("W/")
    ? [etag.slice(2), false]
    : [etag, true];
  if (!isWeak && !isStrong) return false;
  for (const [, weakness, found] of list.matchAll(ENTITY_TAG)) {
    if (found === opaque && (isWeak || weakness === undefined)) return true;
  }
  return false;
}
