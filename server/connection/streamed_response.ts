/**
 * Sends a body that comes in pieces. The first pieces, up to 8 KiB, are read
 * before the head is written: a body that ends there gets a length and one
 * write. After that a piece is pulled only when the one before it was sent, so
 * that a slow reader holds one piece (RFC 9112 §9.4).
 *
 * States: gathering (head unsent) → streaming → ended, or failed in either.
 */

import type { BodySource } from "../../codec/body_source.ts";
import { CRLF, LAST_CHUNK, writeChunkSize } from "../../codec/chunked.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../codec/framing.ts";
import type { Headers } from "../../codec/headers.ts";
import { encodeLatin1 } from "../../codec/ascii.ts";
import { type ResponseHead, writeHead } from "./response_writer.ts";
import type { Output } from "./output.ts";
import type { EngineContext } from "./engine_context.ts";

/** Bytes that are read before the framing is settled. */
const GATHER_BYTES = 8192;

/** How long that may delay a head, in ms: a feed of events must start at once. */
const GATHER_MS = 5;

/**
 * perf: how many turns of the microtask queue a source has for its answer
 * before that timer is set: those that have their pieces ready need fewer, and
 * a timer costs as much as a short response (bench/load.ts, echo-4k).
 */
const PROMPT_MICROTASKS = 16;

/** Largest piece that is copied into the output, so that its framing needs no writes of its own, in bytes. */
const MAX_COPIED_PIECE_BYTES = 65_536;

/** Octets of a chunk's size line and end. */
const CHUNK_FRAMING_BYTES = 20;

const LAST_CHUNK_SIZE_LINE = encodeLatin1("0\r\n");

/** What a streamed response needs to know. */
export interface StreamedResponseInit {
  readonly owner: {
    readonly context: EngineContext;
    readonly output: Output;
    exchangeProgressed(): void;
    drained(): Promise<void>;
  };
  readonly head: ResponseHead;
  readonly source: BodySource;
  /** Whether the peer knows chunks. */
  readonly canChunk: boolean;
  /** The trailer section, asked for at the end. */
  readonly trailers: () => Headers | null;
  /** The head goes out; says whether it announces the close. */
  readonly onHead: () => boolean;
  /** The last byte is in the output, or the body failed with an error. */
  readonly onEnd: (error: unknown) => void;
}

/** One response whose body is pulled; see the file's header. */
export class StreamedResponse {
  /** Octets of the body that are in the output. */
  bodyBytes = 0;
  #init: StreamedResponseInit;
  #length: number;
  #isAborted = false;
  #isHeadSent = false;
  #isOver = false;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #hasSurplus = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins to pull. */
  constructor(init: StreamedResponseInit) {
    this.#init = init;
    this.#length = init.head.length;
    this.#run();
  }

  /** Stops pulling; nothing more is written. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    clearTimeout(this.#timer); // the source may never answer
    this.#init.source.cancel();
  }

  async #run(): Promise<void> {
    const { source, onEnd } = this.#init;
    let failure: unknown = null;
    this.#limitGathering();
    try {
      for (;;) {
        const piece = await source.pull();
        if (this.#isAborted) break;
        this.#checkSurplus();
        if (piece === null) {
          this.#end();
          break;
        }
        if (piece.length === 0) continue;
        if (!await this.#take(piece)) break;
      }
    } catch (error) {
      // The owner decides: an answer of its own before the head, a cut after it.
      failure = error ??
        new TypeError("Cannot send body: it failed without a reason");
      source.cancel();
    } finally {
      this.#isOver = true;
      clearTimeout(this.#timer);
    }
    if (!this.#isAborted) onEnd(failure);
  }

  /** Sends what has come by then if the source lets us wait. */
  async #limitGathering(): Promise<void> {
    for (let turn = 0; turn < PROMPT_MICROTASKS; turn++) await null;
    if (this.#isHeadSent || this.#isAborted || this.#isOver) return;
    this.#timer = setTimeout(() => this.#stopGathering(), GATHER_MS);
  }

  /** Sends or gathers a piece; says whether more is wanted. */
  async #take(piece: Uint8Array): Promise<boolean> {
    const { owner } = this.#init;
    if (!this.#isHeadSent) {
      this.#gathered.push(piece.slice()); // a view may end with the next pull
      this.#gatheredBytes += piece.length;
      if (this.#gatheredBytes < GATHER_BYTES) return true;
      this.#stopGathering();
    } else this.#writePiece(piece);
    this.#checkSurplus();
    owner.exchangeProgressed();
    await owner.drained();
    return !this.#isAborted;
  }

  /** Settles the framing as a stream of unknown length, unless one was declared. */
  #stopGathering(): void {
    if (this.#isHeadSent || this.#isAborted) return;
    this.#writeHead(this.#length);
    for (const piece of this.#gathered) this.#writePiece(piece);
    this.#gathered = [];
    this.#init.owner.exchangeProgressed();
  }

  #end(): void {
    if (!this.#isHeadSent) {
      const { head, canChunk } = this.#init;
      const wantsChunked = canChunk &&
        (head.headers?.chunked === true || this.#init.trailers() !== null);
      const isUndeclared = this.#length < 0 && !wantsChunked;
      this.#writeHead(isUndeclared ? this.#gatheredBytes : this.#length);
      for (const piece of this.#gathered) this.#writePiece(piece);
    }
    this.#checkSurplus();
    const { owner } = this.#init;
    if (this.#length === CHUNKED) {
      const trailers = this.#init.trailers();
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
  }

  #writeHead(length: number): void {
    const { owner, head, onHead } = this.#init;
    this.#length = length;
    this.#isHeadSent = true;
    const closes = onHead();
    writeHead(owner.output, owner.context.heads, {
      status: head.status,
      headers: head.headers,
      length,
      closes,
      saysKeepAlive: head.saysKeepAlive === true && !closes,
    });
  }

  #writePiece(piece: Uint8Array): void {
    const { output } = this.#init.owner;
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
    // Not thrown here, since the timer of the gathering writes pieces too.
    if (fitting.length < piece.length) this.#hasSurplus = true;
  }

  /** A surplus would be read as the next response (RFC 9112 §11.2). */
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
