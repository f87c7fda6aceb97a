/**
 * One request and its response. An exchange holds the state of both while the
 * handler runs, and writes the response to the connection's output (RFC 9110
 * §15). `response_plan.ts` decides on framing and reuse, `response_writer.ts`
 * encodes heads, and the files of `bodies/` send the kinds of bodies. The state
 * bits of all ways to respond are in this one file, because each relies on how the
 * others set them.
 */

import type { BodyInit, BodySource } from "../../codec/body_source.ts";
import { Headers, type HeadersInit } from "../../codec/headers.ts";
import type { RequestHead } from "../../codec/request_head.ts";
import { Status } from "../../codec/status.ts";
import { Params } from "../../router/params.ts";
import type { Duplex } from "../duplex.ts";
import { FileBody } from "../file_body.ts";
import type { ServerOptions } from "../options.ts";
import { type RequestState, RequestView } from "../request_view.ts";
import { type ResponseActions, ResponseHandle } from "../response_handle.ts";
import { mergeFields } from "../response_fields.ts";
import { toError } from "../to_error.ts";
import {
  type FileExchange,
  type FileResponse,
  sendFile,
} from "./bodies/file_response.ts";
import type { ExchangeBody } from "./bodies/exchange_body.ts";
import { sendBytes, sendText } from "./bodies/plain_response.ts";
import {
  sendStream,
  StreamedResponse,
  type StreamingExchange,
} from "./bodies/streamed_response.ts";
import type { EngineContext } from "./engine_context.ts";
import type { Output } from "./output.ts";
import {
  answerMissing,
  hijack,
  type RareExchange,
  RareState,
  refuseAnswer,
  sendContinue,
  sendInterim,
  toStatus,
  upgrade,
} from "./rare_responses.ts";
import {
  allowsRepeat,
  checkFinalStatus,
  planHead,
  type ResponsePlan,
} from "./response_plan.ts";

/** What an exchange needs from its connection. */
export interface ExchangeOwner {
  readonly context: EngineContext;
  readonly output: Output;
  readonly duplex: Duplex;
  /** Whether the connection machine is running. It then checks the exchange's progress itself when the run ends. */
  readonly isRunning: boolean;
  /** Whether the connection takes no further request, whatever the request and the response say. */
  readonly isLastExchange: boolean;
  /** The response, the handler or the body has finished, or there is output. */
  exchangeProgressed(): void;
  /** A streamed body failed. */
  exchangeFailed(error: unknown): void;
  /** Copies the bytes of the head that was parsed last, so that they stay readable. */
  retainHead(): void;
  /** The signal that aborts when the peer disconnects. */
  abortSignal(): AbortSignal;
  /** Hands the connection to the handler once all output has been sent. */
  takeOver(): Promise<Duplex>;
  /** Closes the connection: a hook dropped the request without a response. */
  abandon(exchange: Exchange): void;
  /** Closes the connection immediately after an internal error. */
  fail(error: Error): void;
}

const NO_BYTES = new Uint8Array(0);

// perf: V8 looks up an import at each use, but not a constant of this module.
// The constants reduce the time of a request to 0.94 times
// (bench/machine_bench.ts, Deno 2.9).
const NO_PARAMS = Params.empty;
const FieldList = Headers;
const View = RequestView;
const Handle = ResponseHandle;
const mayRepeat: typeof allowsRepeat = allowsRepeat;

/** Progress of an exchange, as bits. */
const IS_ANSWERED = 1;
const IS_HEAD_SENT = 2;
const IS_RESPONSE_DONE = 4;
const IS_HANDLER_SETTLED = 8;
const MUST_CLOSE = 16;
const AWAITS_CONTINUE = 32;
const IS_DETACHED = 64;
const IS_HEAD_RETAINED = 128;
/** `res.headers` was read. */
const HAS_FIELDS = 256;

/** The bits that decide whether the next request may begin immediately, and their value if it may. */
const COMPLETION_BITS = IS_RESPONSE_DONE | IS_HANDLER_SETTLED | MUST_CLOSE;
const IS_COMPLETE = IS_RESPONSE_DONE | IS_HANDLER_SETTLED;

/**
 * One request and its response; see the file's header.
 *
 * perf: fields are declared here and set in the constructor only, and flags are
 * bits of one number. V8 defines `#private` fields and fields with initial
 * values in a separate call, which it rarely inlines. Avoiding that reduces the
 * time of a request to 0.96 times (bench/machine_bench.ts, Deno 2.9).
 */
export class Exchange
  implements
    RequestState,
    ResponseActions,
    RareExchange,
    FileExchange,
    StreamingExchange {
  declare head: RequestHead | null;
  declare params: Params;
  declare readonly body: ExchangeBody | null;
  declare readonly ctx: RequestView;
  declare readonly res: ResponseHandle;
  declare readonly owner: ExchangeOwner;
  /** What is special about the request; bits of `codec/request_flags.ts`. */
  declare readonly flags: number;
  declare state: number;
  /** The response's status, once a response has begun. */
  declare status: Status | null;
  /** Bytes of the response's body, unless it was streamed. */
  declare plainBytes: number;
  /** Position of the response's end in the connection's output, or -1 while more may follow. */
  declare end: number;
  declare rareState: RareState | null;

  /** Begins the exchange of a request whose head was just parsed. */
  constructor(
    owner: ExchangeOwner,
    head: RequestHead,
    body: ExchangeBody | null,
  ) {
    this.head = head;
    this.params = NO_PARAMS;
    this.body = body;
    this.owner = owner;
    this.flags = head.flags;
    this.state = 0;
    this.status = null;
    this.plainBytes = 0;
    this.end = -1;
    this.rareState = null;
    this.ctx = new View(this);
    this.res = new Handle(this);
  }

  /** Whether a response has begun, so that no other one can be sent. */
  get isAnswered(): boolean {
    return (this.state & IS_ANSWERED) !== 0;
  }

  /** Whether the final head is in the output. */
  get isHeadSent(): boolean {
    return (this.state & IS_HEAD_SENT) !== 0;
  }

  /**
   * Whether the connection closes after this exchange. Final once the head is
   * sent; before that, only a fault sets it.
   */
  get mustClose(): boolean {
    return (this.state & MUST_CLOSE) !== 0;
  }

  /** See {@linkcode ExchangeFacts.awaitsContinue}. */
  get awaitsContinue(): boolean {
    return (this.state & AWAITS_CONTINUE) !== 0;
  }

  /** Whether the connection has ended this exchange. */
  get isDetached(): boolean {
    return (this.state & IS_DETACHED) !== 0;
  }

  /** Whether response and handler are complete, and the connection stays open. */
  get endsAtOnce(): boolean {
    return (this.state & COMPLETION_BITS) === IS_COMPLETE;
  }

  /** See {@linkcode ExchangeFacts.isBodyUsed}. */
  get isBodyUsed(): boolean {
    return this.ctx.isBodyUsed;
  }

  /** See {@linkcode ExchangeFacts.isStreaming}. */
  get isStreaming(): boolean {
    return this.rareState !== null && this.rareState.stream !== null;
  }

  /** See {@linkcode ExchangeFacts.isLastExchange}. */
  get isLastExchange(): boolean {
    return this.owner.isLastExchange;
  }

  /** The server's options. */
  get options(): ServerOptions {
    return this.owner.context.app.options;
  }

  /** The handler has returned, and its promise, if there is one, has settled. */
  settle(): void {
    this.state |= IS_HANDLER_SETTLED;
  }

  /** The handler continues: its answer has to be awaited. */
  unsettle(): void {
    this.state &= ~IS_HANDLER_SETTLED;
  }

  /** Whether the handler has returned, and its promise has settled, or its error was handled. */
  get isHandlerSettled(): boolean {
    return (this.state & IS_HANDLER_SETTLED) !== 0;
  }

  /** Makes the connection close after this exchange. */
  requireClose(): void {
    this.state |= MUST_CLOSE;
  }

  /** The client waits for `100 Continue` before it sends the body. */
  awaitContinue(): void {
    this.state |= AWAITS_CONTINUE;
  }

  /** `100 Continue` was sent, or is no longer needed. */
  forgetContinue(): void {
    this.state &= ~AWAITS_CONTINUE;
  }

  /** Makes head and body independent of the receive window, which is about to be overwritten. */
  keep(): void {
    this.retainHead();
    this.body?.keep();
  }

  /** Keeps the head readable until the exchange ends, by a copy of its bytes. */
  retainHead(): void {
    if ((this.state & IS_HEAD_RETAINED) !== 0 || this.head === null) return;
    this.state |= IS_HEAD_RETAINED;
    this.owner.retainHead();
  }

  /** Drops the reference to the head, whose bytes are about to be overwritten, unless the head was retained. */
  dropHead(): void {
    if ((this.state & IS_HEAD_RETAINED) !== 0) return;
    this.head = null;
    this.ctx.release();
  }

  /** The connection has ended this exchange. */
  detach(): void {
    this.state |= IS_DETACHED;
  }

  get conn(): Duplex {
    return this.owner.duplex;
  }

  /** Whether the handler owns the connection. */
  get isTakenOver(): boolean {
    return this.rareState !== null && this.rareState.isTakenOver;
  }

  /** See {@linkcode RequestState.isPassedOn}. */
  get isPassedOn(): boolean {
    return this.rareState !== null && this.rareState.isPassedOn;
  }

  /** The state that few exchanges need, created by the first call. */
  rare(): RareState {
    return this.rareState ??= new RareState();
  }

  /** Whether this exchange is complete, apart from unread bytes of the request's body. */
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

  /** See {@linkcode RequestContext.signal}. */
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
    if ((this.state & (IS_ANSWERED | HAS_FIELDS)) !== 0) {
      this.#respondRarely(statusInit, body, headers);
      return;
    }
    if (typeof body !== "string" && body instanceof FileBody) {
      this.#respondRarely(statusInit, body, headers);
      return;
    }
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
   * Sends the bytes of an earlier response again, if status, fields and body
   * are the same and this request does not change the head.
   *
   * perf: avoids planning and copying, which reduces the time of a request to
   * 0.87 times (bench/machine_bench.ts, Deno 2.9).
   *
   * @returns Whether the response was sent.
   */
  #repeat(status: Status, headers: Headers | null, text: string): boolean {
    const owner = this.owner;
    const kept = owner.context.textHeads.find(status, headers);
    if (kept === null || kept.lastText !== text) return false;
    const { whole } = kept;
    if (whole === null || !mayRepeat(this)) return false;
    owner.output.appendConstant(whole);
    this.status = status;
    this.plainBytes = text.length;
    this.#finish();
    return true;
  }

  /** Responds with the fields of `res.headers` too, or refuses to respond again. Closes a file that is not sent. */
  #respondRarely(
    statusInit: Status | number,
    body: BodyInit,
    headers: HeadersInit | undefined,
  ): void {
    try {
      if (this.isAnswered) {
        if (body instanceof FileBody) body.close();
        refuseAnswer(this, "send response", "one was sent already");
      } else {
        const fields = this.withCollected(headers);
        this.#respond(toStatus(statusInit), body, fields);
      }
    } catch (error) {
      if (body instanceof FileBody) body.close();
      throw error;
    }
  }

  #respond(
    status: Status,
    body: BodyInit,
    headersInit: HeadersInit | undefined,
  ): void {
    checkFinalStatus(this.flags, status);
    const headers = headersInit === undefined
      ? null
      : Headers.from(headersInit);
    const bytes = body ?? NO_BYTES;
    if (typeof bytes === "string") sendText(this, status, headers, bytes);
    else if (bytes instanceof Uint8Array) {
      sendBytes(this, status, headers, bytes);
    } else if (bytes instanceof ArrayBuffer) {
      sendBytes(this, status, headers, new Uint8Array(bytes));
    } else if (bytes instanceof FileBody) {
      sendFile(this, status, headers, bytes);
    } else sendStream(this, status, headers, bytes);
  }

  /** See {@linkcode ResponseHandle.informational}. */
  inform(status: Status | number, headers: HeadersInit): void {
    sendInterim(this, status, headers);
  }

  /** See {@linkcode ResponseHandle.sendContinue}. */
  sendContinue(): void {
    sendContinue(this);
  }

  /** See {@linkcode ResponseHandle.notFound}. */
  notFound(): void | Promise<void> {
    return answerMissing(this);
  }

  /** See {@linkcode ResponseHandle.hijack}. */
  hijack(): Promise<Duplex> {
    return hijack(this);
  }

  /** See {@linkcode ResponseHandle.upgrade}. */
  upgrade(protocol: string, headers: HeadersInit): Promise<Duplex> {
    return upgrade(this, protocol, headers);
  }

  /** See {@linkcode ResponseHandle.headers}. */
  get headers(): Headers {
    this.state |= HAS_FIELDS;
    return this.rare().headers ??= new Headers();
  }

  /** The fields of a response: those of `res.headers`, and those that are sent with it. */
  withCollected(init: HeadersInit | undefined): Headers {
    const collected = this.rareState?.headers;
    return collected ? mergeFields(collected, init) : Headers.from(init);
  }

  /** See {@linkcode ResponseHandle.trailers}. */
  setTrailers(trailers: Headers): void {
    if ((this.state & IS_RESPONSE_DONE) !== 0) {
      refuseAnswer(this, "send trailers", "the response is complete");
      return;
    }
    this.rare().trailers = trailers;
  }

  /** See {@linkcode ResponseHandle.sent}. */
  sent(): Promise<void> {
    this.retainHead();
    const rare = this.rare();
    return this.end >= 0 && rare.failure === null
      ? this.owner.output.sentUpTo(this.end)
      : rare.whenSent();
  }

  /** Stops the exchange after the connection was closed. */
  abort(error: Error): void {
    this.rareState?.stream?.abort();
    this.body?.fail(error);
    this.#fail(error);
  }

  /** Withdraws a stream whose head is unsent, so that another response can be sent. Cancels the stream's source. */
  retract(error: Error): void {
    this.rare().dropStream()?.abort();
    this.state &= ~IS_ANSWERED;
    this.body?.fail(error);
  }

  /** See {@linkcode BodyExchange.complete}. */
  complete(plan: ResponsePlan, bodyBytes: number): void {
    this.plainBytes = bodyBytes;
    this.#adopt(plan);
    this.#finish();
  }

  /** See {@linkcode FileExchange.beginFile}. */
  beginFile(plan: ResponsePlan, file: FileResponse): void {
    this.state |= IS_ANSWERED | IS_HEAD_SENT;
    this.#adopt(plan);
    this.rare().stream = file;
    this.owner.exchangeProgressed(); // there is output
  }

  /** All output was sent. */
  outputSent(): void {
    this.rareState?.stream?.outputSent?.();
  }

  /** See {@linkcode BodyExchange.stream}. */
  stream(plan: ResponsePlan, source: BodySource): void {
    this.state |= IS_ANSWERED;
    this.status = plan.status;
    this.rare().stream = new StreamedResponse(this, plan, source);
  }

  /** See {@linkcode StreamingExchange.beginHead}. */
  beginHead({ status, headers }: ResponsePlan, length: number): ResponsePlan {
    const plan = planHead(this, status, headers, length);
    this.state |= IS_HEAD_SENT;
    this.#adopt(plan);
    return plan;
  }

  /** See {@linkcode BodyExchange.endBody}. */
  endBody(error: unknown): void {
    if (error === null) this.#finish();
    else this.#streamFailed(error);
  }

  #streamFailed(error: unknown): void {
    if (this.isHeadSent) {
      this.state |= IS_RESPONSE_DONE;
      this.requireClose();
      this.#fail(toError(error));
    } else {
      this.state &= ~IS_ANSWERED;
      this.rare().dropStream();
    }
    this.owner.exchangeFailed(error);
  }

  /** Applies a plan that is being written. */
  #adopt(plan: ResponsePlan): void {
    this.status = plan.status;
    if (plan.closes) this.requireClose();
  }

  /** Makes the handler the owner of the connection. */
  claimConnection(): void {
    this.rare().isTakenOver = true;
    this.state |= IS_ANSWERED | IS_HEAD_SENT;
    this.requireClose();
  }

  #finish(): void {
    this.state |= IS_ANSWERED | IS_HEAD_SENT | IS_RESPONSE_DONE;
    this.conclude();
    // perf: a running connection checks its exchange itself afterwards.
    // Skipping this call saves 60 instructions a request
    // (bench/machine_bench.ts, Deno 2.9).
    if (!this.owner.isRunning) this.owner.exchangeProgressed();
  }

  /** The whole response is in the output: from now on, only a failing connection can prevent that it is sent. */
  conclude(): void {
    this.end = this.owner.output.totalBytes;
    this.rareState?.complete(() => this.owner.output.sentUpTo(this.end));
  }

  #fail(error: Error): void {
    if (this.end < 0) this.rare().fail(error);
  }
}
