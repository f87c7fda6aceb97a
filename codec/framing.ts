/**
 * Decides how long the body of a received message is (RFC 9112 §6, RFC 9110
 * §8.6), in the order of the RFC's steps. No other file reads `Content-Length`
 * and `Transfer-Encoding` of received messages. `response_framing.ts` decides
 * for responses that we write.
 *
 * A length is a number of bytes, or one of the negative constants below.
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

/** The length of a body that is chunked (RFC 9112 §7.1). */
export const CHUNKED = -1;
/** The length of a body that ends with the connection (RFC 9112 §6.3 step 8). */
export const UNTIL_CLOSE = -2;

/** 2^53 − 1, the largest exact length, without its last digit; and that digit. */
const MAX_LENGTH_TENS = 900_719_925_474_099;
const MAX_LENGTH_LAST_DIGIT = 1;
const MAX_LENGTH_DIGITS = 16;

/**
 * Decides how a request's body is framed (RFC 9112 §6.3).
 *
 * @param fields The known fields of the head.
 * @param minorVersion 0 or 1.
 * @returns The length in bytes, or {@linkcode CHUNKED}.
 * @throws {ProtocolError} For anything that two recipients could read differently:
 * `INVALID_CONTENT_LENGTH`, `CONFLICTING_FRAMING`, `INVALID_TRANSFER_ENCODING` or
 * `UNSUPPORTED_TRANSFER_CODING`.
 */
export function requestBodyLength(
  fields: KnownFields,
  minorVersion: number,
): number {
  const { contentLength, transferEncoding } = fields;
  if (contentLength === ABSENT && transferEncoding === ABSENT) {
    return 0; // §6.3 step 7: a request without either has no body
  }
  const declared = contentLength === ABSENT
    ? 0
    : parseContentLength(fields, contentLength);
  if (transferEncoding === ABSENT) return declared; // §6.3 step 6
  if (contentLength !== ABSENT) {
    // §6.3 step 3 allows a server to ignore the length. Such a message is more
    // likely an attack than a mistake (§11.2), so it is refused.
    throw fault(
      fields,
      transferEncoding,
      "CONFLICTING_FRAMING",
      "Cannot accept Content-Length together with Transfer-Encoding",
    );
  }
  if (minorVersion === 0) { // §6.1: the framing of such a message is faulty
    throw fault(
      fields,
      transferEncoding,
      "INVALID_TRANSFER_ENCODING",
      "Cannot accept Transfer-Encoding in HTTP/1.0",
    );
  }
  requireChunked(fields, transferEncoding); // §6.3 step 4
  return CHUNKED;
}

/** The facts, other than its fields, that decide how a response's body is framed. */
export interface ResponseFacts {
  readonly status: number;
  readonly minorVersion: number;
  readonly requestMethod: string;
}

/**
 * Returns whether a response has no body, regardless of its fields (RFC 9112
 * §6.3 steps 1 and 2). After a successful CONNECT, a tunnel follows the head.
 */
export function hasNoBody(status: number, requestMethod: string): boolean {
  return requestMethod === "HEAD" || status < 200 || status === 204 ||
    status === 304 || requestMethod === "CONNECT" && status < 300;
}

/**
 * Decides how a received response's body is framed (RFC 9112 §6.3).
 *
 * @returns The length in bytes, {@linkcode CHUNKED} or {@linkcode UNTIL_CLOSE}.
 * @throws {ProtocolError} As {@linkcode requestBodyLength}.
 */
export function receivedBodyLength(
  fields: KnownFields,
  { status, minorVersion, requestMethod }: ResponseFacts,
): number {
  if (hasNoBody(status, requestMethod)) return 0; // steps 1 and 2
  if (fields.contentLength === ABSENT && fields.transferEncoding === ABSENT) {
    return UNTIL_CLOSE; // step 8
  }
  return requestBodyLength(fields, minorVersion); // steps 3 to 6
}

/** Parses `1*DIGIT` exactly, or refuses it (RFC 9110 §8.6). */
function parseContentLength(fields: KnownFields, entry: number): number {
  const { bytes } = fields;
  const end = fields.valueEnd(entry);
  const start = fields.valueStart(entry);
  let tens = 0; // all digits but the last
  let last = 0;
  let digits = 0; // without leading zeros
  for (let pos = start; pos < end; pos++) {
    const digit = bytes[pos]! - DIGIT_0; // in range: pos < end
    if (digit < 0 || digit > 9) throw badLength(fields, entry, "not a number");
    if (digits > 0 || digit > 0) digits++;
    if (digits > MAX_LENGTH_DIGITS) throw badLength(fields, entry, "too large");
    tens = tens * 10 + last;
    last = digit;
  }
  if (start === end) throw badLength(fields, entry, "empty");
  if (
    tens > MAX_LENGTH_TENS ||
    (tens === MAX_LENGTH_TENS && last > MAX_LENGTH_LAST_DIGIT)
  ) throw badLength(fields, entry, "too large");
  return tens * 10 + last;
}

function badLength(
  fields: KnownFields,
  entry: number,
  why: string,
): ProtocolError {
  const value = quoteBytes(
    fields.bytes,
    fields.valueStart(entry),
    fields.valueEnd(entry),
  );
  return fault(
    fields,
    entry,
    "INVALID_CONTENT_LENGTH",
    `Cannot parse Content-Length: ${value} is ${why}`,
  );
}

/**
 * Accepts only the coding `chunked`. It is strict about the list, since
 * malformed ones have been used for smuggling (RFC 9112 §6.1).
 */
function requireChunked(fields: KnownFields, entry: number): void {
  if (isChunked(fields, entry)) return;
  const text = decodeLatin1(
    fields.bytes,
    fields.valueStart(entry),
    fields.valueEnd(entry),
  );
  const codings = text.split(",").map((member) =>
    lowerCaseAscii(trimOptionalWhiteSpace(member))
  );
  const areTokens = codings.every(isToken);
  const chunkedAt = codings.indexOf("chunked");
  if (!areTokens || chunkedAt !== codings.length - 1) {
    throw fault(
      fields,
      entry,
      "INVALID_TRANSFER_ENCODING",
      "Cannot parse Transfer-Encoding: chunked must occur once, as the last coding",
    );
  }
  throw fault(
    fields,
    entry,
    "UNSUPPORTED_TRANSFER_CODING",
    "Cannot decode a transfer coding other than chunked",
  );
}

const CHUNKED_NAME = "chunked";

function isChunked(fields: KnownFields, entry: number): boolean {
  const { bytes } = fields;
  const start = fields.valueStart(entry);
  if (fields.valueEnd(entry) - start !== CHUNKED_NAME.length) return false;
  for (let i = 0; i < CHUNKED_NAME.length; i++) {
    // setting this bit lower-cases a letter, and the name has only letters
    if ((bytes[start + i]! | 0x20) !== CHUNKED_NAME.charCodeAt(i)) return false;
  }
  return true;
}

function fault(
  fields: KnownFields,
  entry: number,
  code:
    | "CONFLICTING_FRAMING"
    | "INVALID_CONTENT_LENGTH"
    | "INVALID_TRANSFER_ENCODING"
    | "UNSUPPORTED_TRANSFER_CODING",
  message: string,
): ProtocolError {
  return new ProtocolError(
    code,
    message,
    fields.valueStart(entry) - fields.base,
  );
}
