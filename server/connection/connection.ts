/**
 * One connection: takes bytes, runs requests in order, and writes responses to
 * its output. It knows nothing about sockets: a transport drives it, as
 * `transport.ts` describes.
 *
 * `phase.ts` has the phases and their transitions. The codec decides framing and
 * persistence, `run_exchange.ts` calls hooks and handlers, and `exchange.ts`
 * writes the response. This file decides what comes next (RFC 9112 §9). It is
 * long because each step needs all of its fields.
 */

import { NEED_DATA, ProtocolError } from "../../codec/errors.ts";
import { ReceiveBuffer } from "../../codec/receive_buffer.ts";
import type { RequestHead } from "../../codec/request_head.ts";
import type { RequestHeadParser } from "../../codec/request_parser.ts";
import type { Duplex } from "../duplex.ts";
import type { ProceedOptions } from "../hooks.ts";
import { toError } from "../to_error.ts";
import {
  peerEnded,
  type RefusedHead,
  truncatedHead,
  writeRefusal,
} from "./closing.ts";
import { Deadlines, type TimedOut } from "./deadlines.ts";
import type { EngineContext } from "./engine_context.ts";
import { Exchange, type ExchangeOwner } from "./exchange.ts";
import { Output } from "./output.ts";
import { capacityIn, MAX_HELD_BYTES, mayFollow, Phase } from "./phase.ts";
import type { BodyOwner, ExchangeBody } from "./bodies/exchange_body.ts";
import { receiveBody } from "./bodies/receive_body.ts";
import { CONTINUE } from "./response_writer.ts";
import { failExchange, runExchange } from "./run_exchange.ts";
import type { ConnectionMachine, Transport } from "./transport.ts";

/**
 * At this much pending output, no further request begins: what one large output
 * buffer holds, so that a batch of responses is still one write.
 */
const MAX_PENDING_OUTPUT_BYTES = 65_536;

/** Used instead of `Infinity`: an integer that V8 stores without allocating. */
const MAX_COUNT = 0x7fffffff;

// perf: a private getter is a runtime call even in compiled code, 150
// instructions each, so private state is read through methods
// (bench/machine_bench.ts, hello, Deno 2.9).
//
// perf: V8 looks up an imported name at each use, but not a local constant: 0.94
// times the time of a request (bench/machine_bench.ts, hello, Deno 2.9).
const { IDLE, HEAD, EXCHANGE, BODY, DRAIN, CLOSING, LINGER, TAKEN_OVER } =
  Phase;
const NEEDS_MORE: typeof NEED_DATA = NEED_DATA;
const run: typeof runExchange = runExchange;
const ExchangeClass: typeof Exchange = Exchange;

/** One connection; see the file's header. */
export class Connection implements ExchangeOwner, BodyOwner, ConnectionMachine {
  readonly context: EngineContext;
  readonly output: Output;
  isInputEnded = false;
  /** See {@linkcode ExchangeOwner.isRunning}. */
  isRunning = false;
  /** Received bytes that are not used yet; `null` if there are none. */
  #input: ReceiveBuffer | null = null;
  #transport: Transport;
  #phase: Phase = IDLE;
  /** Its own parser, if it holds part of a head or must not use the scanner; `null`: the shared one. */
  #parser: RequestHeadParser | null = null;
  /** The exchange in progress. One that completes synchronously need not be stored. */
  #exchange: Exchange | null = null;
  #isStopping = false;
  #requests = 0;
  /** How many requests may begin; 0 after {@linkcode Connection.announceEnd}. */
  #maxRequests: number;
  /** The first error of the protocol, a response or a body. The teardown hook receives it. */
  #fault: Error | null = null;
  #deadlines: Deadlines;
  #abort: AbortController | null = null;
  /** Whether the peer has ended its direction; bytes that it sent before may be unread. */
  #hasPeerEnded = false;

  /** Starts to serve a connection that the setup hook has accepted. */
  constructor(
    context: EngineContext,
    transport: Transport,
    options: ProceedOptions = {},
  ) {
    this.context = context;
    this.#transport = transport;
    this.output = new Output(context.output);
    const { maxRequestsPerConnection } = context.app.options;
    this.#maxRequests = context.announcesEnd
      ? 0
      : Math.min(maxRequestsPerConnection, MAX_COUNT);
    context.connections.add(this, options); // before `Deadlines`, which reads the time that this refreshes
    this.#deadlines = new Deadlines(context, options);
  }

  get duplex(): Duplex {
    return this.#transport.duplex;
  }

  get isLastExchange(): boolean {
    return this.#requests >= this.#maxRequests ||
      this.isInputEnded && this.#heldBytes() === 0;
  }

  get requestCount(): number {
    return this.#requests;
  }

  get input(): ReceiveBuffer {
    return this.#input ??= new ReceiveBuffer();
  }

  #heldBytes(): number {
    return this.#input === null ? 0 : this.#input.length;
  }

  get isIdle(): boolean {
    return this.#phase === IDLE;
  }

  get readCapacity(): number {
    return this.#phase === IDLE && this.#input === null
      ? MAX_HELD_BYTES // nearly always
      : this.#remainingCapacity();
  }

  #remainingCapacity(): number {
    if (this.isInputEnded) return 0;
    const { maxRequestHeadSize } = this.context.app.options;
    return capacityIn(this.#phase, this.#heldBytes(), maxRequestHeadSize);
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase >= CLOSING) { // the bytes come after the last request
      if (this.#phase === LINGER) this.#deadlines.extendLinger();
      return;
    }
    this.isRunning = true;
    let rest = start;
    const isFree = this.#input === null && this.#exchange === null;
    if (isFree && !this.#isOutputFull()) {
      rest = bytes === this.context.window.bytes
        ? this.#parse(bytes, start, end, false)
        : this.#parseElsewhere(bytes, start, end);
    }
    if (rest < end || this.#input !== null || this.#exchange !== null) {
      this.#keep(bytes, rest, end);
    }
    this.#endRun();
  }

  /** Parses bytes outside of the context's window, of which the scanner needs a copy. */
  #parseElsewhere(bytes: Uint8Array, start: number, end: number): number {
    const { scanner } = this.context;
    scanner?.copyIn(bytes, start, end);
    const rest = this.#parse(bytes, start, end, false);
    scanner?.dropCopy();
    return rest;
  }

  /** Keeps unused bytes, and continues with the exchange in progress. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const isKept = start < end && this.#phase < CLOSING;
    if (isKept) this.input.append(bytes, start, end);
    if (this.#input !== null || this.#exchange !== null) this.#work();
  }

  /** The peer closed its direction; it can still receive a response (RFC 9112 §9.6). */
  receiveEnd(): void {
    this.isInputEnded = true;
    this.#endPeer();
  }

  notePeerEnd(): void {
    if (!this.#hasPeerEnded) this.#endPeer();
  }

  #endPeer(): void {
    if (this.#phase >= TAKEN_OVER) return;
    this.isRunning = true; // the signal's listeners may answer
    this.#hasPeerEnded = true;
    this.#abort?.abort(peerEnded());
    this.#work();
    this.#endRun();
    if (this.#phase === LINGER && this.isInputEnded) this.fail();
  }

  outputSent(): void {
    if (this.#exchange !== null) this.#exchange.outputSent();
    else this.#abort = null; // no request is left to abort
    if (this.#phase === CLOSING) this.#endOutput();
    else if (this.#input !== null && this.#phase < CLOSING) this.#resume();
  }

  announceEnd(): void {
    this.#maxRequests = 0;
  }

  stop(): void {
    this.announceEnd();
    this.#isStopping = true;
    if (this.#phase === IDLE) this.#beginClosing();
  }

  expire(nowMs: number): void {
    if (this.#phase === TAKEN_OVER) return;
    const deadlines = this.#deadlines;
    if (deadlines.isTooOld(nowMs)) this.announceEnd();
    deadlines.noteRequests(this.#phase, this.#requests);
    const late = deadlines.lateHandler(nowMs, this.#phase, this.#exchange);
    if (late !== null) {
      const abort = this.#abort; // the response resets it
      this.exchangeFailed(late);
      return abort?.abort(late);
    }
    const waiting = this.#hasPeerEnded ? this.#exchange : null;
    const passed = deadlines.expired(nowMs, this.#phase, this.output, waiting);
    if (passed !== null) this.#timeOut(passed);
  }

  // The methods of `ExchangeOwner`, which the exchange calls.
  exchangeProgressed(): void {
    if (this.isRunning || this.#phase >= TAKEN_OVER) return;
    this.#resume();
    this.#wake();
  }

  exchangeFailed(error: unknown): void {
    const exchange = this.#exchange;
    if (exchange?.isHeadSent) this.#fault ??= toError(error);
    if (exchange !== null) failExchange(exchange, error);
  }

  async takeOver(): Promise<Duplex> {
    await this.output.drained();
    const { failure } = this.output;
    if (failure !== null) throw failure;
    this.#enter(TAKEN_OVER);
    this.#exchange?.body?.giveBack();
    this.#detach();
    const { bytes, start, end } = this.input;
    this.#input = null;
    return this.#transport.takeOver(bytes.slice(start, end));
  }

  abortSignal(): AbortSignal {
    const abort = this.#abort ??= new AbortController();
    const { failure } = this.output;
    if (failure !== null) abort.abort(failure); // the connection has failed already
    else if (this.#hasPeerEnded) abort.abort(peerEnded());
    return abort.signal;
  }

  retainHead(): void {
    const { parsers } = this.context;
    (this.#parser ?? parsers.shared).detach(parsers.copies);
  }

  abandon(exchange: Exchange): void {
    this.#exchange = null; // if it was stored
    exchange.detach();
    exchange.abort(new TypeError("Cannot complete: the request was dropped"));
    this.#beginClosing();
  }

  // The methods of `BodyOwner`, which the request's body calls.
  bodyAwaited(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (exchange.awaitsContinue && !exchange.isHeadSent) {
      if (exchange.body?.isUntouched === true) this.output.append(CONTINUE);
      exchange.forgetContinue();
    }
    if (this.#phase === EXCHANGE) this.#enter(BODY);
    this.#wake();
  }

  bodyProgressed(): void {
    if (this.#phase === BODY) this.#enter(EXCHANGE);
    if (this.#exchange?.body?.isDone === true) {
      this.#deadlines.completeRequest();
    }
    this.#wake();
  }

  /** Wakes the transport, unless the connection is running: the transport looks at the output after each run. */
  #wake(): void {
    if (!this.isRunning && this.#phase !== Phase.CLOSED) this.#transport.wake();
  }

  /** Whether output has to be sent before the next request begins. */
  #isOutputFull(): boolean {
    return this.output.pendingBytes >= MAX_PENDING_OUTPUT_BYTES;
  }

  /**
   * Parses and runs requests, at least one, up to the first that is not complete
   * when its handler returns. No exchange may be in progress, and output not full.
   *
   * perf: kept as one function that is too long to inline. If V8 inlines it into
   * `receive`, it may not inline the `Exchange` constructor: 250 to 350 more
   * instructions a request (bench/machine_count.ts, listen-hello, Deno 2.9).
   *
   * @param isHeld Whether the bytes are in {@linkcode Connection.input}.
   * @returns The offset of the first byte that was not used.
   */
  #parse(
    bytes: Uint8Array,
    start: number,
    end: number,
    isHeld: boolean,
  ): number {
    let pos = start;
    do {
      const { parsers } = this.context;
      const parser = this.#parser ?? parsers.shared;
      let head: RequestHead | typeof NEEDS_MORE;
      try {
        head = parser.parse(bytes, pos, end);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error; // an internal error
        parser.reset();
        this.#refuse(error, { bytes, start: pos, end });
        return end; // nothing after the fault is parsed
      }
      if (head === NEEDS_MORE) {
        this.#parser ??= parsers.takeShared();
        if (this.#phase === IDLE && !parser.isIdle) this.#enter(HEAD);
        return pos;
      }
      pos += head.sizeBytes;
      if (isHeld) this.input.consume(head.sizeBytes);
      let body: ExchangeBody | null = null;
      const { bodyLength } = head;
      if (bodyLength !== 0) {
        body = receiveBody(this, bodyLength, bytes, pos, isHeld ? pos : end);
        pos = body.hasArrived ? pos + bodyLength : end;
      }
      const exchange = new ExchangeClass(this, head, body);
      if (body !== null && head.expectsContinue) exchange.awaitContinue();
      this.#run(exchange, body === null && this.#phase === IDLE);
    } while (
      pos < end && !isHeld && this.#phase < EXCHANGE && !this.#isOutputFull()
    );
    return pos;
  }

  /**
   * Runs an exchange. Most are complete when their handler returns: the phase
   * then changes without `#enter`, and the next sweep moves the idle deadline.
   *
   * perf: such an exchange is not stored in `#exchange`, nor ended by `#advance`:
   * 0.88 times the time of a request without its I/O (bench/machine_bench.ts,
   * hello, Deno 2.9).
   */
  #run(exchange: Exchange, isShort: boolean): void {
    if (isShort) this.#phase = EXCHANGE;
    else this.#beginExchange(exchange);
    this.#requests++;
    run(exchange);
    if (isShort && exchange.endsAtOnce && this.#phase === EXCHANGE) {
      exchange.detach();
      this.#phase = IDLE;
    } else this.#continue(exchange);
    exchange.dropHead();
  }

  /** Enters EXCHANGE for a request that has a body, or whose head arrived in parts. */
  #beginExchange(exchange: Exchange): void {
    this.#enter(EXCHANGE);
    if (exchange.body === null) this.#deadlines.completeRequest();
    else {
      this.#exchange = exchange; // the handler may ask for the body at once
      this.#deadlines.beginRequest();
    }
  }

  /** Keeps an exchange that was not complete when its handler returned. */
  #continue(exchange: Exchange): void {
    const { failure } = this.output;
    if (failure !== null) {
      exchange.detach(); // its own handler closed the connection
      exchange.abort(failure);
    }
    if (exchange.isDetached) return;
    this.#exchange = exchange;
    this.#advance();
    if (!exchange.isDetached) exchange.keep();
  }

  /** Continues after a change outside of `receive`: by a handler or a timer, or because output was sent. */
  #resume(): void {
    this.isRunning = true;
    // A handler of another connection may be running, whose head the shared scanner holds.
    if (this.#input !== null) {
      (this.#parser ??= this.context.parsers.takeIsolated()).disableScanner();
    }
    this.#work();
    this.#endRun();
  }

  /** Does everything that is possible now: feeds the body, ends the exchange, runs the next requests. */
  #work(): void {
    for (;;) {
      this.#exchange?.body?.advance();
      if (!this.#advance()) return;
      const input = this.#input;
      if (input === null || input.length === 0 || this.#isOutputFull()) return;
      const before = input.length;
      this.#parse(input.bytes, input.start, input.end, true);
      if (input.length === before) return;
    }
  }

  /** Ends the exchange if it is over. Returns whether the next request may begin. */
  #advance(): boolean {
    const exchange = this.#exchange;
    if (exchange === null) return this.#phase < EXCHANGE;
    if (!exchange.isOver) return false;
    const { body } = exchange;
    if (body !== null && !body.isDone && !exchange.mustClose) {
      const isDrained = body.drain(this.context.app.options.drainBytes);
      if (isDrained === false) {
        if (this.#phase < DRAIN) this.#enter(DRAIN);
        return false;
      }
      if (isDrained === null) exchange.requireClose();
    }
    this.#fault ??= body?.fault ?? null;
    body?.detach();
    this.#detach();
    if (this.output.pendingBytes === 0) this.#abort = null;
    if (exchange.mustClose || this.isInputEnded && this.#heldBytes() === 0) {
      this.#beginClosing();
      return false;
    }
    this.#enter(IDLE);
    return true;
  }

  #detach(): void {
    this.#exchange?.detach();
    this.#exchange = null;
  }

  /** Ends a run of the machine. An idle connection returns its parser and its empty input buffer. */
  #endRun(): void {
    if (this.isInputEnded) this.#endInput();
    if (
      this.#phase === IDLE &&
      (this.#parser !== null || this.#input !== null || this.#isStopping)
    ) this.#rest();
    if (this.#phase === CLOSING) this.#endOutput();
    this.isRunning = false;
  }

  #rest(): void {
    if (this.#parser !== null) this.context.parsers.give(this.#parser);
    this.#parser = null;
    if (this.#heldBytes() === 0) this.#input = null;
    if (this.#isStopping) this.#beginClosing();
  }

  /** Called after the peer closed its direction: closes the connection when it holds no complete request any more. */
  #endInput(): void {
    if (this.#phase >= EXCHANGE) return;
    if (this.#isOutputFull() && this.#heldBytes() > 0) return; // parsed after output was sent
    const isInHead = this.#phase === HEAD && this.#parser?.isIdle === false;
    if (isInHead) this.#refuse(truncatedHead(this.#heldBytes()));
    else this.#beginClosing();
  }

  /** Responds to a peer that broke the protocol, and closes; only within a run. */
  #refuse(error: ProtocolError, head: RefusedHead = this.input): void {
    this.#fault ??= error;
    this.#beginClosing();
    writeRefusal(this, error, head);
  }

  /** Enters CLOSING: reads no further request, and closes the write direction after all output was sent. */
  #beginClosing(): void {
    if (this.#phase >= CLOSING) return;
    this.#enter(CLOSING);
    this.#input = null;
    if (this.isRunning) return;
    this.#endOutput();
    this.#wake();
  }

  /** Closes the write direction if all output was sent, then waits for the peer to close its own. */
  #endOutput(): void {
    if (this.output.pendingBytes > 0) return;
    this.#enter(LINGER);
    this.output.requestEnd();
  }

  #timeOut(timedOut: TimedOut | DOMException): void {
    if (timedOut instanceof DOMException) return this.fail(timedOut);
    const { code, message } = timedOut;
    if (code === null) {
      return this.#phase === LINGER ? this.fail() : this.#beginClosing();
    }
    const error = new ProtocolError(code, message, this.#heldBytes());
    const exchange = this.#exchange;
    if (exchange !== null) {
      exchange.requireClose();
      exchange.body?.fail(error);
      this.exchangeProgressed();
      return;
    }
    this.isRunning = true;
    this.#refuse(error);
    this.#endRun();
    this.#wake();
  }

  fail(error?: Error): void {
    if (this.#phase === Phase.CLOSED) return;
    const cause = error ?? this.#fault ?? undefined;
    const reason = error ??
      new TypeError("Cannot send: the connection is closed");
    this.#enter(Phase.CLOSED);
    this.context.connections.remove(this);
    this.context.requestCount += this.#requests;
    const exchange = this.#exchange;
    this.#detach();
    this.#input = null;
    this.output.fail(reason);
    this.#abort?.abort(reason);
    exchange?.abort(reason);
    this.#transport.close(cause);
  }

  /** Changes the phase and sets its deadline. Every change of the phase goes through here, except those in `#run`. */
  #enter(next: Phase): void {
    if (!mayFollow(this.#phase, next)) {
      throw new TypeError(`Cannot go from phase ${this.#phase} to ${next}`);
    }
    this.#phase = next;
    this.#deadlines.enter(next);
  }
}
