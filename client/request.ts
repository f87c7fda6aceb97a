/**
 * Checks and encodes a request. This happens before a connection is opened, so
 * that invalid input is never sent (RFC 9112 §11.1).
 */

import { isToken } from "../codec/ascii.ts";
import {
  type BodyInit,
  BodySource,
  type StreamedBody,
} from "../codec/body_source.ts";
import { CHUNKED } from "../codec/framing.ts";
import {
  fieldLineSize,
  requestLineSize,
  writeFieldLine,
  writeRequestLine,
} from "../codec/head_encoder.ts";
import { Headers, type HeadersInit } from "../codec/headers.ts";
import { declaredLength } from "../codec/outgoing_fields.ts";
import { ByteArena } from "./byte_arena.ts";
import { type Origin, originUrl } from "./origin.ts";

/** A body to send. A `Blob`, `FormData` and `URLSearchParams` set `Content-Type`, unless the headers do. */
export type RequestBody =
  | BodyInit
  | ArrayBufferView
  | Blob
  | FormData
  | URLSearchParams;

/** The options of a request, in addition to method and target. */
export interface ExchangeInit {
  /** Fields; the client itself writes `Host` and the framing. */
  readonly headers?: HeadersInit;
  /**
   * Nothing, a string, bytes, a form, a `Blob`, or a stream. A stream is sent in
   * chunks, unless the headers declare its `Content-Length`.
   */
  readonly body?: RequestBody;
  /** A value to send as JSON, with `Content-Type: application/json`. */
  readonly json?: unknown;
  /** Aborts the exchange at any point; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long the whole exchange may take, in ms. @default {the client's `timeout`} */
  readonly timeout?: number;
  /** The most redirects that are followed. @default {the client's `maxRedirects`} */
  readonly maxRedirects?: number;
  /** The most repetitions of the request. @default {the client's `retries`} */
  readonly retries?: number;
  /** Whether the request may be processed twice, and so be repeated. @default {by the method} */
  readonly idempotent?: boolean;
  /** Whether the client's cookie jar is not used. @default {false} */
  readonly omitsCookies?: boolean;
  /** Sends the body only after `100 Continue` (RFC 9110 §10.1.1). @default {false} */
  readonly expectContinue?: boolean;
  /** Called with each interim response. */
  readonly onInterim?: (status: number, headers: Headers) => void;
  /** Called after each piece of the request's body was written. */
  readonly onUpload?: ProgressCallback;
  /** Called with each piece of the response's body that is read. */
  readonly onDownload?: ProgressCallback;
  /** Offers another protocol, such as `websocket`; after a 101 the response carries the connection. */
  readonly upgrade?: string;
}

/** How much of a body was transferred. */
export interface TransferProgress {
  /** Bytes so far, without framing; for a download, after decoding. */
  readonly bytes: number;
  /** Bytes in total, or `null` if that is not known before the end. */
  readonly totalBytes: number | null;
}

/** Called after each piece of a body. */
export type ProgressCallback = (progress: TransferProgress) => void;

/** What is requested. */
export interface RequestLine {
  readonly method: string;
  /** A path with an optional query, or `*`. */
  readonly target: string;
}

/** A request that has passed all checks. */
export interface PreparedRequest {
  readonly method: string;
  readonly target: string;
  /** The head. */
  readonly first: Uint8Array<ArrayBuffer>;
  /** The body's bytes, if they are known and there are any. */
  readonly rest: Uint8Array | null;
  /** Whether head and body are one write: the body is short and does not wait for `100 Continue`. */
  readonly isOneWrite: boolean;
  /** The body's pieces, if it is a stream. */
  readonly source: BodySource | null;
  /** Bytes of the body, or `CHUNKED`. */
  readonly length: number;
  readonly expectsContinue: boolean;
  readonly upgrade: string | null;
  /** Whether it announces that the connection closes after the exchange (RFC 9112 §9.6). */
  readonly closes: boolean;
}

const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

/** Largest body that is written together with its head, in bytes. */
const MAX_JOINED_BYTES = 16_384;

/** Methods for which an absent body is sent as `Content-Length: 0` (RFC 9110 §8.6). */
const METHODS_WITH_CONTENT: ReadonlySet<string> = new Set([
  "POST",
  "PUT",
  "PATCH",
]);

/** A path with an optional query, or `*` (RFC 9112 §3.2, RFC 3986 §2.1, §3.3). */
const TARGET =
  /^(?:\/[\x21\x24\x26-\x3b\x3d\x3f-\x5b\x5d-\x5f\x61-\x7a\x7c\x7e]*(?:%[0-9A-Fa-f]{2}[\x21\x24\x26-\x3b\x3d\x3f-\x5b\x5d-\x5f\x61-\x7a\x7c\x7e]*)*|\*)$/;

/**
 * Checks a request and encodes its head.
 *
 * @param origin Where it is sent; its authority is the value of `Host`.
 * @param arena Has room for short requests.
 * @throws {TypeError} If method, target or a field is not valid, or the fields
 * contradict the body.
 */
export function prepareRequest(
  { method, target }: RequestLine,
  init: ExchangeInit,
  origin: Origin,
  arena: ByteArena = new ByteArena(),
): PreparedRequest {
  checkLine(method, target);
  const headers = Headers.from(init.headers);
  if (headers.count > 0 || init.upgrade !== undefined) {
    checkFields(headers, init);
  }
  const body = readBody(init.body);
  if (body !== null && (method === "TRACE" || init.upgrade !== undefined)) {
    // TRACE: RFC 9110 §9.3.8. Upgrade: the server could mistake the body for
    // the other protocol.
    throw new TypeError(
      "Cannot send a body with TRACE or an offer to upgrade",
    );
  }
  const isStream = body !== null && !(body instanceof Uint8Array);
  const declared = declaredLength(headers.outgoing());
  if (init.upgrade !== undefined && origin.proxy && !origin.isSecure) {
    throw new TypeError(
      "Cannot offer to upgrade through a proxy: it forwards requests to an http origin, not the offer",
    );
  }
  const bytes = isStream ? null : body ?? NO_BYTES;
  if (bytes !== null && declared !== null && declared !== bytes.length) {
    throw new TypeError(
      `Cannot declare a Content-Length of ${declared} bytes: the body has ${bytes.length}`,
    );
  }
  const length = bytes?.length ?? declared ?? CHUNKED;
  const isDeclared = body !== null || METHODS_WITH_CONTENT.has(method);
  const expectsContinue = init.expectContinue === true && length !== 0;
  const fields: Field[] = [["host", origin.authority]];
  if (isDeclared) fields.push(framingField(length));
  if (expectsContinue) fields.push(["expect", "100-continue"]);
  addConnectionFields(fields, headers, init.upgrade);
  const line = origin.proxy === null || origin.isSecure
    ? { method, target }
    : forwardedLine(method, target, origin, fields, headers);
  return {
    method: line.method,
    target: line.target,
    first: encodeHead({ line, headers, fields }, arena),
    rest: bytes === null || bytes.length === 0 ? null : bytes,
    isOneWrite: bytes !== null && !expectsContinue &&
      bytes.length <= MAX_JOINED_BYTES,
    source: isStream ? new BodySource(body) : null,
    length,
    expectsContinue,
    upgrade: init.upgrade ?? null,
    closes: headers.connectionClose,
  };
}

function checkLine(method: string, target: string): void {
  if (!isToken(method)) {
    throw new TypeError(
      `Cannot send method ${JSON.stringify(method)}: it is not a token`,
    );
  }
  if (method === "CONNECT") {
    throw new TypeError(
      "Cannot send CONNECT: for a request through a proxy, set the option proxy",
    );
  }
  if (typeof target !== "string") {
    throw new TypeError(
      `Cannot send target ${
        String(target)
      }: it is not a string; an Agent and createFetch() accept URL objects`,
    );
  }
  if (!TARGET.test(target) || (target === "*" && method !== "OPTIONS")) {
    throw new TypeError(
      `Cannot send target ${JSON.stringify(target)}: ${targetFault(target)}`,
    );
  }
}

/** What is wrong with a target, and what to write instead. */
function targetFault(target: string): string {
  if (/^https?:/i.test(target)) {
    return "a client has one origin, so pass only path and query; an Agent and createFetch() accept URLs";
  }
  if (target === "*") return "only OPTIONS has this target";
  if (!target.startsWith("/")) return 'it does not begin with "/"';
  const at = target.search(/%(?![0-9A-Fa-f]{2})/);
  if (at !== -1) {
    return `the "%" at offset ${at} is not followed by two hex digits; write "%25" for a percent sign`;
  }
  if (target.includes("#")) {
    return 'a fragment is not sent; write "%23" for a number sign';
  }
  const offset = target.search(/[^!$&-;=?-[\]-_a-z|~%]/);
  return `${
    JSON.stringify(target[offset] ?? "")
  } at offset ${offset} must be percent-encoded; use encodeURIComponent() for the parts of a path or query`;
}

function checkFields(headers: Headers, init: ExchangeInit): void {
  for (const name of ["host", "transfer-encoding", "expect", "upgrade"]) {
    if (!headers.has(name)) continue;
    throw new TypeError(
      `Cannot set field ${JSON.stringify(name)}: the client writes it itself`,
    );
  }
  const { upgrade } = init;
  if (upgrade === undefined) return;
  const parts = upgrade.split("/"); // RFC 9110 §7.8: name ["/" version]
  if (parts.length <= 2 && parts.every(isToken)) return;
  throw new TypeError(
    `Cannot offer protocol ${
      JSON.stringify(upgrade)
    }: not a token, or two with a slash between them`,
  );
}

type Body = Uint8Array | StreamedBody | null;

function readBody(body: RequestBody): Body {
  if (body === null || body === undefined) return null;
  if (typeof body === "string") return encoder.encode(body);
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  // `exchange_chain.ts` has converted a body of the web; a value of any other
  // type is refused by `BodySource`.
  return body as Uint8Array | StreamedBody;
}

/**
 * The request line for a proxy that forwards requests, with an absolute target
 * (RFC 9112 §3.2.2); adds the field with the proxy's credentials.
 */
function forwardedLine(
  method: string,
  target: string,
  origin: Origin,
  fields: Field[],
  headers: Headers,
): RequestLine {
  const authorization = origin.proxy?.authorization ?? null;
  if (authorization !== null && !headers.has("proxy-authorization")) {
    fields.push(["proxy-authorization", authorization]);
  }
  // `*` becomes an absolute target without a path (RFC 9112 §3.2.4).
  return { method, target: originUrl(origin) + (target === "*" ? "" : target) };
}

type Field = readonly [name: string, value: string];

function framingField(length: number): Field {
  return length === CHUNKED
    ? ["transfer-encoding", "chunked"]
    : ["content-length", String(length)];
}

function addConnectionFields(
  fields: Field[],
  headers: Headers,
  upgrade: string | undefined,
): void {
  if (upgrade === undefined && headers.count === 0) return;
  const options: string[] = [];
  if (upgrade !== undefined) options.push("upgrade");
  else if (headers.connectionClose) options.push("close");
  if (headers.has("te")) options.push("te"); // RFC 9110 §10.1.4
  if (options.length > 0) fields.push(["connection", options.join(", ")]);
  if (upgrade !== undefined) fields.push(["upgrade", upgrade]);
}

/** `Host` comes first (RFC 9110 §7.2), then the client's own fields, then the caller's. */
function encodeHead(
  { line: { method, target }, headers, fields }: {
    readonly line: RequestLine;
    readonly headers: Headers;
    readonly fields: readonly Field[];
  },
  arena: ByteArena,
): Uint8Array<ArrayBuffer> {
  const { encoded } = headers.outgoing();
  let size = requestLineSize(method, target) + encoded.length + 2;
  for (const [name, value] of fields) size += fieldLineSize(name, value);
  const head = arena.take(size);
  let at = writeRequestLine(head, 0, method, target);
  for (const [name, value] of fields) {
    at = writeFieldLine(head, at, name, value);
  }
  if (encoded.length > 0) head.set(encoded, at);
  at += encoded.length;
  head[at] = 0x0d; // \r
  head[at + 1] = 0x0a; // \n
  return head;
}
