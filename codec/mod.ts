/**
 * Messages as bytes and back, without I/O: parsers and encoders for programs that
 * bring their own connections, such as proxies and tests.
 *
 * Parsers take bytes as they arrive. They return a value or `NEED_DATA`, and throw
 * a `ProtocolError` for bytes that no continuation makes valid.
 *
 * @example Parse a request head
 * ```ts
 * import { NEED_DATA, parseRequestHead } from "@khttp/khttp/codec";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("GET /a HTTP/1.1\r\nHost: b\r\n\r\n");
 * const head = parseRequestHead(bytes);
 * assert(head !== NEED_DATA);
 * assertEquals([head.method, head.uri.path], ["GET", "/a"]);
 * ```
 *
 * @module
 */

// Heads
export { RequestHead } from "./request_head.ts";
export { parseRequestHead } from "./request_parser.ts";
export type { ResponseHead } from "./response_head.ts";
export {
  parseResponseHead,
  type ResponseHeadLimits,
} from "./response_parser.ts";
export type { HeadLimits } from "./limits.ts";
export { RequestTarget, type TargetForm } from "./request_target.ts";
export { Status } from "./status.ts";

// Fields
export { Headers, type HeadersInit, type HeadersRecord } from "./headers.ts";
export type { FieldName, KnownFieldName } from "./field_names.ts";
export {
  type CookieOptions,
  encodeSetCookie,
  parseCookies,
} from "./cookies.ts";
export { formatHttpDate, parseHttpDate } from "./http_date.ts";

// Bodies
export { BodyDecoder } from "./body_decoder.ts";
export { type BodyFeed, type BodyMessage, BodyReader } from "./body_reader.ts";
export type { BodyInit, StreamedBody } from "./body_source.ts";
export { ChunkedDecoder } from "./chunked.ts";
export type { BodyLimits } from "./limits.ts";
export type { TrailerSection } from "./trailer_section.ts";

// Errors
export {
  NEED_DATA,
  PROTOCOL_ERROR_STATUS,
  ProtocolError,
  type ProtocolErrorCode,
} from "./errors.ts";
