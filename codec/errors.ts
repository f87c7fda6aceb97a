/**
 * The error class for a peer that breaks the protocol, its codes with the
 * status that a server responds with (RFC 9110 §15.5, §15.6), and the constant
 * that parsers return when they need more bytes. A wrong argument of our own
 * caller is a `TypeError` or a `RangeError` instead.
 */

/** Returned by a parser when the message is incomplete but valid so far. */
export const NEED_DATA: unique symbol = Symbol("NEED_DATA");

/** The status that a server responds with for each code; 502 for codes that only a client sees. */
export const PROTOCOL_ERROR_STATUS = {
  // start line
  INVALID_METHOD: 400,
  METHOD_TOO_LONG: 501,
  INVALID_TARGET: 400,
  TARGET_TOO_LONG: 414,
  INVALID_VERSION: 400,
  UNSUPPORTED_VERSION: 505,
  INVALID_LINE_END: 400,
  INVALID_STATUS_LINE: 502,
  TOO_MANY_INTERIM_RESPONSES: 502,
  UNEXPECTED_UPGRADE: 502,
  // field lines
  INVALID_FIELD_NAME: 400,
  INVALID_FIELD_VALUE: 400,
  OBSOLETE_LINE_FOLDING: 400,
  HEAD_TOO_LARGE: 431,
  TOO_MANY_FIELDS: 431,
  TRUNCATED_HEAD: 400,
  // fields that affect routing and the connection
  MISSING_HOST: 400,
  INVALID_HOST: 400,
  HOST_MISMATCH: 400,
  MISDIRECTED_REQUEST: 421,
  REPEATED_FIELD: 400,
  INVALID_CONNECTION: 400,
  EXPECTATION_FAILED: 417,
  // framing
  INVALID_CONTENT_LENGTH: 400,
  CONFLICTING_FRAMING: 400,
  INVALID_TRANSFER_ENCODING: 400,
  UNSUPPORTED_TRANSFER_CODING: 501,
  BODY_NOT_ALLOWED: 400,
  BODY_TOO_LARGE: 413,
  TRUNCATED_BODY: 400,
  // chunked
  INVALID_CHUNK_SIZE: 400,
  INVALID_CHUNK_EXTENSION: 400,
  INVALID_CHUNK_END: 400,
  CHUNK_LINE_TOO_LONG: 400,
  CHUNK_OVERHEAD_TOO_LARGE: 400,
  FORBIDDEN_TRAILER: 400,
  TRAILERS_TOO_LARGE: 431,
  // time
  HEAD_TIMEOUT: 408,
  BODY_TIMEOUT: 408,
  REQUEST_TIMEOUT: 408,
} as const;

/** A stable name for one kind of fault; see {@linkcode PROTOCOL_ERROR_STATUS}. */
export type ProtocolErrorCode = keyof typeof PROTOCOL_ERROR_STATUS;

/**
 * The peer broke the protocol, or exceeded a limit that the message names.
 *
 * @example Distinguish malformed bytes from a bug
 * ```ts
 * import { ProtocolError } from "@khttp/khttp";
 * import { parseRequestHead } from "@khttp/khttp/codec";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const wire = new TextEncoder().encode("GET / HTTP/2.0\r\n");
 * const error = assertThrows(() => parseRequestHead(wire), ProtocolError);
 * assertEquals([error.code, error.status], ["UNSUPPORTED_VERSION", 505]);
 * ```
 */
export class ProtocolError extends Error {
  /** The stable name of the fault. */
  readonly code: ProtocolErrorCode;
  /** The status code that a server responds with (RFC 9110 §15). */
  readonly status: number;
  /** Offset of the fault in bytes, from the start of the head or of the body's framing. */
  readonly offset: number;

  /**
   * Creates the error; the status follows from the code.
   *
   * @param code The stable name of the fault.
   * @param message What failed and why, with the limit if one was exceeded; the
   * offset is appended.
   * @param offset Offset of the fault in bytes, from the start of the head or of
   * the body's framing.
   */
  constructor(code: ProtocolErrorCode, message: string, offset: number) {
    super(`${message} at offset ${offset}`);
    this.name = "ProtocolError";
    this.code = code;
    this.status = PROTOCOL_ERROR_STATUS[code];
    this.offset = offset;
  }
}

/** The syntax error of a request's body that is read as JSON or as a form. A server responds with 400. */
export class BodySyntaxError extends SyntaxError {}
