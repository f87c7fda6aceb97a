/**
 * Decides which content codings are requested and decoded (RFC 9110 §8.4,
 * §12.5.3). `decoded_body.ts` does the decoding.
 */

import { Headers } from "../codec/headers.ts";
import type { ResponseHead } from "../codec/response_head.ts";

/** A coding that can be decoded. */
export type Coding = "gzip" | "deflate" | "br";

/**
 * The most codings that are decoded. Servers apply one. Each further one
 * multiplies the size to which a small body can expand by a thousand.
 */
const MAX_CODINGS = 2;

const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"], // RFC 9110 §8.4.1.3
  ["deflate", "deflate"],
  ["br", "br"],
]);

/**
 * Adds `Accept-Encoding`, unless the caller set it. A range counts bytes of the
 * encoded body (RFC 9110 §14.1.2), so a request for a range accepts no coding.
 */
export function acceptEncoding(headers: Headers): Headers {
  if (headers.has("accept-encoding")) return headers;
  const accepted = headers.has("range") ? "identity" : "gzip, deflate, br";
  return new Headers(headers).add("accept-encoding", accepted);
}

/**
 * Returns the codings to decode, in this order. It is empty if there are none,
 * one is unknown, there are too many, or the body is only a part of the encoded
 * body.
 */
export function codingsOf({ status, headers }: ResponseHead): Coding[] {
  if (status === 206) return [];
  const names = (headers.get("content-encoding") ?? "").split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MAX_CODINGS) return [];
  const codings: Coding[] = [];
  for (const name of names) {
    const coding = CODINGS.get(name);
    if (coding === undefined) return [];
    codings.unshift(coding);
  }
  return codings;
}
