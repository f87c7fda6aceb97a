/**
 * One request and its response: what the connection keeps of it while the
 * handler runs, and how the response gets into the output. Framing comes from
 * the codec; whether the connection stays open is decided here, once, at the
 * moment the head is written (RFC 9112 §9.3, §9.6).
 *
 * The ways to answer stand in one file although that makes it long: each of
 * them sets the same few states, and must leave them as the others expect.
 */

import {
  type BodyInit,
  BodySource,
  type StreamedBody,
} from "../codec/body_source.ts";
import { lowerCaseAscii } from "../codec/ascii.ts";
import { UNTIL_CLOSE } from "../codec/framing.ts";
import { Headers, type HeadersInit } from "../codec/headers.ts";
import { trimOptionalWhiteSpace } from "../codec/head_encoder.ts";
import type { RequestHead } from "../codec/request_head.ts";
import {
  mayHaveContent,
  responseBodyLength,
  UNKNOWN_SIZE,
} from "../codec/response_framing.ts";
import { Status } from "../codec/status.ts";
import { Params } from "../router/params.ts";
import type { ExchangeOwner } from "./exchange_owner.ts";
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
  writeSwitchingProtocols,
} from "./response_writer.ts";
import { StreamedResponse } from "./streamed_response.ts";
import { toError } from "./to_error.ts";
import type { Duplex } from "./transport.ts";

/** Longest text that is tried as ASCII before it is encoded, in characters. */
const MAX_ASCII_LOOP = 1024;

const encoder = new TextEncoder();

/** One exchange; see the file's header. */
export class Exchange implements RequestState, ResponseActions, ResponseHead {
  head: RequestHead | null;
  params: Params = Params.empty;
  readonly body: RequestBody | null;
  readonly ctx: RequestContext;
  readonly res: ResponseHandle;
  readonly minorVersion: number;
  /** The response's status, once there is one. */
  status: Status = Status.OK;
  /** The response's fields, if there are any. */
  headers: Headers | null = null;
  /** See {@linkcode ResponseHead.length}. */
  length = 0;
  /** See {@linkcode ResponseHead.closes}. */
  closes = false;
  /** See {@linkcode ResponseHead.saysKeepAlive}. */
  saysKeepAlive = false;
  /** Whether the connection may carry another request afterwards. */
  keepsAlive: boolean;
  /** Whether a response was begun: no other can be. */
  isAnswered = false;
  /** Whether the handler owns the connection. */
  isTakenOver = false;
  /** Whether the final head is in the output. */
  isHeadSent = false;
  /** Whether the last byte of the response is in the output. */
  isResponseDone = false;
  /** Whether the handler returned and its promise, if any, settled. */
  isHandlerSettled = false;
  /** Whether the error hook was asked to answer: it is asked once. */
  isHookAsked = false;
  /** Whether `100 Continue` is awaited and was not said. */
  awaitsContinue: boolean;
  #owner: ExchangeOwner;
  #isHead: boolean;
  #isConnect: boolean;
  #trailers: Headers | null = null;
  #isStreamed = false;
  #stream: StreamedResponse | null = null;
  #hasStatus = false;
  /** Octets of a body that was not streamed. */
  #bodyBytes = 0;
  /** What whoever asked for {@linkcode Exchange.sent} before the end waits for. */
  #sent: PromiseWithResolvers<void> | null = null;
  /** Bytes of the connection's output up to this response's last one, or -1 while more may come. */
  #end = -1;
  /** Why the response cannot be sent as a whole, once that is so. */
  #failure: Error | null = null;

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
    this.#isConnect = head.isMethod("CONNECT");
    this.keepsAlive = keepsAlive && !this.#isConnect;
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

  /** See {@linkcode ResponseHandle.status}. */
  get statusCode(): number | null {
    return this.isAnswered && this.#hasStatus ? this.status.code : null;
  }

  /** See {@linkcode ResponseHandle.bodyBytes}. */
  get bodyBytes(): number {
    return this.#stream?.bodyBytes ?? this.#bodyBytes;
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
    this.#isStreamed = false;
    const status = typeof statusInit === "number"
      ? Status.of(statusInit)
      : statusInit;
    if (!(status instanceof Status) || status.code < 200) {
      throw new RangeError(
        `Cannot send status ${status.code} as a final response: use informational()`,
      );
    }
    if (this.#isConnect && status.code < 300) {
      throw new TypeError(
        "Cannot answer CONNECT with success: take the connection over with hijack()",
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
    } else this.#respondStream(status, headers, body);
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

  /** See {@linkcode ResponseHandle.hijack}. */
  hijack(): Promise<Duplex> {
    this.#claimConnection();
    this.#conclude();
    return this.#owner.takeOver();
  }

  /** See {@linkcode ResponseHandle.upgrade}. */
  upgrade(protocol: string, headersInit: HeadersInit): Promise<Duplex> {
    if (!this.#offers(protocol)) {
      throw new TypeError(
        `Cannot upgrade to ${JSON.stringify(protocol)}: it was not offered`,
      );
    }
    const headers = new Headers(headersInit);
    headers.remove("connection");
    headers.replace("upgrade", protocol);
    this.#claimConnection();
    const { output } = this.#owner;
    writeSwitchingProtocols(output, headers);
    this.status = Status.SWITCHING_PROTOCOLS;
    this.#hasStatus = true;
    this.#conclude();
    this.#owner.exchangeProgressed(); // there is output
    return this.#owner.takeOver();
  }

  /** See {@linkcode ResponseHandle.trailers}. */
  setTrailers(trailers: Headers): void {
    if (this.isResponseDone) {
      throw new TypeError("Cannot send trailers: the response is complete");
    }
    this.#trailers = trailers;
  }

  /** See {@linkcode ResponseHandle.sent}. */
  sent(): Promise<void> {
    this.#owner.keepHead();
    if (this.#sent !== null) return this.#sent.promise;
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#end >= 0) return this.#owner.sentUpTo(this.#end);
    this.#sent = Promise.withResolvers();
    return this.#sent.promise;
  }

  /** The peer is gone or the server gives up: nothing more is sent. */
  abort(error: Error): void {
    this.#stream?.abort();
    this.body?.fail(error);
    this.#fail(error);
  }

  /** Takes back a stream of which nothing was sent, so that another response can be; its source is told. */
  retract(error: Error): void {
    this.#stream?.abort();
    this.#stream = null;
    this.isAnswered = false;
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
        this.#bodyBytes = text.length;
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
    else if (length >= 0) {
      writeBytes(output, services.dates, head, bytes);
      this.#bodyBytes = bytes.length;
    } else {
      const pieces = bytes.length === 0 ? [] : [bytes];
      this.#begin(head, new BodySource(ReadableStream.from(pieces)));
      return;
    }
    this.#finish();
  }

  #respondStream(
    status: Status,
    headers: Headers | null,
    body: StreamedBody,
  ): void {
    const length = this.#length(status, headers, UNKNOWN_SIZE);
    const source = new BodySource(body); // locks it: nothing may throw from here on
    this.#isStreamed = mayHaveContent(status.code, this.#isHead);
    const head = this.#decide(status, headers, length);
    if (this.#isStreamed) {
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
        return this.#decideAgain();
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
      this.#fail(toError(error));
    } else {
      this.isAnswered = false;
      this.#stream = null;
    }
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
    this.#hasStatus = true;
    this.status = status;
    this.headers = headers;
    this.length = length;
    this.closes = !this.keepsAlive;
    this.saysKeepAlive = this.keepsAlive && this.minorVersion === 0;
    return this;
  }

  /** A stream's head goes out later than it was decided: says whether it closes after all. */
  #decideAgain(): boolean {
    if (this.#owner.isLastExchange || this.#isContinueOwed) {
      this.keepsAlive = false;
    }
    return !this.keepsAlive;
  }

  /** An unread body that is too long to drop, or may never come, ends the connection. */
  #abandonsBody(): boolean {
    const { body } = this;
    if (body === null || body.isDone) return false;
    if (body.fault !== null) return true;
    // A stream may be fed by the body, and who waits for a piece wants the rest.
    const isWanted = this.#isStreamed || body.isAwaited;
    if (this.ctx.isBodyUsed && isWanted) return false;
    if (this.#isContinueOwed) return true;
    return body.remainingBytes > this.#owner.services.app.options.drainBytes;
  }

  /** Whether the peer holds its body back until it is told, which a final head ends. */
  get #isContinueOwed(): boolean {
    return this.awaitsContinue && this.body?.isUntouched === true;
  }

  /** Says whether the client offered this protocol, in a way that may be taken (RFC 9110 §7.8). */
  #offers(protocol: string): boolean {
    if (this.head?.offersUpgrade !== true) return false;
    const offers = this.ctx.headers.getAll("upgrade").join(",").split(",");
    const wanted = lowerCaseAscii(protocol);
    return offers.some((offer) =>
      lowerCaseAscii(trimOptionalWhiteSpace(offer)) === wanted
    );
  }

  /** From here on the handler owns the connection; there is exactly one owner. */
  #claimConnection(): void {
    if (this.isAnswered) {
      throw new TypeError(
        "Cannot take the connection over: a response was begun",
      );
    }
    if (this.ctx.isBodyUsed) {
      throw new TypeError("Cannot take the connection over: the body was used");
    }
    this.isTakenOver = true;
    this.isAnswered = true;
    this.isHeadSent = true;
    this.keepsAlive = false;
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
    this.#conclude();
    this.#owner.exchangeProgressed();
  }

  /** All is in the output: from here on it is the connection that may fail. */
  #conclude(): void {
    this.#end = this.#owner.output.totalBytes;
    if (this.#sent === null || this.#failure !== null) return;
    this.#sent.resolve(this.#owner.sentUpTo(this.#end));
  }

  #fail(error: Error): void {
    if (this.#end >= 0 || this.#failure !== null) return;
    this.#failure = error;
    this.#sent?.reject(error);
  }
}

const NO_BYTES = new Uint8Array(0);
