/**
 * One request and its response: what the connection keeps of it while the
 * handler runs, and how the response gets into the output. Framing comes from
 * the codec; whether the connection stays open is decided here, once, at the
 * moment the head is written (RFC 9112 §9.3, §9.6).
 */

import { type BodyInit, BodySource } from "../codec/body_source.ts";
import { UNTIL_CLOSE } from "../codec/framing.ts";
import { Headers, type HeadersInit } from "../codec/headers.ts";
import type { RequestHead } from "../codec/request_head.ts";
import {
  mayHaveContent,
  responseBodyLength,
  UNKNOWN_SIZE,
} from "../codec/response_framing.ts";
import { Status } from "../codec/status.ts";
import { Params } from "../router/params.ts";
import type { RequestBody } from "./request_body.ts";
import { RequestContext, type RequestState } from "./request_context.ts";
import { type ResponseActions, ResponseHandle } from "./response_handle.ts";
import {
  CONTINUE,
  type ResponseHead,
  writeAscii,
  writeBytes,
  writeHead,
  writeInformational,
} from "./response_writer.ts";
import type { Services } from "./services.ts";
import { StreamedResponse } from "./streamed_response.ts";
import type { Output } from "./output.ts";
import type { Duplex } from "./transport.ts";

/** What an exchange asks of its connection. */
export interface ExchangeOwner {
  readonly services: Services;
  readonly output: Output;
  readonly duplex: Duplex;
  /** Whether this response is the connection's last, whatever it says itself. */
  readonly isLastExchange: boolean;
  /** The response, the handler or the body came to an end, or there is output. */
  exchangeProgressed(): void;
  /** Resolves when all output was sent; rejects when it cannot be. */
  drained(): Promise<void>;
  /** Keeps the head's octets, so that they can be read later. */
  keepHead(): void;
  /** Resolves when all bytes put out so far were sent; rejects when they cannot be. */
  sentSoFar(): Promise<void>;
  /** Gives the signal that fires when the peer goes away. */
  abortSignal(): AbortSignal;
  /** The body that was being sent failed. */
  exchangeFailed(error: unknown): void;
}

/** Longest text that is tried as ASCII before it is encoded, in characters. */
const MAX_ASCII_LOOP = 1024;

const encoder = new TextEncoder();

/** One exchange; see the file's header. */
export class Exchange implements RequestState, ResponseActions {
  head: RequestHead | null;
  params: Params = Params.empty;
  readonly body: RequestBody | null;
  readonly ctx: RequestContext;
  readonly res: ResponseHandle;
  readonly minorVersion: number;
  /** Whether the connection may carry another request afterwards. */
  keepsAlive: boolean;
  /** Whether a response was begun: no other can be. */
  isAnswered = false;
  /** Whether the final head is in the output. */
  isHeadSent = false;
  /** Whether the last byte of the response is in the output. */
  isResponseDone = false;
  /** Whether the handler returned and its promise, if any, settled. */
  isHandlerSettled = false;
  /** Whether `100 Continue` is awaited and was not said. */
  awaitsContinue: boolean;
  #owner: ExchangeOwner;
  #isHead: boolean;
  #trailers: Headers | null = null;
  #stream: StreamedResponse | null = null;

  /** Begins the exchange of a request whose head was just parsed. */
  constructor(
    owner: ExchangeOwner,
    head: RequestHead,
    body: RequestBody | null,
    keepsAlive: boolean,
  ) {
    this.head = head;
    this.body = body;
    this.minorVersion = head.minorVersion;
    // What follows a CONNECT is no HTTP, whatever the answer (RFC 9110 §9.3.6).
    this.keepsAlive = keepsAlive && !head.isMethod("CONNECT");
    this.awaitsContinue = head.expectsContinue && body !== null;
    this.#owner = owner;
    this.#isHead = head.isMethod("HEAD");
    this.ctx = new RequestContext(this);
    this.res = new ResponseHandle(this);
  }

  get conn(): Duplex {
    return this.#owner.duplex;
  }

  get maxBufferedBodyBytes(): number {
    return this.#owner.services.app.options.maxBufferedBodyBytes;
  }

  /** Whether nothing of this exchange remains to be done but the request's body. */
  get isOver(): boolean {
    return this.isResponseDone &&
      (this.isHandlerSettled || !this.ctx.isBodyUsed);
  }

  abortSignal(): AbortSignal {
    this.#owner.keepHead();
    return this.#owner.abortSignal();
  }

  /** See {@linkcode ResponseHandle.send}. */
  respond(
    statusInit: Status | number,
    body: BodyInit,
    headersInit: HeadersInit | undefined,
  ): void {
    if (this.isAnswered) {
      throw new TypeError("Cannot send response: one was sent already");
    }
    const status = typeof statusInit === "number"
      ? Status.of(statusInit)
      : statusInit;
    if (!(status instanceof Status) || status.code < 200) {
      throw new RangeError(
        `Cannot send status ${status.code} as a final response: use informational()`,
      );
    }
    const headers = headersInit === undefined
      ? null
      : Headers.from(headersInit);
    if (typeof body === "string") this.#respondText(status, headers, body);
    else if (body === null || body === undefined) {
      this.#respondBytes(status, headers, NO_BYTES);
    } else if (body instanceof Uint8Array) {
      this.#respondBytes(status, headers, body);
    } else if (body instanceof ArrayBuffer) {
      this.#respondBytes(status, headers, new Uint8Array(body));
    } else this.#respondStream(status, headers, new BodySource(body));
  }

  /** See {@linkcode ResponseHandle.informational}. */
  inform(statusInit: Status | number, headersInit: HeadersInit): void {
    const status = typeof statusInit === "number"
      ? Status.of(statusInit)
      : statusInit;
    if (status.code > 199 || status.code === 101) {
      throw new RangeError(
        `Cannot send status ${status.code} as an interim response`,
      );
    }
    const headers = Headers.from(headersInit);
    this.#checkInterim();
    if (this.minorVersion === 0) return; // it has none (RFC 9110 §15.2)
    if (status.code === 100) this.awaitsContinue = false;
    writeInformational(this.#owner.output, status, headers);
    this.#owner.exchangeProgressed();
  }

  /** See {@linkcode ResponseHandle.sendContinue}. */
  sendContinue(): void {
    this.#checkInterim();
    if (this.minorVersion === 0 || !this.awaitsContinue) return;
    this.awaitsContinue = false;
    this.#owner.output.append(CONTINUE);
    this.#owner.exchangeProgressed();
  }

  /** See {@linkcode ResponseHandle.trailers}. */
  setTrailers(trailers: Headers): void {
    if (this.isResponseDone) {
      throw new TypeError("Cannot send trailers: the response is complete");
    }
    this.#trailers = trailers;
  }

  /** See {@linkcode ResponseHandle.sent}. */
  async sent(): Promise<void> {
    if (!this.isAnswered) {
      throw new TypeError("Cannot wait for the response: none was begun");
    }
    const owner = this.#owner;
    owner.keepHead();
    const failure = await (this.#stream?.finished ?? null);
    if (failure !== null) throw failure;
    await owner.sentSoFar();
  }

  /** The peer is gone or the server gives up: a streamed body's source is told. */
  abort(error: Error): void {
    this.#stream?.abort();
    this.body?.fail(error);
  }

  #respondText(status: Status, headers: Headers | null, text: string): void {
    const isPlain = headers === null ||
      !headers.control().declaresFraming;
    const canLoop = text.length <= MAX_ASCII_LOOP && isPlain &&
      mayHaveContent(status.code, this.#isHead);
    if (canLoop) {
      const head = this.#decide(status, headers, text.length);
      const { output, services } = this.#owner;
      if (writeAscii(output, services.dates, head, text)) {
        this.#finish();
        return;
      }
    }
    this.#respondBytes(status, headers, encoder.encode(text));
  }

  #respondBytes(
    status: Status,
    headers: Headers | null,
    bytes: Uint8Array,
  ): void {
    const length = this.#length(status, headers, bytes.length);
    const head = this.#decide(status, headers, length);
    const { output, services } = this.#owner;
    const hasContent = mayHaveContent(status.code, this.#isHead);
    if (!hasContent) writeHead(output, services.dates, head);
    else if (length >= 0) writeBytes(output, services.dates, head, bytes);
    else {
      const pieces = bytes.length === 0 ? [] : [bytes];
      this.#begin(head, new BodySource(ReadableStream.from(pieces)));
      return;
    }
    this.#finish();
  }

  #respondStream(
    status: Status,
    headers: Headers | null,
    source: BodySource,
  ): void {
    const length = this.#length(status, headers, UNKNOWN_SIZE);
    const head = this.#decide(status, headers, length);
    if (mayHaveContent(status.code, this.#isHead)) {
      this.#begin(head, source);
      return;
    }
    source.cancel();
    writeHead(this.#owner.output, this.#owner.services.dates, head);
    this.#finish();
  }

  /** Streams a body; its head follows when the first pieces tell how it is framed. */
  #begin(head: ResponseHead, source: BodySource): void {
    this.isAnswered = true;
    this.#stream = new StreamedResponse({
      owner: this.#owner,
      head,
      source,
      canChunk: this.minorVersion > 0,
      trailers: () => this.#trailers,
      onHead: () => {
        this.isHeadSent = true;
      },
      onEnd: (error) => this.#streamEnded(error),
    });
  }

  #streamEnded(error: unknown): void {
    const owner = this.#owner;
    if (error === null) {
      this.#finish();
      return;
    }
    if (this.isHeadSent) {
      this.isResponseDone = true;
      this.keepsAlive = false;
    } else this.isAnswered = false;
    owner.exchangeFailed(error);
  }

  #length(status: Status, headers: Headers | null, size: number): number {
    return responseBodyLength(
      status.code,
      this.minorVersion,
      headers === null ? null : headers.control(),
      size,
      this.#isHead,
    );
  }

  /** Decides about the connection, and so what the head says of it. */
  #decide(
    status: Status,
    headers: Headers | null,
    length: number,
  ): ResponseHead {
    const owner = this.#owner;
    if (
      owner.isLastExchange || length === UNTIL_CLOSE ||
      (headers !== null && headers.control().closes) || this.#abandonsBody()
    ) this.keepsAlive = false;
    return { status, headers, length, closes: !this.keepsAlive };
  }

  /** An unread body that is too long to drop, or may never come, ends the connection. */
  #abandonsBody(): boolean {
    const { body } = this;
    if (body === null || body.isDone) return false;
    if (body.fault !== null) return true;
    if (this.ctx.isBodyUsed) return false;
    if (this.awaitsContinue && body.isUntouched) return true;
    return body.remainingBytes > this.#owner.services.app.options.drainBytes;
  }

  #checkInterim(): void {
    if (!this.isAnswered) return;
    throw new TypeError(
      "Cannot send interim response: the final one was sent already",
    );
  }

  #finish(): void {
    this.isAnswered = true;
    this.isHeadSent = true;
    this.isResponseDone = true;
    this.#owner.exchangeProgressed();
  }
}

const NO_BYTES = new Uint8Array(0);
