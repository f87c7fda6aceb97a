/**
 * Turns the values that programs send as bodies into what `request.ts` sends:
 * those of the web's `fetch`, JSON, and streams whose length is known. Says
 * which of them can be sent again.
 */

import type { BodyInit, StreamedBody } from "../codec/body_source.ts";
import { Headers } from "../codec/headers.ts";
import { counted } from "./progress.ts";
import type { ExchangeInit, ProgressCallback, RequestBody } from "./request.ts";

/** Largest `Blob` that is read before it is sent, in bytes, so that it is written together with the head. */
const MAX_READ_BLOB_BYTES = 16_384;

/** The body of a request, which may be sent several times. */
export interface RequestContent {
  /** Whether it can be opened more than once. */
  readonly isRepeatable: boolean;
  /** Returns the body to send. */
  open(): BodyInit;
}

/** No body. */
export const NO_CONTENT: RequestContent = Object.freeze({
  isRepeatable: true,
  open: () => null,
});

/** A body, and what it says about itself. */
interface Content {
  readonly open: () => BodyInit;
  readonly isRepeatable: boolean;
  /** Its media type, or an empty string if it has none. */
  readonly type: string;
  /** Its length in bytes, or `null` if that is known only at its end. */
  readonly lengthBytes: number | null;
  /** Whether `open` returns a stream, whose length needs a field. */
  readonly isStream: boolean;
}

/** The fields and the body of a request. */
export interface PreparedContent {
  readonly headers: Headers;
  readonly content: RequestContent;
}

/**
 * Prepares a request's body, and adds the fields that describe it. Fields of the
 * caller take precedence.
 *
 * @throws {TypeError} If both a body and JSON are given, or JSON cannot express the value.
 */
export async function prepareContent(
  init: ExchangeInit,
): Promise<PreparedContent> {
  const { onUpload } = init;
  const headers = Headers.from(init.headers);
  const plain = await contentOf(init);
  if (plain === null) return { headers, content: NO_CONTENT };
  const content = onUpload === undefined
    ? plain
    : withProgress(plain, onUpload);
  const { type, lengthBytes, isStream } = content;
  const needsType = type !== "" && !headers.has("content-type");
  const needsLength = isStream && lengthBytes !== null &&
    !headers.has("content-length");
  if (!needsType && !needsLength) return { headers, content };
  const described = new Headers(headers);
  if (needsType) described.add("content-type", type);
  if (needsLength) described.add("content-length", String(lengthBytes));
  return { headers: described, content };
}

async function contentOf(init: ExchangeInit): Promise<Content | null> {
  if (init.json === undefined) return await bodyContent(init.body);
  if (init.body !== undefined && init.body !== null) {
    throw new TypeError("Cannot send a request with both a body and json");
  }
  const json: string | undefined = JSON.stringify(init.json);
  if (json === undefined) {
    throw new TypeError(
      `Cannot send a ${typeof init.json} as JSON: it has no such form`,
    );
  }
  return bytesContent(json, "application/json");
}

async function bodyContent(body: RequestBody): Promise<Content | null> {
  if (body === null || body === undefined) return null;
  if (typeof body === "string") return bytesContent(body, "");
  if (body instanceof ArrayBuffer) return bytesContent(body, "");
  if (ArrayBuffer.isView(body)) return bytesContent(viewOf(body), "");
  if (body instanceof URLSearchParams) {
    const type = "application/x-www-form-urlencoded;charset=UTF-8";
    return bytesContent(body.toString(), type);
  }
  if (body instanceof FormData) {
    const encoded = new Response(body);
    const type = encoded.headers.get("content-type") ?? "";
    return { ...await blobContent(await encoded.blob()), type };
  }
  if (body instanceof Blob) return await blobContent(body);
  if (typeof body === "object" && Symbol.asyncIterator in body) {
    return streamContent(body);
  }
  throw new TypeError(
    `Cannot send a body of type ${typeof body}: it must be a string, bytes, a Blob, FormData, URLSearchParams, a ReadableStream or an async iterable; await a promise, and send other objects as json`,
  );
}

function bytesContent(
  bytes: string | Uint8Array | ArrayBuffer,
  type: string,
): Content {
  const data = typeof bytes === "string"
    ? new TextEncoder().encode(bytes)
    : bytes;
  return {
    open: () => data,
    isRepeatable: true,
    type,
    lengthBytes: data.byteLength,
    isStream: false,
  };
}

/** The bytes of a view of any type. */
function viewOf(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array
    ? view
    : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

async function blobContent(blob: Blob): Promise<Content> {
  if (blob.size <= MAX_READ_BLOB_BYTES) {
    return bytesContent(await blob.bytes(), blob.type);
  }
  return {
    open: () => blob.stream(),
    isRepeatable: true,
    type: blob.type,
    lengthBytes: blob.size,
    isStream: true,
  };
}

function streamContent(body: StreamedBody): Content {
  return {
    open: () => body,
    isRepeatable: false,
    type: "",
    lengthBytes: null,
    isStream: true,
  };
}

/** Reports each piece of a body before it is sent. */
function withProgress(content: Content, onUpload: ProgressCallback): Content {
  const { open, lengthBytes } = content;
  return {
    ...content,
    isStream: true,
    open: () => {
      const body = open();
      return body === null || body === undefined
        ? body
        : counted(body, lengthBytes, onUpload);
    },
  };
}
