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
} from "../../codec/body_source.ts";
import { lowerCaseAscii } from "../../codec/ascii.ts";
import { UNTIL_CLOSE } from "../../codec/framing.ts";
import { Headers, type HeadersInit } from "../../codec/headers.ts";
import { trimOptionalWhiteSpace } from "../../codec/head_encoder.ts";
import type { RequestHead } from "../../codec/request_head.ts";
import {
  mayHaveContent,
  responseBodyLength,
  UNKNOWN_SIZE,
} from "../../codec/response_framing.ts";
import {
  IS_CONNECT,
  IS_HEAD,
  IS_HTTP_1_0,
  minorVersionOf,
} from "../../codec/request_flags.ts";
import { Status } from "../../codec/status.ts";
import { Params } from "../../router/params.ts";
import type { EngineContext } from "./engine_context.ts";
import type { Output } from "./output.ts";
import type { RequestBody } from "./request_body.ts";
import { RequestContext, type RequestState } from "../request_context.ts";
import { type ResponseActions, ResponseHandle } from "../response_handle.ts";
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
import { toError } from "../to_error.ts";
import type { Duplex } from "../duplex.ts";

/** What an exchange needs of its connection. */
export interface ExchangeOwner {
  readonly context: EngineContext;
  readonly output: Output;
  readonly duplex: Duplex;
  /** Whether the connection runs now. It then checks its exchange's progress itself. */
  readonly isRunning: boolean;
  /** Whether this exchange is the connection's last, whatever its messages say. */
  readonly isLastExchange: boolean;
  /** The response, the handler or the body has finished, or there is output. */
  exchangeProgressed(): void;
  /** A streamed body failed. */
  exchangeFailed(error: unknown): void;
  /** Resolves when all output has been sent; rejects if it cannot be. */
  drained(): Promise<void>;
  /** Resolves when this many bytes of the connection's output have been sent; rejects if they cannot be. */
  sentUpTo(position: number): Promise<void>;
  /** Keeps the bytes of the head that was parsed last, so that they can be read later. */
  retainHead(): void;
  /** The signal that aborts when the peer goes away. */
  abortSignal(): AbortSignal;
  /** Hands the connection to the handler once all output has been sent. */
  takeOver(): Promise<Duplex>;
  /** Closes the connection: a hook dropped the request without a response. */
  abandon(exchange: Exchange): void;
  /** Closes the connection at once: something of ours is broken. */
  fail(error: Error): void;
}

/** Longest text that is tried as ASCII before it is encoded, in characters. */
const MAX_ASCII_LOOP = 1024;

const encoder = new TextEncoder();

// perf: what another module exports is looked up at each use, a constant of this
// one is not: 0.94 times the time of a request without its I/O (bench/server.ts,
// GET /, Deno 2.9).
const NO_PARAMS = Params.empty;
const FieldList = Headers;
/** What makes another head than the one that is kept. */
const UNUSUAL_ANSWER = IS_HEAD | IS_HTTP_1_0;
const Context = RequestContext;
const Handle = ResponseHandle;

/** How far an exchange has come, and what it may still do, as bits. */
const IS_ANSWERED = 1;
const IS_HEAD_SENT = 2;
const IS_RESPONSE_DONE = 4;
const IS_HANDLER_SETTLED = 8;
const KEEPS_ALIVE = 16;
const AWAITS_CONTINUE = 32;
const IS_DETACHED = 64;
const IS_HEAD_RETAINED = 128;

/** What the usual exchange has come to when its handler returns. */
const ENDS_AT_ONCE = IS_RESPONSE_DONE | IS_HANDLER_SETTLED | KEEPS_ALIVE;

/** What only some exchanges need, apart from the rest, which is made for each request. */
class RareState {
  /** Whether the handler owns the connection. */
  isTakenOver = false;
  /** Whether the error hook was asked to answer: it is asked once. */
  isHookAsked = false;
  trailers: Headers | null = null;
  stream: StreamedResponse | null = null;
  /** What whoever asked for {@linkcode Exchange.sent} before the end waits for. */
  sent: PromiseWithResolvers<void> | null = null;
  /** Why the response cannot be sent as a whole, once that is so. */
  failure: Error | null = null;
}

/**
 * One exchange; see the file's header.
 *
 * perf: fields are declared and set in the constructor alone, and what is true or
 * not is one bit of a number. Defining fields first, as `#private` ones and ones
 * with a value have to be, is a call of its own that is rarely inlined: 0.96 times
 * the time of a request without its I/O (bench/server.ts, GET /, Deno 2.9).
 */
export class Exchange implements RequestState, ResponseActions {
  declare head: RequestHead | null;
  declare params: Params;
  declare readonly body: RequestBody | null;
  declare readonly ctx: RequestContext;
  declare readonly res: ResponseHandle;
  declare readonly owner: ExchangeOwner;
  /** What sets the request apart; see `codec/request_traits.ts`. */
  declare readonly flags: number;
  /** How far it has come, as bits. */
  declare state: number;
  /** The response's status, once there is one. */
  declare status: Status | null;
  /** Octets of a body that was not streamed. */
  declare plainBytes: number;
  /** Bytes of the connection's output up to this response's last one, or -1 while more may come. */
  declare end: number;
  /** See {@linkcode Exchange.rare}. */
  declare rareState: RareState | null;

  /** Begins the exchange of a request whose head was just parsed. */
  constructor(
    owner: ExchangeOwner,
    head: RequestHead,
    body: RequestBody | null,
    keepsAlive: boolean,
  ) {
    this.head = head;
    this.params = NO_PARAMS;
    this.body = body;
    this.owner = owner;
    this.flags = head.flags;
    this.state = keepsAlive ? KEEPS_ALIVE : 0;
    this.status = null;
    this.plainBytes = 0;
    this.end = -1;
    this.rareState = null;
    this.ctx = new Context(this);
    this.res = new Handle(this);
  }

  /** Whether a response was begun: no other can be. */
  get isAnswered(): boolean {
    return (this.state & IS_ANSWERED) !== 0;
  }

  /** Whether the final head is in the output. */
  get isHeadSent(): boolean {
    return (this.state & IS_HEAD_SENT) !== 0;
  }

  /** Whether the connection may carry another request afterwards. */
  get keepsAlive(): boolean {
    return (this.state & KEEPS_ALIVE) !== 0;
  }

  /** Whether `100 Continue` is awaited and was not said. */
  get awaitsContinue(): boolean {
    return (this.state & AWAITS_CONTINUE) !== 0;
  }

  /** Whether the connection works on it no more. */
  get isDetached(): boolean {
    return (this.state & IS_DETACHED) !== 0;
  }

  /** Whether all is done and another request may follow, unless there is a body. */
  get endsAtOnce(): boolean {
    return (this.state & ENDS_AT_ONCE) === ENDS_AT_ONCE;
  }

  #isHead(): boolean {
    return (this.flags & IS_HEAD) !== 0;
  }

  #minorVersion(): number {
    return minorVersionOf(this.flags);
  }

  /** The handler returned, and its promise, if any, settled. */
  settle(): void {
    this.state |= IS_HANDLER_SETTLED;
  }

  /** The connection closes after this exchange. */
  endConnection(): void {
    this.state &= ~KEEPS_ALIVE;
  }

  /** The peer holds its body back until `100 Continue` is said. */
  awaitContinue(): void {
    this.state |= AWAITS_CONTINUE;
  }

  /** `100 Continue` was said, or is not owed any more. */
  forgetContinue(): void {
    this.state &= ~AWAITS_CONTINUE;
  }

  /** The head can be read for good: its octets are copied, if they are still there. */
  retainHead(): void {
    if ((this.state & IS_HEAD_RETAINED) !== 0 || this.head === null) return;
    this.state |= IS_HEAD_RETAINED;
    this.owner.retainHead();
  }

  /** The head's octets are about to be overwritten. */
  dropHead(): void {
    if ((this.state & IS_HEAD_RETAINED) !== 0) return;
    this.head = null;
    this.ctx.release();
  }

  /** The connection works on it no more. */
  detach(): void {
    this.state |= IS_DETACHED;
  }

  get conn(): Duplex {
    return this.owner.duplex;
  }

  get maxBufferedBodyBytes(): number {
    return this.owner.context.app.options.maxBufferedBodyBytes;
  }

  /** Whether the handler owns the connection. */
  get isTakenOver(): boolean {
    return this.rareState !== null && this.rareState.isTakenOver;
  }

  /** What only some exchanges need, made when it is needed. */
  rare(): RareState {
    return this.rareState ??= new RareState();
  }

  /** Whether nothing of this exchange remains to be done but the request's body. */
  get isOver(): boolean {
    const { state } = this;
    return (state & IS_RESPONSE_DONE) !== 0 &&
      ((state & IS_HANDLER_SETTLED) !== 0 || !this.ctx.isBodyUsed);
  }

  /** See {@linkcode ResponseHandle.status}. */
  get statusCode(): number | null {
    return this.isAnswered && this.status !== null ? this.status.code : null;
  }

  /** See {@linkcode ResponseHandle.bodyBytes}. */
  get bodyBytes(): number {
    return this.rareState?.stream?.bodyBytes ?? this.plainBytes;
  }

  abortSignal(): AbortSignal {
    this.retainHead();
    return this.owner.abortSignal();
  }

  /** See {@linkcode ResponseHandle.send}. */
  respond(
    statusInit: Status | number,
    body: BodyInit,
    headers: HeadersInit | undefined,
  ): void {
    if (this.isAnswered) throw answeredTwice();
    const status = typeof statusInit === "number"
      ? Status.of(statusInit)
      : statusInit;
    if (
      typeof body === "string" &&
      (headers === undefined || headers instanceof FieldList) &&
      this.#repeat(status, headers ?? null, body)
    ) return;
    this.#respond(status, body, headers);
  }

  /**
   * Sends what was sent before, if status, fields and text are the same again
   * and nothing about this request asks for another head.
   *
   * perf: neither decides nor copies anew: 0.87 times the time of a request
   * without its I/O (bench/server.ts, GET /, Deno 2.9).
   */
  #repeat(status: Status, headers: Headers | null, text: string): boolean {
    const owner = this.owner;
    const kept = owner.context.heads.find(status, headers);
    if (kept === null || kept.lastText !== text) return false;
    const { whole } = kept;
    if (
      whole === null || !this.keepsAlive || owner.isLastExchange ||
      (this.flags & UNUSUAL_ANSWER) !== 0 ||
      (this.body !== null && this.#abandonsBody(false))
    ) return false;
    owner.output.appendConstant(whole);
    this.status = status;
    this.plainBytes = text.length;
    this.#finish();
    return true;
  }

  #respond(
    status: Status,
    body: BodyInit,
    headersInit: HeadersInit | undefined,
  ): void {
    if (!(status instanceof Status) || status.code < 200) {
      throw new RangeError(
        `Cannot send status ${status.code} as a final response: use informational()`,
      );
    }
    if ((this.flags & IS_CONNECT) !== 0 && status.code < 300) {
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
    if (this.#minorVersion() === 0) return; // it has none (RFC 9110 §15.2)
    if (status.code === 100) this.forgetContinue();
    writeInformational(this.owner.output, status, headers);
    this.owner.exchangeProgressed();
  }

  /** See {@linkcode ResponseHandle.sendContinue}. */
  sendContinue(): void {
    this.#checkInterim();
    if (this.#minorVersion() === 0 || !this.awaitsContinue) return;
    this.forgetContinue();
    this.owner.output.append(CONTINUE);
    this.owner.exchangeProgressed();
  }

  /** See {@linkcode ResponseHandle.hijack}. */
  hijack(): Promise<Duplex> {
    this.#claimConnection();
    this.#conclude();
    return this.owner.takeOver();
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
    const { output } = this.owner;
    writeSwitchingProtocols(output, headers);
    this.status = Status.SWITCHING_PROTOCOLS;
    this.#conclude();
    this.owner.exchangeProgressed(); // there is output
    return this.owner.takeOver();
  }

  /** See {@linkcode ResponseHandle.trailers}. */
  setTrailers(trailers: Headers): void {
    if ((this.state & IS_RESPONSE_DONE) !== 0) {
      throw new TypeError("Cannot send trailers: the response is complete");
    }
    this.rare().trailers = trailers;
  }

  /** See {@linkcode ResponseHandle.sent}. */
  sent(): Promise<void> {
    this.retainHead();
    const rare = this.rare();
    if (rare.sent !== null) return rare.sent.promise;
    if (rare.failure !== null) return Promise.reject(rare.failure);
    if (this.end >= 0) return this.owner.sentUpTo(this.end);
    rare.sent = Promise.withResolvers();
    return rare.sent.promise;
  }

  /** The peer is gone or the server gives up: nothing more is sent. */
  abort(error: Error): void {
    this.rareState?.stream?.abort();
    this.body?.fail(error);
    this.#fail(error);
  }

  /** Takes back a stream of which nothing was sent, so that another response can be; its source is told. */
  retract(error: Error): void {
    this.#dropStream()?.abort();
    this.state &= ~IS_ANSWERED;
    this.body?.fail(error);
  }

  #respondText(status: Status, headers: Headers | null, text: string): void {
    const isPlain = headers === null ||
      !headers.outgoing().declaresFraming;
    const canLoop = text.length <= MAX_ASCII_LOOP && isPlain &&
      mayHaveContent(status.code, this.#isHead());
    if (canLoop) {
      const head = this.#decide(status, headers, text.length);
      const { output, context } = this.owner;
      if (writeAscii(output, context.heads, head, text)) {
        this.plainBytes = text.length;
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
    const { output, context } = this.owner;
    const hasContent = mayHaveContent(status.code, this.#isHead());
    if (!hasContent) writeHead(output, context.heads, head);
    else if (length >= 0) {
      writeBytes(output, context.heads, head, bytes);
      this.plainBytes = bytes.length;
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
    const isStreamed = mayHaveContent(status.code, this.#isHead());
    const head = this.#decide(status, headers, length, isStreamed);
    if (isStreamed) {
      this.#begin(head, source);
      return;
    }
    source.cancel();
    writeHead(this.owner.output, this.owner.context.heads, head);
    this.#finish();
  }

  /** Streams a body; its head follows when the first pieces tell how it is framed. */
  #begin(head: ResponseHead, source: BodySource): void {
    this.state |= IS_ANSWERED;
    const rare = this.rare();
    rare.stream = new StreamedResponse({
      owner: this.owner,
      head,
      source,
      canChunk: this.#minorVersion() > 0,
      trailers: () => rare.trailers,
      onHead: () => {
        this.state |= IS_HEAD_SENT;
        return this.#decideAgain();
      },
      onEnd: (error) => {
        if (error === null) this.#finish();
        else queueMicrotask(() => this.#streamFailed(error)); // the handler that began it may be at work
      },
    });
  }

  #streamFailed(error: unknown): void {
    if (this.isHeadSent) {
      this.state |= IS_RESPONSE_DONE;
      this.endConnection();
      this.#fail(toError(error));
    } else {
      this.state &= ~IS_ANSWERED;
      this.#dropStream();
    }
    this.owner.exchangeFailed(error);
  }

  #length(status: Status, headers: Headers | null, size: number): number {
    return responseBodyLength(
      status.code,
      this.#minorVersion(),
      headers === null ? null : headers.outgoing(),
      size,
      this.#isHead(),
    );
  }

  /** Decides about the connection, and so what the head says of it. */
  #decide(
    status: Status,
    headers: Headers | null,
    length: number,
    isStreamed = false,
  ): ResponseHead {
    if (
      this.owner.isLastExchange || length === UNTIL_CLOSE ||
      (headers !== null && headers.outgoing().closes) ||
      this.#abandonsBody(isStreamed)
    ) this.endConnection();
    this.status = status;
    return {
      status,
      headers,
      length,
      closes: !this.keepsAlive,
      saysKeepAlive: this.keepsAlive && this.#minorVersion() === 0,
    };
  }

  /** A stream's head goes out later than it was decided: says whether it closes after all. */
  #decideAgain(): boolean {
    if (this.owner.isLastExchange || this.#isContinueOwed()) {
      this.endConnection();
    }
    return !this.keepsAlive;
  }

  /** An unread body that is too long to drop, or may never come, ends the connection. */
  #abandonsBody(isStreamed: boolean): boolean {
    const { body } = this;
    if (body === null || body.isDone) return false;
    if (body.fault !== null) return true;
    // A stream may be fed by the body, and who waits for a piece wants the rest.
    const isWanted = isStreamed || body.isAwaited;
    if (this.ctx.isBodyUsed && isWanted) return false;
    if (this.#isContinueOwed()) return true;
    return body.remainingBytes > this.owner.context.app.options.drainBytes;
  }

  /** Whether the peer holds its body back until it is told, which a final head ends. */
  #isContinueOwed(): boolean {
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
    this.rare().isTakenOver = true;
    this.state |= IS_ANSWERED | IS_HEAD_SENT;
    this.endConnection();
  }

  #checkInterim(): void {
    if (!this.isAnswered) return;
    throw new TypeError(
      "Cannot send interim response: the final one was sent already",
    );
  }

  #finish(): void {
    this.state |= IS_ANSWERED | IS_HEAD_SENT | IS_RESPONSE_DONE;
    this.#conclude();
    // perf: a call less, behind which all would be checked anew, 60 instructions a
    // request (bench/server.ts, GET /, Deno 2.9).
    if (!this.owner.isRunning) this.owner.exchangeProgressed();
  }

  /** All is in the output: from here on it is the connection that may fail. */
  #conclude(): void {
    this.end = this.owner.output.totalBytes;
    const rare = this.rareState;
    if (rare === null || rare.failure !== null) return;
    rare.sent?.resolve(this.owner.sentUpTo(this.end));
  }

  #fail(error: Error): void {
    const rare = this.rare();
    if (this.end >= 0 || rare.failure !== null) return;
    rare.failure = error;
    rare.sent?.reject(error);
  }

  #dropStream(): StreamedResponse | null {
    const rare = this.rare();
    const { stream } = rare;
    rare.stream = null;
    return stream;
  }
}

const NO_BYTES = new Uint8Array(0);

function answeredTwice(): TypeError {
  return new TypeError("Cannot send response: one was sent already");
}
