/**
 * Reads the arguments of a `fetch` call as the Fetch Standard defines them, and
 * turns them into a request of this client.
 */

import { Headers } from "../codec/headers.ts";
import type { FetchInit } from "./fetch_init.ts";
import type { FetchUrl, FetchUrls } from "./fetch_url.ts";
import { initFault } from "./init_check.ts";
import type { ExchangeInit, RequestBody } from "./request.ts";
import { peekStream, webChunks } from "./fetch_body.ts";

/** What a call asks for. */
export interface FetchRequest {
  readonly method: string;
  readonly url: FetchUrl;
  readonly signal: AbortSignal | undefined;
  readonly redirect: "follow" | "error" | "manual";
  /** Returns the rest of the request. A stream is read from here on. */
  exchangeInit(): ExchangeInit | Promise<ExchangeInit>;
  /** Cancels a body that is a stream. */
  cancelBody(reason: unknown): void;
}

/** Methods whose name is written in upper case, however the caller wrote it. */
const NORMALIZED: ReadonlySet<string> = new Set([
  ...["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"],
]);

/** Methods that the Fetch Standard forbids. */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set([
  ...["CONNECT", "TRACE", "TRACK"],
]);

/** Fields that belong to a connection, or that the client writes: they are dropped, so that the fields of a received request can be passed on. */
const DROPPED_FIELDS: ReadonlySet<string> = new Set([
  ...["connection", "expect", "host", "keep-alive", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
]);

/**
 * Reads the arguments of a call.
 *
 * @param urls Parses the URL.

 * @throws {TypeError} If one of them is not valid.
 */
export function readFetchRequest(
  input: string | URL | Request,
  init: FetchInit,
  urls: FetchUrls,
): FetchRequest {
  if (typeof init !== "object") {
    throw new TypeError(
      "Cannot fetch: the options are not an object; pass a body as { body }",
    );
  }
  checkUnsupported(init);
  if (input instanceof Request) {
    const hasInit = Object.keys(init).length > 0;
    return fromRequest(
      hasInit ? new Request(input, init) : input,
      init,
      urls,
    );
  }
  const url = urls.parse(input);
  const method = normalMethod(init.method);
  const body = checkedBody(init.body, method);
  const headers = init.headers === undefined
    ? null
    : new globalThis.Headers(init.headers);
  return {
    method,
    url,
    signal: checkedSignal(init.signal),
    redirect: checkedRedirect(init.redirect),
    exchangeInit: () => exchangeInit(headers, body, init),
    cancelBody: (reason) => cancel(body, reason),
  };
}

function fromRequest(
  request: Request,
  init: FetchInit,
  urls: FetchUrls,
): FetchRequest {
  const { body, signal } = request;
  if (request.bodyUsed) {
    throw new TypeError("Cannot send the request: its body is already used");
  }
  return {
    method: normalMethod(request.method),
    url: urls.parse(request.url),
    signal,
    redirect: checkedRedirect(request.redirect),
    async exchangeInit(): Promise<ExchangeInit> {
      const content = body === null ? null : await peekStream(body);
      return exchangeInit(request.headers, content, init);
    },
    cancelBody: (reason) => cancel(body, reason),
  };
}

function checkUnsupported(init: FetchInit): void {
  if (init.integrity) {
    throw new TypeError("Cannot check integrity: this fetch does not");
  }
  if ("client" in init && init.client !== undefined) {
    throw new TypeError(
      "Cannot use the option client: pass its settings to createFetch()",
    );
  }
}

function normalMethod(method = "GET"): string {
  const upper = String(method).toUpperCase();
  if (FORBIDDEN_METHODS.has(upper)) {
    throw new TypeError(
      `Cannot fetch with the method ${upper}: it is forbidden`,
    );
  }
  return NORMALIZED.has(upper) ? upper : String(method);
}

function checkedRedirect(mode: unknown = "follow"): FetchRequest["redirect"] {
  if (mode === "follow" || mode === "error" || mode === "manual") return mode;
  throw new TypeError(
    `Cannot set option redirect to ${
      JSON.stringify(mode)
    }: it must be "follow", "error" or "manual"`,
  );
}

function checkedSignal(signal: unknown): AbortSignal | undefined {
  if (signal === null || signal === undefined) return undefined;
  if (signal instanceof AbortSignal) return signal;
  throw new TypeError(
    "Cannot set option signal: not an AbortSignal; pass controller.signal",
  );
}

/** A body as it will be sent. Bytes are copied, since the caller may change them. */
function checkedBody(body: unknown, method: string): RequestBody {
  if (body === null || body === undefined) return null;
  if (method === "GET" || method === "HEAD") {
    throw new TypeError(`Cannot send a body with ${method}`);
  }
  if (
    typeof body === "string" || body instanceof Blob ||
    body instanceof FormData || body instanceof URLSearchParams
  ) return body;
  if (body instanceof ArrayBuffer) return body.slice(0);
  if (ArrayBuffer.isView(body)) {
    const { buffer, byteOffset, byteLength } = body;
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  }
  if (body instanceof ReadableStream) {
    if (!body.locked) return body;
    throw new TypeError("Cannot send body: the stream is locked");
  }
  if (typeof body === "object" && Symbol.asyncIterator in body) {
    return body as AsyncIterable<Uint8Array>; // each piece is checked
  }
  return stringBody(body);
}

/** The web sends any other value as a string. An object that has no string of its own is more likely a mistake. */
function stringBody(body: unknown): string {
  const text = String(body);
  if (typeof body !== "object" || !text.startsWith("[object ")) return text;
  throw new TypeError(
    `Cannot send an object as ${text}: pass JSON.stringify(value), a string, bytes, a Blob, FormData, URLSearchParams or a stream`,
  );
}

function isStream(body: RequestBody): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null &&
    Symbol.asyncIterator in body;
}

function cancel(body: RequestBody, reason: unknown): void {
  if (!(body instanceof ReadableStream)) return;
  body.cancel(reason).catch(() => {
    // Its source failed; the call rejects with the signal's reason.
  });
}

/** Fields that every request of the web has. */
const DEFAULT_FIELDS = [
  ["accept", "*/*"],
  ["accept-language", "*"],
  ["user-agent", "khttp"],
] as const;

/** The fields of a request that has none of its own. */
const PLAIN_FIELDS = sentFields(new globalThis.Headers(), false);

/** The same with a body that is a string. */
const TEXT_FIELDS = withTextType(new Headers(PLAIN_FIELDS));

/** A request without a body and without fields of its own. */
const PLAIN_INIT: ExchangeInit = Object.freeze({ headers: PLAIN_FIELDS });

/** @param fields The caller's fields, or `null` if there are none. */
function exchangeInit(
  fields: globalThis.Headers | null,
  body: RequestBody,
  init: FetchInit,
): ExchangeInit {
  const extras = extrasOf(init);
  if (fields === null && body === null) {
    return extras === null ? PLAIN_INIT : { ...PLAIN_INIT, ...extras };
  }
  const isText = typeof body === "string";
  let headers = isText ? TEXT_FIELDS : PLAIN_FIELDS;
  if (fields !== null) {
    headers = sentFields(fields, isStream(body));
    if (isText) withTextType(headers);
  }
  const expectation = fields?.get("expect") ?? "";
  return {
    headers,
    body: isStream(body) ? webChunks(body) : body,
    expectContinue: /^100-continue$/i.test(expectation),
    ...extras,
  };
}

/** Adds the type of a body that is a string, unless the caller set one. */
function withTextType(headers: Headers): Headers {
  return headers.has("content-type")
    ? headers
    : headers.add("content-type", "text/plain;charset=UTF-8");
}

/** The options that are not about the message, or `null` if there are none. */
function extrasOf(init: FetchInit): ExchangeInit | null {
  const { credentials, timeout, retries, idempotent } = init;
  const { onInterim, onUpload, onDownload } = init;
  if (
    credentials !== "omit" && timeout === undefined && retries === undefined &&
    idempotent === undefined && onInterim === undefined &&
    onUpload === undefined && onDownload === undefined
  ) return null;
  const extras: ExchangeInit = {
    omitsCookies: credentials === "omit",
    ...timeout === undefined ? {} : { timeout },
    ...retries === undefined ? {} : { retries },
    ...idempotent === undefined ? {} : { idempotent },
    ...onInterim === undefined ? {} : { onInterim },
    ...onUpload === undefined ? {} : { onUpload },
    ...onDownload === undefined ? {} : { onDownload },
  };
  const fault = initFault(extras);
  if (fault !== null) throw new TypeError(fault);
  return extras;
}

/** The caller's fields without those of the connection, and the defaults of the web. */
function sentFields(fields: globalThis.Headers, isStreamed: boolean): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) {
    const isLength = name === "content-length" && !isStreamed;
    if (!isLength && !DROPPED_FIELDS.has(name)) headers.add(name, value);
  }
  if (/(?:^|,)\s*close\s*(?:,|$)/i.test(fields.get("connection") ?? "")) {
    headers.add("connection", "close");
  }
  for (const [name, value] of DEFAULT_FIELDS) {
    if (!fields.has(name)) headers.add(name, value);
  }
  return headers;
}
