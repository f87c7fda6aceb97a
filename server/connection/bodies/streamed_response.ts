/**
 * Sends a body that arrives in pieces. Up to 8 KiB are gathered before the head
 * is written: a body that ends within them gets a `Content-Length` and is sent
 * in one write. After that, pieces that the source has ready are sent in one
 * write of at most 64 KiB, and a lone piece is sent at once. The next piece is
 * pulled only when they have been sent, so that a slow client costs the memory
 * of one write (RFC 9112 §9.4). The first write contains the head and the
 * gathered pieces too.
 *
 * States: gathering (head unsent) → streaming → ended; each may fail. The
 * exchange plans the head; see `response_plan.ts`.
 */

import {
  BodySource,
  pieceOf,
  type StreamedBody,
} from "../../../codec/body_source.ts";
import { CRLF, LAST_CHUNK, writeChunkSize } from "../../../codec/chunked.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../../codec/framing.ts";
import type { Headers } from "../../../codec/headers.ts";
import { UNKNOWN_SIZE } from "../../../codec/response_framing.ts";
import type { Status } from "../../../codec/status.ts";
import { encodeLatin1 } from "../../../codec/ascii.ts";
import type { Output } from "../output.ts";
import { planResponse, type ResponsePlan } from "../response_plan.ts";
import { writeHead } from "../response_writer.ts";
import type { BodyExchange } from "./body_exchange.ts";
import type { JoiningStream } from "./join_queue.ts";

/** Bytes that are gathered before the head is written. */
const GATHER_BYTES = 8192;

/**
 * The longest time, in ms, for which gathering may delay the head: the first
 * event of an event stream must not wait for the second.
 */
const GATHER_MS = 5;

/**
 * How many microtask turns a source gets before the gathering timer is set.
 *
 * perf: a source whose pieces are ready needs fewer turns, and so no timer,
 * which would cost as much as a short response (bench/load.ts, echo-4k).
 */
const PROMPT_MICROTASKS = 16;

/**
 * How many bytes of small pieces are sent in one write, if the source has them
 * ready.
 *
 * perf: one write for each piece of 1,000 bytes takes two to three times the CPU
 * time (bench/load.ts, chunked-130k).
 */
const MAX_JOINED_BYTES = 65_536;

/** How many pieces one write joins: a source that is always ready must not keep the thread for long. */
const MAX_JOINED_PIECES = 16;

/** How many bytes are joined without waiting for other responses: they fit a small output buffer. */
const MAX_UNQUEUED_BYTES = 4096;

/**
 * How many microtask turns a source gets for its next piece before the pieces
 * that wait are sent. An async generator needs three.
 */
const READY_MICROTASKS = 6;

/** Largest piece that is copied into the output together with its chunk framing, in bytes. */
const MAX_COPIED_PIECE_BYTES = 65_536;

/** Room for a chunk's size line and its final CRLF, in bytes. */
const CHUNK_FRAMING_BYTES = 20;

const LAST_CHUNK_SIZE_LINE = encodeLatin1("0\r\n");

const NO_TIMER = (): void => {};

/** A settled promise, whose callbacks run in the next microtask turn. */
const SETTLED: Promise<void> = Promise.resolve();

/** What a streamed response needs from its exchange. */
export interface StreamingExchange extends BodyExchange {
  /** The state with the trailer section, which is final when the body has ended. */
  rare(): { readonly trailers: Headers | null };
  /**
   * Plans the head again for this length: it may be known only now, and other
   * facts may have changed. The head is written directly after the call.
   */
  beginHead(plan: ResponsePlan, length: number): ResponsePlan;
}

/**
 * Answers with a stream.
 *
 * @throws {TypeError} If it is not a stream or locked, or the fields declare
 * framing that the response cannot have.
 */
export function sendStream(
  exchange: StreamingExchange,
  status: Status,
  headers: Headers | null,
  body: StreamedBody,
): void {
  const plan = planResponse(exchange, status, headers, UNKNOWN_SIZE);
  const source = new BodySource(body); // locks the stream, so nothing may throw from here on
  if (plan.hasContent) exchange.stream(plan, source);
  else {
    source.cancel();
    const { output, context } = exchange.owner;
    writeHead(output, context.heads, plan);
    exchange.complete(plan, 0);
  }
}

/**
 * One response whose body is pulled; see the file's header.
 *
 * perf: uses callbacks that are created once. A body of 8 pieces takes 11 µs
 * without its I/O, and took 43 µs with an async loop, which made about ten
 * promises for each piece (bench/load.ts, chunked-130k, Deno 2.9).
 */
export class StreamedResponse implements JoiningStream {
  /** Bytes of the body that are in the output. */
  bodyBytes = 0;
  #exchange: StreamingExchange;
  /** The plan for a body of unknown size. */
  #plan: ResponsePlan;
  #source: BodySource;
  #length: number;
  #isAborted = false;
  #isHeadSent = false;
  /** Whether the body has ended or failed. */
  #isOver = false;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  /** Bytes of pieces that are in the output, but not offered to the transport yet. */
  #waitingBytes = 0;
  #waitingPieces = 0;
  /** Whether the source was asked for a piece that it has not given yet. */
  #isPulling = false;
  /** Whether the transport is still sending. No piece is written meanwhile. */
  #isSending = false;
  /** Whether it has its turn in the queue of the streams that join pieces. */
  #isJoining = false;
  /** Whether the system may hold back bytes until more are sent. */
  #isHeldBack = false;
  /** A piece that arrived while the transport was sending or another stream had its turn, or did not fit. */
  #held: Uint8Array | null = null;
  /** How many microtask turns the source has left for its next piece. */
  #turnsLeft = 0;
  #isCounting = false;
  #hasSurplus = false;
  #cancelTimer: () => void = NO_TIMER;

  /** Starts to pull pieces. */
  constructor(
    exchange: StreamingExchange,
    plan: ResponsePlan,
    source: BodySource,
  ) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#source = source;
    this.#length = plan.length;
    this.#pull();
    this.#countTurns(PROMPT_MICROTASKS);
  }

  /** Stops pulling; nothing more is written. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#cancelTimer();
    this.#source.cancel();
    this.#endJoin();
  }

  /** All output was sent. */
  outputSent(): void {
    if (!this.#isSending) return;
    this.#isSending = false;
    SETTLED.then(this.#onSent); // not now: the transport is on the stack
  }

  /** See {@linkcode JoiningStream.resume}. */
  resume(): void {
    if (!this.#isSending) this.#continue(); // otherwise it continues when all output was sent
  }

  #pull(): void {
    if (this.#isAborted || this.#isOver) return;
    this.#isPulling = true;
    this.#source.next().then(this.#onPulled, this.#onFailed);
    if (this.#isUnsent()) this.#countTurns(READY_MICROTASKS);
  }

  /** Whether the transport or the system holds bytes that have to be sent if the source is slow. */
  #isUnsent(): boolean {
    return this.#waitingBytes > 0 || this.#isHeldBack;
  }

  #onPulled: (result: IteratorResult<Uint8Array | string>) => void = this
    .#pulled.bind(this);
  #onFailed: (error: unknown) => void = this.#fail.bind(this);
  #onTurn: () => void = this.#countTurn.bind(this);
  #onSent: () => void = this.#continue.bind(this);

  #pulled(result: IteratorResult<Uint8Array | string>): void {
    this.#isPulling = false;
    if (this.#isAborted || this.#isOver) return;
    try {
      const piece = pieceOf(result);
      this.#checkSurplus();
      if (piece === null) this.#end();
      else if (piece.length === 0) this.#pull();
      else if (this.#isSending) this.#held = piece;
      else this.#take(piece);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!this.#isOver) return;
    this.#exchange.endBody(null);
    this.#endJoin();
  }

  /** Continues after all output was sent, or in its turn to join pieces. */
  #continue(): void {
    if (this.#isAborted || this.#isOver) return;
    const piece = this.#held;
    this.#held = null;
    try {
      if (piece !== null) this.#take(piece);
      else if (!this.#isPulling) this.#pull();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends a response whose source has failed, or whose body does not have the declared length. */
  #fail(error: unknown): void {
    if (this.#isAborted || this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#source.cancel();
    if (this.#waitingBytes > 0) this.#exchange.owner.exchangeProgressed();
    this.#endJoin();
    if (this.#isAborted) return;
    // If the head is unsent, the exchange sends an error response; otherwise
    // it cuts the response off.
    this.#exchange.endBody(
      error ?? new TypeError("Cannot send body: it failed without a reason"),
    );
  }

  /** Gives the source some microtask turns for its next piece. */
  #countTurns(turns: number): void {
    this.#turnsLeft = turns;
    if (this.#isCounting) return;
    this.#isCounting = true;
    SETTLED.then(this.#onTurn);
  }

  /**
   * Counts a turn. If the source has given no piece by the last one, it is slow:
   * while the head is unsent, its first bytes are sent after
   * {@linkcode GATHER_MS}; later, pieces that wait for more are sent at once.
   */
  #countTurn(): void {
    const isAwaited = this.#isPulling && !this.#isAborted && !this.#isOver &&
      (!this.#isHeadSent || this.#isUnsent());
    this.#isCounting = isAwaited && --this.#turnsLeft > 0;
    if (this.#isCounting) SETTLED.then(this.#onTurn);
    else if (isAwaited) this.#stopWaiting();
  }

  #stopWaiting(): void {
    if (!this.#isHeadSent) {
      const { clock } = this.#exchange.owner.context;
      this.#cancelTimer = clock.after(GATHER_MS, () => this.#stopGathering());
      return;
    }
    try {
      this.#flush();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Gathers, writes or holds a piece. Pulls the next one unless output is being sent. */
  #take(piece: Uint8Array): void {
    if (
      !this.#isHeadSent && this.#gatheredBytes + piece.length < GATHER_BYTES
    ) {
      this.#gathered.push(piece.slice()); // the source may reuse its buffer
      this.#gatheredBytes += piece.length;
      this.#pull();
      return;
    }
    if (!this.#mayJoin(piece)) {
      this.#held = piece;
      return;
    }
    if (!this.#isHeadSent) this.#beginStreaming();
    else if (
      this.#waitingBytes > 0 &&
      this.#waitingBytes + piece.length > MAX_JOINED_BYTES
    ) {
      if (this.#flushJoined()) this.#take(piece);
      else this.#held = piece;
      return;
    }
    this.#writePiece(piece);
    this.#waitingBytes += piece.length;
    this.#waitingPieces++;
    this.#checkSurplus();
    if (this.#mayJoinMore() || this.#flushJoined()) this.#pull();
  }

  /** Whether the piece may be joined with what waits; if not, {@linkcode StreamedResponse.resume} is called later. */
  #mayJoin(piece: Uint8Array): boolean {
    const { output, context } = this.#exchange.owner;
    if (this.#isJoining || !output.sendsAtOnce) return true;
    const isShort = this.#waitingBytes + piece.length <= MAX_UNQUEUED_BYTES;
    if (isShort && this.#isHeadSent) return true;
    this.#isJoining = context.joins.begin(this);
    return this.#isJoining;
  }

  #endJoin(): void {
    if (!this.#isJoining) return;
    this.#isJoining = false;
    this.#exchange.owner.context.joins.end();
  }

  /**
   * Whether the next piece may share a write with those that wait. A piece of
   * {@linkcode MAX_JOINED_BYTES} or more may not have been copied, so it must be
   * sent before the source is asked again.
   */
  #mayJoinMore(): boolean {
    return this.#waitingBytes < MAX_JOINED_BYTES &&
      this.#waitingPieces < MAX_JOINED_PIECES;
  }

  /**
   * Sends the pieces that wait. If there are several, the source had them ready
   * and probably has the next one too.
   *
   * perf: the system then sends full packets, 0.93 times the CPU time
   * (bench/load.ts, chunked-130k, engine "epoll").
   */
  #flushJoined(): boolean {
    const { output } = this.#exchange.owner;
    output.moreFollows = output.sendsAtOnce && this.#waitingPieces > 1;
    const isSent = this.#flush();
    this.#isHeldBack = isSent && output.moreFollows;
    output.moreFollows = false;
    return isSent;
  }

  /** Offers what is in the output to the transport. Returns whether all of it was sent. */
  #flush(): boolean {
    const { owner } = this.#exchange;
    this.#waitingBytes = 0;
    this.#waitingPieces = 0;
    this.#isHeldBack = false;
    owner.exchangeProgressed();
    this.#isSending = owner.output.pendingBytes > 0;
    this.#endJoin();
    return !this.#isSending;
  }

  /** Sends what a slow source has given so far. */
  #stopGathering(): void {
    if (this.#isHeadSent || this.#isAborted) return;
    this.#beginStreaming();
    this.#flush();
  }

  /** Writes the head, before the size of the body is known, and the gathered pieces. */
  #beginStreaming(): void {
    this.#cancelTimer();
    this.#writeHead(this.#length);
    for (const piece of this.#gathered) this.#writePiece(piece);
    this.#waitingBytes = this.#gatheredBytes;
    this.#gathered = [];
  }

  #end(): void {
    if (!this.#isHeadSent) {
      // The whole body has arrived. Its size is the length, unless the
      // application declared a length, or asked for the chunked coding or
      // trailers.
      const isFixed = this.#length >= 0 ||
        (this.#length === CHUNKED && this.#wantsChunks());
      this.#writeHead(isFixed ? this.#length : this.#gatheredBytes);
      for (const piece of this.#gathered) this.#writePiece(piece);
    }
    this.#checkSurplus();
    const { owner } = this.#exchange;
    if (this.#length === CHUNKED) {
      const trailers = this.#trailers();
      if (trailers === null || trailers.count === 0) {
        owner.output.append(LAST_CHUNK);
      } else {
        owner.output.append(LAST_CHUNK_SIZE_LINE);
        owner.output.append(trailers.outgoing().encoded);
        owner.output.append(CRLF);
      }
    } else if (this.#length !== UNTIL_CLOSE && this.bodyBytes < this.#length) {
      throw new RangeError(
        `Cannot complete response: ${this.#length} bytes were declared, the body had ${this.bodyBytes}`,
      );
    }
    this.#isOver = true;
    this.#cancelTimer();
  }

  #wantsChunks(): boolean {
    return this.#plan.headers?.chunked === true || this.#trailers() !== null;
  }

  #trailers(): Headers | null {
    return this.#exchange.rare().trailers;
  }

  #writeHead(length: number): void {
    const { owner } = this.#exchange;
    const plan = this.#exchange.beginHead(this.#plan, length);
    this.#length = length;
    this.#isHeadSent = true;
    writeHead(owner.output, owner.context.heads, plan);
  }

  #writePiece(piece: Uint8Array): void {
    const { output } = this.#exchange.owner;
    if (this.#length === CHUNKED) {
      writeChunk(output, piece);
      this.bodyBytes += piece.length;
      return;
    }
    const room = this.#length === UNTIL_CLOSE
      ? Infinity
      : this.#length - this.bodyBytes;
    const fitting = piece.length > room ? piece.subarray(0, room) : piece;
    writePlain(output, fitting);
    this.bodyBytes += fitting.length;
    // Not thrown here: the gathering timer writes pieces too, and has no caller
    // that could catch it.
    if (fitting.length < piece.length) this.#hasSurplus = true;
  }

  /**
   * Throws if the body is longer than declared: the client would read the rest
   * as the next response (RFC 9112 §11.2).
   */
  #checkSurplus(): void {
    if (!this.#hasSurplus) return;
    throw new RangeError(
      `Cannot send more than the ${this.#length} bytes that were declared`,
    );
  }
}

function writePlain(output: Output, piece: Uint8Array): void {
  if (piece.length > MAX_COPIED_PIECE_BYTES) output.push(piece);
  else output.append(piece);
}

function writeChunk(output: Output, piece: Uint8Array): void {
  const isCopied = piece.length <= MAX_COPIED_PIECE_BYTES;
  const size = CHUNK_FRAMING_BYTES + (isCopied ? piece.length : 0);
  const bytes = output.reserve(size);
  let at = writeChunkSize(bytes, output.end, piece.length);
  if (!isCopied) {
    output.commit(at);
    output.push(piece);
    output.append(CRLF);
    return;
  }
  bytes.set(piece, at);
  at += piece.length;
  bytes.set(CRLF, at);
  output.commit(at + CRLF.length);
}
