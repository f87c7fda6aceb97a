/**
 * The methods of RFC 9110 §9.3 and PATCH as shared strings, so that a known
 * one costs no text. Any other token is a method too.
 */

import { equalsLatin1 } from "./ascii.ts";

/** Known methods by length. */
const BY_LENGTH: readonly (readonly string[])[] = [
  [],
  [],
  [],
  ["GET", "PUT"],
  ["POST", "HEAD"],
  ["PATCH", "TRACE"],
  ["DELETE"],
  ["OPTIONS", "CONNECT"],
];

/** Finds the known method that the octets spell. */
export function knownMethod(
  bytes: Uint8Array,
  start: number,
  end: number,
): string | undefined {
  const candidates = BY_LENGTH[end - start];
  if (candidates === undefined) return undefined;
  for (const method of candidates) {
    if (equalsLatin1(bytes, start, end, method)) return method;
  }
  return undefined;
}
