/**
 * One connection: takes octets, runs requests in their order, puts responses
 * into its output. It knows nothing of sockets; an engine feeds it and sends
 * what it puts out, so that every engine behaves alike.
 *
 * The phases stand in `phase.ts`. Framing, persistence and heads are the
 * codec's; routes and hooks `run_exchange.ts`'s; the response `exchange.ts`'s. What
 * is left here is the order of things, the deadlines and the end, which have
 * to be read together (RFC 9112 §9): each step may be the last one or begin the
 * next, so that parts of it elsewhere would have to know all of its fields.
 */

import { NEED_DATA, ProtocolError } from "../../codec/errors.ts";
import { ReceiveBuffer } from "../../codec/receive_buffer.ts";
import type { RequestHead } from "../../codec/request_head.ts";
import type { RequestHeadParser } from "../../codec/request_parser.ts";
import { Status } from "../../codec/status.ts";
import { Exchange, type ExchangeOwner } from "./exchange.ts";
import { failExchange, runExchange } from "./run_exchange.ts";
import { Closing } from "./closing.ts";
import type { ServedConnection } from "./connections.ts";
import type { ProceedOptions } from "../hooks.ts";
import { Output } from "./output.ts";
import { mayFollow, Phase } from "./phase.ts";
import { type BodyOwner, RequestBody } from "./request_body.ts";
import { CONTINUE, writeAscii } from "./response_writer.ts";
import type { EngineContext } from "./engine_context.ts";
import { toError } from "../to_error.ts";
import type { Duplex, Transport } from "../duplex.ts";
import { Deadlines, type TimedOut } from "./deadlines.ts";
import { SentWaiters } from "./sent_waiters.ts";

/** Received octets that are held before the engine must stop reading. */
const MAX_HELD_BYTES = 65_536;

/** Output beyond which no further request is begun, in bytes. */
const MAX_PENDING_OUTPUT_BYTES = 65_536;

/** An integer beyond all counts, in place of `Infinity`. */
const MAX_COUNT = 0x7fffffff;

// perf: a private getter is a call of the runtime even in compiled code, 150
// instructions each; hence methods in its place (bench/server.ts, GET /, Deno 2.9).
//
// perf: what another module exports is looked up at each use, a constant of this
// one is not: 0.94 times the time of a request without its I/O (bench/server.ts,
// GET /, Deno 2.9).
const { IDLE, EXCHANGE, BODY, CLOSING, LINGER } = Phase;
const NEEDS_MORE: typeof NEED_DATA = NEED_DATA;
const run: typeof runExchange = runExchange;
const ExchangeClass: typeof Exchange = Exchange;

/** One connection; see the file's header. */
export class Connection implements ExchangeOwner, BodyOwner, ServedConnection {
  readonly context: EngineContext;
  readonly output: Output;
  isInputEnded = false;
  #input: ReceiveBuffer | null = null;
  #transport: Transport;
  #phase: Phase = IDLE;
  #parser: RequestHeadParser | null = null;
  #exchange: Exchange | null = null;
  /** See {@linkcode ExchangeOwner.isRunning}. */
  isRunning = false;
  #isStopping = false;
  #requests = 0;
  /** How many requests may be begun; 0 once the one that runs is the last for another reason. */
  #maxRequests: number;
  /** Requests that the last sweep saw. */
  #sweptRequests = 0;
  #maybeClosing: Closing | null = null;
  #deadlines: Deadlines;
  /** Those who wait for bytes to be sent, once there were any. */
  #waiters: SentWaiters | null = null;
  #abort: AbortController | null = null;
  /** Why nothing more can be sent, once that is so. */
  #gone: Error | null = null;

  /** Takes over a connection that setup let in. */
  constructor(
    context: EngineContext,
    transport: Transport,
    options: ProceedOptions = {},
  ) {
    this.context = context;
    this.#transport = transport;
    this.output = new Output(context.output);
    const { maxRequestsPerConnection } = context.app.options;
    this.#maxRequests = context.isStopping
      ? 0
      : Math.min(maxRequestsPerConnection, MAX_COUNT);
    context.connections.add(this); // first: time stands still while there is no connection
    this.#deadlines = new Deadlines(
      context.connections,
      context.app.options,
      options,
    );
  }

  get duplex(): Duplex {
    return this.#transport.duplex;
  }

  get isLastExchange(): boolean {
    return this.#requests >= this.#maxRequests ||
      this.isInputEnded && this.#heldBytes() === 0;
  }

  /** Requests that were begun, until the connection is closed. */
  get requestCount(): number {
    return this.#requests;
  }

  /** See {@linkcode BodyOwner.input}. */
  get input(): ReceiveBuffer {
    return this.#input ??= new ReceiveBuffer();
  }

  #closing(): Closing {
    return this.#maybeClosing ??= new Closing();
  }

  /** Received octets that were not used yet. */
  #heldBytes(): number {
    return this.#input === null ? 0 : this.#input.length;
  }

  /** How many octets the engine may read now; 0 means that it must wait for `resumeReading`. */
  get readCapacity(): number {
    // the usual one
    if (this.#phase === IDLE && this.#input === null) {
      return MAX_HELD_BYTES;
    }
    return this.#restOfCapacity();
  }

  #restOfCapacity(): number {
    if (this.isInputEnded) return 0;
    if (this.#phase >= Phase.TAKEN_OVER) return 0;
    if (this.#phase >= CLOSING) return this.#closing().capacity;
    // A head that is allowed has to fit, or nothing would ever be parsed again.
    const most = this.#phase === Phase.HEAD
      ? Math.max(MAX_HELD_BYTES, this.context.app.options.maxRequestHeadSize)
      : MAX_HELD_BYTES;
    return most - this.#heldBytes();
  }

  /** Whether no request has begun. */
  get isIdle(): boolean {
    return this.#phase === IDLE;
  }

  /** Takes octets from anywhere, whose heads are copied to where they are scanned. */
  receiveElsewhere(bytes: Uint8Array, start: number, end: number): void {
    const { scanner } = this.context;
    if (scanner === null || this.#phase >= EXCHANGE || this.#input !== null) {
      this.receive(bytes, start, end);
      return;
    }
    scanner.copyIn(bytes, start, end);
    this.receive(bytes, start, end);
    scanner.dropCopy();
  }

  /**
   * Takes octets from the peer. No handler may be at work meanwhile, on this
   * connection or another one.
   *
   * @param bytes A view that is not used after the call; the context' window,
   * where heads are scanned without a copy.
   */
  receive(bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase >= CLOSING) {
      this.#discard(end - start);
      return;
    }
    this.isRunning = true;
    let rest = start;
    if (
      this.#input === null && this.#exchange === null && !this.#isOutputFull()
    ) rest = this.#parse(bytes, start, end, false);
    if (rest < end && this.#phase < CLOSING) {
      this.input.append(bytes, rest, end);
    }
    if (this.#input !== null || this.#exchange !== null) this.#work();
    this.#pause();
  }

  /** The peer ended its direction; a response still reaches it (RFC 9112 §9.6). */
  receiveEnd(): void {
    this.isInputEnded = true;
    if (this.#phase >= Phase.TAKEN_OVER) return;
    if (this.#phase >= CLOSING) {
      if (this.output.pendingBytes === 0) this.#close();
      return;
    }
    this.isRunning = true;
    this.#work();
    this.#pause();
  }

  /**
   * Ends the connection at once.
   *
   * @param error What failed, the transport or we; nothing if it was closed by whoever took it over.
   */
  fail(error?: Error): void {
    this.#close(error);
  }

  /** All output that the engine took was sent, some bytes of it just now. */
  outputSent(): void {
    if (this.#waiters !== null) this.#waiters.settle(this.output.sentBytes);
    if (this.output.pendingBytes > 0) return;
    if (this.#exchange === null) this.#abort = null; // all was answered
    if (this.#phase === CLOSING) this.#endOutput();
    else if (this.#input !== null) this.exchangeProgressed();
  }

  /** Serving will end: the next response says that it is the last one. */
  announceEnd(): void {
    this.#maxRequests = 0;
  }

  /** Serving ends: closes an idle connection, lets a running request finish. */
  stop(): void {
    this.announceEnd();
    this.#isStopping = true;
    if (this.#phase === IDLE) this.#beginClosing();
  }

  /** See {@linkcode Connections}. */
  expire(nowMs: number): void {
    if (this.#phase === Phase.TAKEN_OVER) return;
    const deadlines = this.#deadlines;
    if (this.#requests !== this.#sweptRequests) {
      this.#sweptRequests = this.#requests;
      if (this.#phase === IDLE) deadlines.noteRequests();
    }
    const { maxConnectionAge } = this.context.app.options;
    if (deadlines.isOlderThan(maxConnectionAge)) this.announceEnd();
    const { pendingBytes, sentBytes } = this.output;
    deadlines.noteWrites(nowMs, pendingBytes > 0, sentBytes);
    const what = deadlines.expired(nowMs, this.#phase);
    if (what !== null) this.#timeOut(what);
  }

  /** See {@linkcode ExchangeOwner.exchangeProgressed}. */
  exchangeProgressed(): void {
    if (this.isRunning || this.#phase >= Phase.TAKEN_OVER) return;
    this.isRunning = true;
    // The handler of another connection may have made this one go on.
    if (this.#input !== null) {
      (this.#parser ??= this.context.parsers.takeIsolated()).disableScanner();
    }
    this.#work();
    this.#pause();
  }

  /** See {@linkcode ExchangeOwner.exchangeFailed}. */
  exchangeFailed(error: unknown): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (exchange.isHeadSent) this.#closing().noteFault(toError(error));
    failExchange(exchange, error);
  }

  /** See {@linkcode ExchangeOwner.takeOver}. */
  async takeOver(): Promise<Duplex> {
    await this.drained();
    const gone = this.#gone;
    if (gone !== null) throw gone;
    this.#enter(Phase.TAKEN_OVER);
    this.#exchange?.body?.detach();
    this.#detach();
    const { bytes, start, end } = this.input;
    this.#input = null;
    return this.#transport.takeOver(bytes.slice(start, end));
  }

  /** See {@linkcode ExchangeOwner.drained}. */
  drained(): Promise<void> {
    // the output was flushed, or will be when this run ends
    return this.sentUpTo(this.output.totalBytes);
  }

  /** See {@linkcode ExchangeOwner.sentUpTo}. */
  sentUpTo(position: number): Promise<void> {
    const waiters = this.#waiters ??= new SentWaiters();
    return waiters.wait(position, this.output.sentBytes);
  }

  /** See {@linkcode ExchangeOwner.abortSignal}. */
  abortSignal(): AbortSignal {
    const abort = this.#abort ??= new AbortController();
    const gone = this.#gone;
    if (gone !== null) abort.abort(gone); // asked for too late
    return abort.signal;
  }

  /** See {@linkcode ExchangeOwner.retainHead}. */
  retainHead(): void {
    (this.#parser ?? this.context.parsers.shared).detach();
  }

  /** See {@linkcode BodyOwner.bodyAwaited}. */
  bodyAwaited(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (exchange.awaitsContinue && !exchange.isHeadSent) {
      if (exchange.body?.isUntouched === true) this.output.append(CONTINUE);
      exchange.forgetContinue();
      if (!this.isRunning) this.#flush();
    }
    if (this.#phase === EXCHANGE) this.#enter(BODY);
    this.#transport.resumeReading();
  }

  /** See {@linkcode BodyOwner.bodyProgressed}. */
  bodyProgressed(): void {
    const exchange = this.#exchange;
    if (this.#phase === BODY) this.#enter(EXCHANGE);
    if (exchange?.body?.isDone === true) this.#deadlines.completeRequest();
    this.#transport.resumeReading();
  }

  /** Whether no further request is begun until something was sent. */
  #isOutputFull(): boolean {
    return this.output.pendingBytes >= MAX_PENDING_OUTPUT_BYTES;
  }

  /**
   * Parses and runs requests, one at least, as long as each is over at once;
   * none may be at work, nor the output full. Gives the first octet that is left.
   *
   * perf: in one piece, since V8 joins short functions from above: cut up, this one
   * goes to `receive`, and what it calls does not fit in any more. Making an exchange
   * is then a call, 250 instructions a request (bench/server.ts, GET /, Deno 2.9).
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
        const hasNoBody = parser.isHeadRequest(bytes, pos);
        parser.reset();
        // nothing after the fault is parsed
        this.#refuse(asProtocolError(error), hasNoBody ? "" : undefined);
        return end;
      }
      if (head === NEEDS_MORE) {
        this.#parser ??= parsers.takeShared();
        if (this.#phase === IDLE && !parser.isIdle) this.#enter(Phase.HEAD);
        return pos;
      }
      pos += head.sizeBytes;
      if (isHeld) this.input.consume(head.sizeBytes);
      else if (head.bodyLength !== 0) {
        this.input.append(bytes, pos, end);
        pos = end;
      }
      this.#run(this.#begin(head));
    } while (
      pos < end && !isHeld && this.#phase < EXCHANGE && !this.#isOutputFull()
    );
    return pos;
  }

  #begin(head: RequestHead): Exchange {
    return head.flags === 0
      ? new ExchangeClass(this, head, null)
      : this.#beginUnusual(head);
  }

  #beginUnusual(head: RequestHead): Exchange {
    const { options } = this.context.app;
    const body = head.bodyLength === 0
      ? null
      : new RequestBody(this, head.bodyLength, options);
    const exchange = new ExchangeClass(this, head, body);
    if (head.expectsContinue && body !== null) exchange.awaitContinue();
    return exchange;
  }

  /**
   * Runs an exchange; the usual one is over when its handler returns.
   *
   * perf: that one is never written into the connection, and its end is looked at
   * here and not in `#advance`: 0.88 times the time of a request without its I/O
   * (bench/server.ts, GET /, Deno 2.9).
   */
  #run(exchange: Exchange): void {
    const { body } = exchange;
    const wasIdle = this.#phase === IDLE;
    if (body === null && wasIdle) this.#phase = EXCHANGE;
    else this.#beginExchange(exchange);
    this.#requests++;
    run(exchange);
    if (
      body === null && wasIdle && exchange.endsAtOnce &&
      this.#phase === EXCHANGE
    ) {
      exchange.detach();
      this.#phase = IDLE; // and it awaits a request as before
    } else this.#runOn(exchange);
    exchange.dropHead();
  }

  /** Enters the phase of an exchange that has a body, or whose head came in parts. */
  #beginExchange(exchange: Exchange): void {
    this.#enter(EXCHANGE);
    if (exchange.body === null) this.#deadlines.completeRequest();
    else {
      this.#exchange = exchange; // a body's reader may ask for more while the handler runs
      this.#deadlines.beginRequest();
    }
  }

  /** Goes on with an exchange that was not over when its handler returned. */
  #runOn(exchange: Exchange): void {
    const gone = this.#gone;
    if (gone !== null) {
      exchange.detach(); // closed meanwhile, by its own handler
      exchange.abort(gone);
    }
    if (exchange.isDetached) return;
    this.#exchange = exchange;
    this.#advance();
    if (exchange.isDetached) return;
    exchange.retainHead();
  }

  /** Runs what can be run: the exchange's end, its body, the next requests. */
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

  /** Ends the exchange if it is over; says whether a next request may begin. */
  #advance(): boolean {
    const exchange = this.#exchange;
    if (exchange === null) return this.#phase < EXCHANGE;
    if (!exchange.isOver) return false;
    const { body } = exchange;
    if (body !== null && !body.isDone && !exchange.mustClose) {
      const { drainBytes } = this.context.app.options;
      const isDrained = body.drain(drainBytes);
      if (isDrained === false) {
        if (this.#phase < Phase.DRAIN) this.#enter(Phase.DRAIN);
        return false;
      }
      if (isDrained === null) exchange.requireClose();
    }
    if (body !== null && body.fault !== null) {
      this.#closing().noteFault(body.fault);
    }
    body?.detach();
    this.#detach();
    if (exchange.mustClose || this.isInputEnded && this.#heldBytes() === 0) {
      if (this.output.pendingBytes === 0) this.#abort = null;
      this.#beginClosing();
      return false;
    }
    this.#rest();
    return true;
  }

  /** Works on no exchange any more. */
  #detach(): void {
    this.#exchange?.detach();
    this.#exchange = null;
  }

  /** The exchange is over, and the next one may begin. */
  #rest(): void {
    if (this.output.pendingBytes === 0) this.#abort = null;
    this.#enter(IDLE);
  }

  /** The peer ended: once no whole request of it is left, nothing more will begin. */
  #endInput(): void {
    if (this.#phase >= EXCHANGE) return;
    if (this.#isOutputFull() && this.#heldBytes() > 0) return; // parsed when that was sent
    if (this.#phase !== Phase.HEAD || this.#parser?.isIdle !== false) {
      this.#beginClosing();
      return;
    }
    this.#refuse(
      new ProtocolError(
        "TRUNCATED_HEAD",
        "Cannot read request: the connection ended inside its head",
        this.#heldBytes(),
      ),
    );
  }

  /** Ends a run of the machine: what is idle gives back what it holds. */
  #pause(): void {
    if (this.isInputEnded) this.#endInput();
    this.isRunning = false;
    if (this.#phase === IDLE) {
      const parser = this.#parser;
      if (parser !== null) {
        this.#parser = null;
        this.context.parsers.give(parser);
      }
      if (this.#isStopping) this.#beginClosing();
    }
    const input = this.#input;
    if (input !== null) {
      if (this.#phase === IDLE && input.length === 0) this.#input = null;
      // pipelined requests were taken out of the input
      if (this.readCapacity > 0) this.#transport.resumeReading();
    }
    this.#flush();
  }

  #flush(): void {
    if (this.output.pendingBytes > 0) {
      this.#transport.flush();
    } else if (this.#phase === CLOSING) this.#endOutput();
  }

  /** Answers what broke the protocol, and closes. */
  #refuse(error: ProtocolError, text?: string): void {
    this.#closing().noteFault(error);
    this.#beginClosing();
    const status = Status.of(error.status);
    const body = text ?? status.reason;
    writeAscii(
      this.output,
      this.context.heads,
      {
        status,
        headers: null,
        length: body.length,
        hasContent: true,
        closes: true,
        saysKeepAlive: false,
      },
      body,
    );
  }

  /** See {@linkcode ExchangeOwner.abandon}. */
  abandon(exchange: Exchange): void {
    this.#exchange = null; // if it is there already
    exchange.detach();
    exchange.abort(new TypeError("Cannot go on: the request was dropped"));
    this.#beginClosing();
    if (!this.isRunning) this.#pause();
  }

  #beginClosing(): void {
    if (this.#phase >= CLOSING) return;
    this.#enter(CLOSING);
    this.#input = null;
    if (!this.isRunning) this.#flush();
  }

  /** All was sent: ends our direction, and waits a little for the peer to end its own. */
  #endOutput(): void {
    if (this.isInputEnded || this.#closing().isExhausted) {
      this.#close();
      return;
    }
    this.#enter(LINGER);
    this.#transport.closeWrite();
    this.#transport.resumeReading();
  }

  #discard(size: number): void {
    const closing = this.#closing();
    closing.discard(size);
    if (closing.isExhausted && this.#phase === LINGER) this.#close();
  }

  #timeOut(what: TimedOut): void {
    const { code, isSilent, message } = what;
    if (isSilent) {
      if (this.#phase === LINGER) this.#close();
      else this.#beginClosing();
      return;
    }
    const error = code === null
      ? new DOMException(message, "TimeoutError")
      : new ProtocolError(code, message, this.#heldBytes());
    const exchange = this.#exchange;
    if (code === null) this.#close(error);
    else if (exchange === null) {
      this.isRunning = true;
      this.#refuse(error as ProtocolError); // a code makes it one
      this.#pause();
    } else {
      exchange.requireClose();
      exchange.body?.fail(error);
      this.exchangeProgressed();
    }
  }

  #close(error?: Error): void {
    if (this.#phase === Phase.CLOSED) return;
    const cause = error ?? this.#maybeClosing?.fault ?? undefined;
    const gone = error ??
      new TypeError("Cannot send: the connection is closed");
    this.#enter(Phase.CLOSED);
    this.context.connections.remove(this);
    this.context.requestCount += this.#requests;
    const exchange = this.#exchange;
    this.#detach();
    const { sentBytes } = this.output;
    this.output.clear();
    this.#input = null;
    this.#gone = gone;
    this.#abort?.abort(gone);
    exchange?.abort(gone);
    // even without any: whoever comes later is told what had been sent
    (this.#waiters ??= new SentWaiters()).fail(gone, sentBytes);
    this.#transport.close(cause);
  }

  /**
   * Goes to another phase and sets its deadline: all changes of the phase but
   * those of {@linkcode Connection.#run} are made here.
   */
  #enter(next: Phase): void {
    if (!mayFollow(this.#phase, next)) {
      throw new TypeError(`Cannot go from phase ${this.#phase} to ${next}`);
    }
    this.#phase = next;
    this.#deadlines.enter(next);
  }
}

function asProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  throw error; // a bug of ours: the engine ends this connection
}
