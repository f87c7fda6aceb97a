/**
 * The rare ways to respond: interim responses, passing a request on, taking the connection over, and
 * answers that come too late. Their state, and that of trailers, streams and
 * `res.sent`, is an object of its own, so that `Exchange`, which every request
 * creates, has few fields.
 */

import { Headers, type HeadersInit } from "../../codec/headers.ts";
import { IS_HTTP_1_0 } from "../../codec/request_flags.ts";
import { Status } from "../../codec/status.ts";
import type { Duplex } from "../duplex.ts";
import {
  type FailedExchange,
  nameRequest,
  reportFailure,
  runErrorHook,
} from "../failure_report.ts";
import type { Application } from "../hooks.ts";
import type { Output } from "./output.ts";
import {
  type BodyFacts,
  checkInterimStatus,
  checkUpgrade,
} from "./response_plan.ts";
import {
  CONTINUE,
  writeInformational,
  writeSwitchingProtocols,
} from "./response_writer.ts";

/** A response whose body is being streamed, as its exchange sees it. */
export interface ResponseStream {
  /** Size of the body so far, without framing. */
  readonly bodyBytes: number;
  /** Stops the stream and cancels its source. */
  abort(): void;
  /** All output was sent. */
  outputSent?(): void;
}

/** The rarely needed state of one exchange; see the file's header. */
export class RareState {
  /** Whether the handler owns the connection. */
  isTakenOver = false;
  /** Whether the error hook was called to send a response; it is called once. */
  isHookAsked = false;
  /** Whether the error hook runs. What it sends is ignored if a response has begun. */
  isHookRunning = false;
  /** Whether an answer that came too late was reported; one is enough. */
  isLateReported = false;
  /** Errors that the hook or the reporter got. */
  readonly reported: unknown[] = [];
  /** Whether the handler has passed the request on; see {@linkcode answerMissing}. */
  isPassedOn = false;
  /** Why the server answered instead of the handler, after `answered with 500`. */
  answerReason = "";
  /** What `res.headers` collects. */
  headers: Headers | null = null;
  trailers: Headers | null = null;
  stream: ResponseStream | null = null;
  /** Why the whole response cannot be sent, once that is known. */
  failure: Error | null = null;
  /** The promise of `res.sent`, if the handler asked for it before the response was complete. */
  #sent: PromiseWithResolvers<void> | null = null;

  /** Settles once {@linkcode RareState.fail} or {@linkcode RareState.complete} is called, and rejects at once after a failure. */
  whenSent(): Promise<void> {
    if (this.#sent === null) {
      if (this.failure !== null) return Promise.reject(this.failure);
      this.#sent = Promise.withResolvers();
    }
    return this.#sent.promise;
  }

  /** The response is complete. The promise of `sentUpToEnd` resolves when its last byte was sent. */
  complete(sentUpToEnd: () => Promise<void>): void {
    if (this.failure === null) this.#sent?.resolve(sentUpToEnd());
  }

  /** The response cannot be completed. Only the first reason counts. */
  fail(error: Error): void {
    if (this.failure !== null) return;
    this.failure = error;
    this.#sent?.reject(error);
  }

  /** Removes the stream, and returns it if there was one. */
  dropStream(): ResponseStream | null {
    const { stream } = this;
    this.stream = null;
    return stream;
  }
}

/** What the rare ways to respond need of an exchange. */
export interface RareExchange extends FailedExchange {
  readonly flags: number;
  readonly body: BodyFacts | null;
  readonly isAnswered: boolean;
  readonly isBodyUsed: boolean;
  readonly isHandlerSettled: boolean;
  readonly awaitsContinue: boolean;
  status: Status | null;
  readonly owner: FailedExchange["owner"] & {
    readonly output: Output;
    exchangeProgressed(): void;
    takeOver(): Promise<Duplex>;
  };
  rare(): RareState;
  withCollected(headers: HeadersInit | undefined): Headers;
  forgetContinue(): void;
  claimConnection(): void;
  conclude(): void;
}

/** What passing a request on needs of an exchange. */
interface PassableExchange extends RareExchange {
  readonly owner: RareExchange["owner"] & {
    readonly context: {
      readonly app: Pick<Application, "notFound" | "fallback">;
    };
  };
  respond(status: Status, body: string, headers: undefined): void;
}

/** The status of a code. */
export function toStatus(init: Status | number): Status {
  return typeof init === "number" ? Status.of(init) : init;
}

/** See {@linkcode ResponseHandle.informational}. */
export function sendInterim(
  exchange: RareExchange,
  statusInit: Status | number,
  headersInit: HeadersInit,
): void {
  const status = toStatus(statusInit);
  checkInterimStatus(status);
  const headers = Headers.from(headersInit);
  if (!mayInform(exchange)) return;
  if ((exchange.flags & IS_HTTP_1_0) !== 0) return; // HTTP/1.0 has no interim responses (RFC 9110 §15.2)
  if (status.code === 100) exchange.forgetContinue();
  writeInformational(exchange.owner.output, status, headers);
  exchange.owner.exchangeProgressed();
}

/** See {@linkcode ResponseHandle.sendContinue}. */
export function sendContinue(exchange: RareExchange): void {
  if (!mayInform(exchange) || !exchange.awaitsContinue) return; // never in HTTP/1.0
  exchange.forgetContinue();
  exchange.owner.output.append(CONTINUE);
  exchange.owner.exchangeProgressed();
}

/**
 * See {@linkcode ResponseHandle.notFound}. A request that no route matches is with
 * the last handler already, and so is one that was passed on before.
 */
export function answerMissing(
  exchange: PassableExchange,
): void | Promise<void> {
  const { app } = exchange.owner.context;
  const { ctx, res } = exchange;
  const rare = exchange.rare();
  const handler = app.notFound ?? app.fallback;
  if (
    exchange.isAnswered || rare.isPassedOn || handler === null ||
    ctx.route === null
  ) {
    const status = Status.NOT_FOUND;
    return exchange.respond(status, status.reason, undefined);
  }
  rare.isPassedOn = true;
  return handler(ctx, res);
}

/** See {@linkcode ResponseHandle.hijack}. */
export function hijack(exchange: RareExchange): Promise<Duplex> {
  if (!claim(exchange, false)) return never();
  exchange.conclude();
  return exchange.owner.takeOver();
}

/** See {@linkcode ResponseHandle.upgrade}. */
export function upgrade(
  exchange: RareExchange,
  protocol: string,
  headersInit: HeadersInit,
): Promise<Duplex> {
  if (isLate(exchange)) {
    refuseAnswer(exchange, TAKE_OVER, BEGUN);
    return never();
  }
  checkUpgrade(exchange, protocol);
  const headers = new Headers(exchange.withCollected(headersInit));
  headers.remove("connection");
  headers.replace("upgrade", protocol);
  if (!claim(exchange, exchange.body !== null)) return never(); // it was read to its end
  writeSwitchingProtocols(exchange.owner.output, headers);
  exchange.status = Status.SWITCHING_PROTOCOLS;
  exchange.conclude();
  exchange.owner.exchangeProgressed(); // there is output
  return exchange.owner.takeOver();
}

const TAKE_OVER = "take the connection over";
const BEGUN = "a response was begun";

/** Makes the handler the owner of the connection; there is exactly one. */
function claim(exchange: RareExchange, mayUseBody: boolean): boolean {
  if (exchange.isAnswered) {
    refuseAnswer(exchange, TAKE_OVER, BEGUN);
    return false;
  }
  if (exchange.isBodyUsed && !mayUseBody) {
    throw new TypeError("Cannot take the connection over: the body was used");
  }
  exchange.claimConnection();
  return true;
}

/** The result of a take-over that came too late: nothing waits for a rejection. */
function never(): Promise<Duplex> {
  return new Promise(() => {});
}

function mayInform(exchange: RareExchange): boolean {
  if (!exchange.isAnswered) return true;
  const why = "the final one was sent already";
  refuseAnswer(exchange, "send interim response", why);
  return false;
}

function isLate(exchange: RareExchange): boolean {
  return exchange.isAnswered && exchange.isHandlerSettled;
}

/**
 * Refuses what would be a second answer. While the handler runs, it throws. Once
 * the handler has returned, an error would end the process, since nothing waits
 * for it; it is reported instead, once for each exchange.
 *
 * @param what What was tried, in the words that follow "Cannot".
 * @param why Why it is not possible while the handler runs.
 * @throws {TypeError} If the handler runs.
 */
export function refuseAnswer(
  exchange: RareExchange,
  what: string,
  why: string,
): void {
  if (!exchange.isHandlerSettled) throw new TypeError(`Cannot ${what}: ${why}`);
  const rare = exchange.rare();
  if (rare.isHookRunning || rare.isLateReported) return;
  rare.isLateReported = true;
  const { status } = exchange;
  const answer = status === null ? "" : ` with ${status.code}`;
  const error = new TypeError(
    `Cannot ${what}: ${nameRequest(exchange.ctx)} was already answered` +
      answer + rare.answerReason,
  );
  const hook = exchange.owner.context.app.hooks.error;
  if (hook === null) reportFailure(exchange, error);
  else runErrorHook(exchange, hook, error);
}
