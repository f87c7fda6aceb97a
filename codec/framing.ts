/**
 * How long a body is: the one place that reads `Content-Length` and
 * `Transfer-Encoding`, and the one that decides which of them is written
 * (RFC 9112 §6, RFC 9110 §8.6). The steps stand in the RFC's order.
 *
 * A length is a number of bytes; a negative one names a way of framing.
 */

import {
  decodeLatin1,
  DIGIT_0,
  isToken,
  lowerCaseAscii,
  quoteBytes,
} from "./ascii.ts";
import { ABSENT, type KnownFields } from "./known_fields.ts";
import { ProtocolError } from "./errors.ts";
import { trimOptionalWhiteSpace } from "./head_encoder.ts";

/** The body is chunked (RFC 9112 §7.1). */
export const CHUNKED = -1;
/** The body ends with the connection (RFC 9112 §6.3 step 8). */
export const UNTIL_CLOSE = -2;

/** 2^53 − 1 without its last digit, and that digit: the largest length that is exact. */
const MAX_LENGTH_TENS = 900_719_925_474_099;
const MAX_LENGTH_LAST_DIGIT = 1;
const MAX_LENGTH_DIGITS = 16;

/**
 * Decides how a request's body is framed (RFC 9112 §6.3).
 *
 * @param index The control fields of the head.
 * @param minorVersion 0 or 1.
 * @returns Bytes of the body, or {@linkcode CHUNKED}.
 * @throws {ProtocolError} For everything that two readers could take differently.
 */
export function requestBodyLength(
  index: KnownFields,
  minorVersion: number,
): number {
  const { contentLength, transferEncoding } = index;
  if (contentLength === ABSENT && transferEncoding === ABSENT) {
    return 0; // §6.3 step 7: a request without either has no body
  }
  const declared = contentLength === ABSENT
    ? 0
    : parseContentLength(index, contentLength);
  if (transferEncoding === ABSENT) return declared; // §6.3 step 6
  if (contentLength !== ABSENT) {
    // §6.3 step 3 lets a server drop the length; it is an attack more often
    // than a mistake (§11.2), so it is refused.
    throw fault(
      index,
      transferEncoding,
      "CONFLICTING_FRAMING",
      "Cannot accept Content-Length together with Transfer-Encoding",
    );
  }
  if (minorVersion === 0) { // §6.1: framing of such a message is faulty
    throw fault(
      index,
      transferEncoding,
      "INVALID_TRANSFER_ENCODING",
      "Cannot accept Transfer-Encoding in HTTP/1.0",
    );
  }
  requireChunked(index, transferEncoding); // §6.3 step 4
  return CHUNKED;
}

/** What decides, beside the fields, how a response's body is framed. */
export interface ResponseFacts {
  readonly status: number;
  readonly minorVersion: number;
  readonly requestMethod: string;
}

/**
 * Decides how a response's body is framed (RFC 9112 §6.3).
 *
 * @returns Bytes of the body, {@linkcode CHUNKED} or {@linkcode UNTIL_CLOSE}.
 * @throws {ProtocolError} For everything that two readers could take differently.
 */
export function receivedBodyLength(
  index: KnownFields,
  { status, minorVersion, requestMethod }: ResponseFacts,
): number {
  if (
    requestMethod === "HEAD" || status < 200 || status === 204 || status === 304
  ) return 0; // §6.3 step 1: whatever the fields say
  if (requestMethod === "CONNECT" && status < 300) return 0; // step 2: a tunnel
  if (index.contentLength === ABSENT && index.transferEncoding === ABSENT) {
    return UNTIL_CLOSE; // step 8
  }
  return requestBodyLength(index, minorVersion); // steps 3 to 6
}

/** `1*DIGIT` after trimming, exact or refused (RFC 9110 §8.6). */
function parseContentLength(index: KnownFields, entry: number): number {
  const { bytes } = index;
  const end = index.valueEnd(entry);
  const start = index.valueStart(entry);
  let tens = 0; // all digits but the last
  let last = 0;
  let digits = 0; // significant ones
  for (let pos = start; pos < end; pos++) {
    const digit = bytes[pos]! - DIGIT_0; // in range: pos < end
    if (digit < 0 || digit > 9) throw badLength(index, entry, "not a number");
    if (digits > 0 || digit > 0) digits++;
    if (digits > MAX_LENGTH_DIGITS) throw badLength(index, entry, "too large");
    tens = tens * 10 + last;
    last = digit;
  }
  if (start === end) throw badLength(index, entry, "empty");
  if (
    tens > MAX_LENGTH_TENS ||
    (tens === MAX_LENGTH_TENS && last > MAX_LENGTH_LAST_DIGIT)
  ) throw badLength(index, entry, "too large");
  return tens * 10 + last;
}

function badLength(
  index: KnownFields,
  entry: number,
  why: string,
): ProtocolError {
  const value = quoteBytes(
    index.bytes,
    index.valueStart(entry),
    index.valueEnd(entry),
  );
  return fault(
    index,
    entry,
    "INVALID_CONTENT_LENGTH",
    `Cannot parse Content-Length: ${value} is ${why}`,
  );
}

/** `chunked` alone; strict about list members, since smuggling lives there (RFC 9112 §6.1). */
function requireChunked(index: KnownFields, entry: number): void {
  if (isChunked(index, entry)) return;
  const text = decodeLatin1(
    index.bytes,
    index.valueStart(entry),
    index.valueEnd(entry),
  );
  const codings = text.split(",").map((member) =>
    lowerCaseAscii(trimOptionalWhiteSpace(member))
  );
  const areTokens = codings.every(isToken);
  const chunkedAt = codings.indexOf("chunked");
  if (!areTokens || chunkedAt !== codings.length - 1) {
    throw fault(
      index,
      entry,
      "INVALID_TRANSFER_ENCODING",
      "Cannot parse Transfer-Encoding: chunked must stand once and last",
    );
  }
  throw fault(
    index,
    entry,
    "UNSUPPORTED_TRANSFER_CODING",
    "Cannot decode a transfer coding other than chunked",
  );
}

const CHUNKED_NAME = "chunked";

function isChunked(index: KnownFields, entry: number): boolean {
  const { bytes } = index;
  const start = index.valueStart(entry);
  if (index.valueEnd(entry) - start !== CHUNKED_NAME.length) return false;
  for (let i = 0; i < CHUNKED_NAME.length; i++) {
    // letters only, so that one bit makes the case
    if ((bytes[start + i]! | 0x20) !== CHUNKED_NAME.charCodeAt(i)) return false;
  }
  return true;
}

function fault(
  index: KnownFields,
  entry: number,
  code:
    | "CONFLICTING_FRAMING"
    | "INVALID_CONTENT_LENGTH"
    | "INVALID_TRANSFER_ENCODING"
    | "UNSUPPORTED_TRANSFER_CODING",
  message: string,
): ProtocolError {
  return new ProtocolError(code, message, index.valueStart(entry) - index.base);
}
