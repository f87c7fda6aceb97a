/**
 * Sends a web `Response`. A body that the runtime still has as a string, as bytes
 * or as a blob goes out without a stream, and the fields are taken from its list:
 * both are read from the runtime's slots. Where the slots are not as expected,
 * the public interface gives the same bytes, as a stream.
 */

import { Headers as FieldLines } from "../codec/headers.ts";
import { typeName } from "../codec/shown.ts";
import { Status } from "../codec/status.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import type { FetchExchange } from "./fetch_exchange.ts";
import { FileResponse } from "./file_response.ts";
import {
  type FieldList,
  ResponseFields,
  type SentFields,
} from "./response_fields.ts";
import {
  attempt,
  findResponseSlots,
  type InnerBody,
  type InnerResponse,
  type ResponseSlots,
  type Slotted,
  TEXT_TYPE,
} from "./runtime_slots.ts";
import { UpgradeResponse } from "./upgrade_response.ts";

/** Largest blob that is read before it is sent, in bytes; a larger one is streamed with its length. */
const MAX_READ_BLOB_BYTES = 65_536;

/** Fields that describe a body as it was received, and not as the runtime has decoded it. */
const DECODED_FIELDS: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
]);

/** The type of streams of events. */
const EVENT_STREAM = "text/event-stream";

const encoder = new TextEncoder();

/** Sends responses; one for each handler, whose lists of fields it keeps. */
export class ResponseSender {
  #fields: ResponseFields = new ResponseFields();
  #slots: ResponseSlots | null;

  /** Creates a sender that reads responses through the given slots, or without any. */
  constructor(slots: ResponseSlots | null = attempt(findResponseSlots)) {
    this.#slots = slots;
  }

  /**
   * Sends a response.
   *
   * @param response What the handler has returned: a response, or a promise of one.
   * @returns A promise if the response or its body has to be awaited.
   * @throws {TypeError} If it is no response, is an error, was sent before, or
   * has a field that cannot be sent, or declares another length than its stream has.
   */
  send(exchange: FetchExchange, response: unknown): void | Promise<void> {
    const slots = this.#slots;
    if (slots !== null) {
      // Any value may be asked for a slot but these two.
      const inner = (response as Slotted | null | undefined)
        ?.[slots.inner] as InnerResponse | undefined;
      if (inner !== undefined) {
        return this.#sendInner(exchange, response as Slotted, inner, slots);
      }
    }
    if (typeof (response as PromiseLike<unknown> | null)?.then === "function") {
      return this.#sendLater(exchange, response);
    }
    if (!(response instanceof Response)) throw noResponse(response);
    return this.#sendPublic(exchange, response);
  }

  /** Waits for a promise, or for what has `then()`, as `await` would. */
  #sendLater(exchange: FetchExchange, outcome: unknown): Promise<void> {
    return Promise.resolve(outcome).then((response) =>
      this.send(exchange, response)
    );
  }

  #sendInner(
    exchange: FetchExchange,
    response: Slotted,
    inner: InnerResponse,
    slots: ResponseSlots,
  ): void | Promise<void> {
    const { res } = exchange;
    if (inner.status < 200) return refuseStatus(res, inner.status);
    const text = response[slots.lazyBody];
    const type = response[slots.lazyType] ?? null;
    if (typeof text === "string") {
      if (response[slots.lazyConsumed] === true) throw sentTwice();
      response[slots.lazyConsumed] = true;
      const fields = this.#fields.find(
        inner.headerList,
        type as string | null ?? TEXT_TYPE, // the runtime keeps no other types there
      );
      res.send(
        statusOf(inner.status, inner.statusMessage),
        text,
        fields.sizedLines,
      );
      return;
    }
    const list = inner.bodyDecoded === true
      ? withoutDecoded(inner.headerList)
      : inner.headerList;
    const fields = this.#fields.find(list, type as string | null); // as above
    const status = statusOf(inner.status, inner.statusMessage);
    const { body } = inner;
    if (body === null) {
      if (response instanceof UpgradeResponse) response.upgrade();
      else res.send(status, null, linesOfEmpty(exchange, fields));
      return;
    }
    if (body.unusable()) throw sentTwice();
    if (response instanceof FileResponse) {
      return sendFile(exchange, status, response, fields.lines);
    }
    return sendBody(exchange, status, body, fields);
  }

  #sendPublic(exchange: FetchExchange, response: Response): void {
    if (response instanceof UpgradeResponse) return response.upgrade();
    const { res } = exchange;
    if (response.status < 200) return refuseStatus(res, response.status);
    if (response.bodyUsed || response.body?.locked === true) throw sentTwice();
    // Only a response that was received has a URL, and its body was decoded.
    const list: FieldList = response.url === ""
      ? [...response.headers]
      : withoutDecoded([...response.headers]);
    const fields = this.#fields.find(list, null);
    const { lines } = fields;
    const status = statusOf(response.status, response.statusText);
    if (response.body === null) {
      res.send(status, null, linesOfEmpty(exchange, fields));
    } else if (response instanceof FileResponse) {
      sendFile(exchange, status, response, lines);
    } else sendStream(exchange, status, response.body, lines);
  }
}

/** The fields of a response without a body. On HEAD, a declared length is that of the response to GET (RFC 9110 §8.6). */
function linesOfEmpty(
  { ctx }: FetchExchange,
  { lines, sizedLines }: SentFields,
): FieldLines {
  return ctx.method === "HEAD" ? lines : sizedLines;
}

function sendBody(
  exchange: FetchExchange,
  status: Status | number,
  body: InnerBody,
  fields: SentFields,
): void | Promise<void> {
  const { streamOrStatic, source } = body;
  const { res } = exchange;
  if (!(streamOrStatic instanceof ReadableStream)) {
    streamOrStatic.consumed = true;
    sendStatic(res, status, streamOrStatic.body, fields);
    return;
  }
  if (typeof source === "string" || source instanceof Uint8Array) {
    // A stream was made of it because something looked at `body`; nothing was read.
    streamOrStatic.cancel();
    sendStatic(res, status, source, fields);
    return;
  }
  let { lines } = fields;
  if (source instanceof Blob) {
    if (source.size <= MAX_READ_BLOB_BYTES) {
      streamOrStatic.cancel(); // marks the response's body as used
      return sendBlob(res, status, source, fields);
    }
    lines = new FieldLines(lines);
    lines.set("content-length", String(source.size));
  }
  sendStream(exchange, status, streamOrStatic, lines);
}

/** Sends a string or bytes. A string without a type is sent as bytes, to which the server adds no type. */
function sendStatic(
  res: ResponseHandle,
  status: Status | number,
  body: string | Uint8Array,
  { sizedLines, hasType }: SentFields,
): void {
  const isText = typeof body === "string";
  res.send(
    status,
    isText && !hasType ? encoder.encode(body) : body,
    sizedLines,
  );
}

async function sendBlob(
  res: ResponseHandle,
  status: Status | number,
  blob: Blob,
  { sizedLines }: SentFields,
): Promise<void> {
  res.send(status, await blob.bytes(), sizedLines);
}

/** Sends a file without its stream, which nothing has touched. */
function sendFile(
  { res }: FetchExchange,
  status: Status | number,
  response: FileResponse,
  lines: FieldLines,
): void {
  const file = response.takeFile();
  void response.body?.cancel(); // marks the response's body as used
  res.send(status, file, lines);
}

/** Sends a stream. The request stays readable until it ends, since the stream's source may read it. */
function sendStream(
  { ctx, res }: FetchExchange,
  status: Status | number,
  stream: ReadableStream<Uint8Array>,
  lines: FieldLines,
): void {
  const isEndless =
    lines.get("content-type")?.startsWith(EVENT_STREAM) === true;
  res.send(status, isEndless ? untilAbort(stream, ctx.signal) : stream, lines);
  res.sent.catch(() => {}); // reading it keeps the request; the connection reports failures
}

/**
 * Reads a stream until the client leaves. A client that has ended its direction
 * may wait for the rest of a response, but not for that of a stream of events,
 * which has no end.
 */
function untilAbort(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  const cancel = (): Promise<void> => {
    signal.removeEventListener("abort", onAbort);
    return reader.cancel(signal.reason);
  };
  // The stream's source fails in `cancel`, which changes nothing for the client.
  const onAbort = (): void => void cancel().catch(() => {});
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  return {
    [Symbol.asyncIterator]: () => ({
      async next(): Promise<IteratorResult<Uint8Array>> {
        const { done, value } = await reader.read();
        if (!done) return { done, value };
        signal.removeEventListener("abort", onAbort);
        return { done, value: undefined };
      },
      async return(): Promise<IteratorResult<Uint8Array>> {
        await cancel();
        return { done: true, value: undefined };
      },
    }),
  };
}

/**
 * Handles a status that no `Response` is sent with: 101 says that the connection
 * was taken over, 0 is that of `Response.error()`.
 *
 * @throws {TypeError} If the connection was not taken over.
 */
function refuseStatus(res: ResponseHandle, status: number): void {
  if (status === 101 && res.isSent) return;
  throw new TypeError(
    status === 0
      ? "Cannot send Response.error(): it stands for a failed request"
      : `Cannot send a response with status ${status}: the connection was not taken over; return the response of upgradeWebSocket() itself, not a copy`,
  );
}

function withoutDecoded(list: FieldList): FieldList {
  return list.filter(([name]) => !DECODED_FIELDS.has(name.toLowerCase()));
}

function statusOf(code: number, reason: string): Status | number {
  return reason === "" ? code : Status.of(code, reason);
}

function sentTwice(): TypeError {
  return new TypeError(
    "Cannot send response: its body is being read or was used already; make a response for each request, or return its clone()",
  );
}

function noResponse(value: unknown): TypeError {
  return new TypeError(
    `Cannot send response: the handler returned no Response but a value of type ${
      typeName(value)
    }`,
  );
}
