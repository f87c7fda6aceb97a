/**
 * Sends a part of a file as the body of a response. A short one is read at once,
 * directly behind the head. A longer one is a region of the output: the transport
 * takes its bytes when the client has room for them, so that a slow client costs
 * the memory of one piece at most. The file is closed on every path, also if the
 * response has no content or fails.
 */

import { BodySource } from "../../../codec/body_source.ts";
import type { Headers } from "../../../codec/headers.ts";
import type { Status } from "../../../codec/status.ts";
import type { FileBody } from "../../file_body.ts";
import type { FileRegion } from "../output.ts";
import { planResponse, type ResponsePlan } from "../response_plan.ts";
import { writeFileBytes, writeHead } from "../response_writer.ts";
import type { BodyExchange } from "./body_exchange.ts";
import { LARGE_PIECE_BYTES, SMALL_PIECE_BYTES } from "./piece_pool.ts";

/** What sending a file needs of its exchange. */
export interface FileExchange extends BodyExchange {
  /** Begins a response whose head is in the output. */
  beginFile(plan: ResponsePlan, file: FileResponse): void;
}

/**
 * Longest file that is read at once even if the transport could send it, in bytes.
 *
 * perf: head and file are sent with one system call. Reading costs 0.9 times the
 * CPU time at 16 KiB, the same at 32 KiB, and 1.3 times at 56 KiB (bench/files.ts,
 * Deno 2.9).
 */
const SMALL_BYTES = 24_576;

/**
 * A read that blocks the thread for at least this time, in ms, was probably not
 * served from memory. The following ones are left to another thread.
 *
 * A read from memory costs less than the hop to another thread and back, so only
 * slow files are worth the hop.
 */
const SLOW_READ_MS = 10;

/**
 * How many bytes another thread reads after a slow read. The number doubles each
 * time that this thread's next reads are slow again, so a slow disk blocks the
 * thread only a few times for each file. A read may also seem slow because the
 * system ran another process meanwhile; this thread then soon reads again.
 */
const BACKGROUND_BYTES = 1_048_576;

/**
 * How many bytes of a descriptor one call may send. The other connections wait
 * during a call. From a disk of 100 MB a second, a call of this size takes 10 ms.
 */
const CALL_BYTES = 1_048_576;

/**
 * How many bytes one call may send if the last one took less than
 * {@linkcode FAST_CALL_MS}. The file is then probably in memory, so a larger call
 * does not block for long, and a download needs fewer calls.
 */
const FAST_CALL_BYTES = 4_194_304;
/** See {@linkcode FAST_CALL_BYTES}; in ms. */
const FAST_CALL_MS = 1;

/**
 * A client that needs more than this time for a piece, in ms, gets small pieces. It
 * reads less than 0.6 MB a second, so their higher cost does not matter.
 */
const SLOW_SEND_MS = 100;

/** A file from this length on, in bytes, needs so many pieces that one more system call does not matter. */
const LONG_BYTES = 2_097_152;

const NO_BYTES = new Uint8Array(0);

/**
 * Answers with a file. The caller closes it if this throws.
 *
 * @throws {TypeError | RangeError} If the fields declare another length, or the
 * file has become shorter. Nothing was written then.
 */
export function sendFile(
  exchange: FileExchange,
  status: Status,
  headers: Headers | null,
  file: FileBody,
): void {
  const { length } = file;
  const plan = planResponse(exchange, status, headers, length);
  const { output, context } = exchange.owner;
  if (!plan.hasContent || output.failure !== null) { // then nothing is sent any more
    file.close();
    writeHead(output, context.heads, plan);
    exchange.complete(plan, 0);
    return;
  }
  const isNative = output.sendsDescriptors && file.fd !== null;
  const most = isNative ? SMALL_BYTES : LARGE_PIECE_BYTES;
  if (plan.length < 0 || length > most && !output.takesFiles) {
    exchange.stream(plan, new BodySource(file.views()));
    return;
  }
  if (length <= most) {
    writeFileBytes(output, context.heads, plan, file, length);
    file.close();
    exchange.complete(plan, length);
    return;
  }
  // Sending the first piece with the head saves a system call, but keeps a large
  // output buffer in use. For a long file, the saving is not worth this memory.
  const hasPiece = !isNative && length <= LONG_BYTES &&
    context.pieces.reserve();
  const readBytes = hasPiece ? LARGE_PIECE_BYTES : 0;
  try {
    writeFileBytes(output, context.heads, plan, file, readBytes);
  } catch (error) {
    if (hasPiece) context.pieces.release(null);
    throw error;
  }
  exchange.beginFile(plan, new FileResponse(exchange, file, readBytes));
}

/** The rest of a file, after what was sent with the head. */
export class FileResponse implements FileRegion {
  /** See {@linkcode FileRegion.position}. */
  position: number;
  /** See {@linkcode FileRegion.end}. */
  readonly end: number;
  /** See {@linkcode FileRegion.isReading}. */
  isReading = false;
  /** See {@linkcode FileRegion.callBytes}. */
  callBytes = CALL_BYTES;
  #exchange: FileExchange;
  #file: FileBody;
  /** The offset up to which another thread reads. */
  #backgroundEnd = 0;
  /** How many bytes another thread reads after the last slow read. */
  #backgroundBytes = 0;
  #isOver = false;
  /** Whether a large piece of the pool is reserved. */
  #isLarge: boolean;
  /** The reserved piece, once it is used. */
  #large: Uint8Array | null = null;
  /** The memory of small pieces. */
  #small: Uint8Array | null = null;
  /** Bytes that were read and not sent. */
  #piece: Uint8Array = NO_BYTES;
  /** Whether the transport took only a part of the last piece. */
  #isFull = false;
  /** When the last piece was read, in ms of the clock. */
  #pieceMs = 0;

  /** Adds the rest of a file to the output. */
  constructor(exchange: FileExchange, file: FileBody, readBytes: number) {
    this.#exchange = exchange;
    this.#file = file;
    this.position = file.start + readBytes;
    this.end = file.end;
    this.#isLarge = readBytes > 0;
    exchange.owner.output.pushFile(this);
  }

  /** Bytes of the body that were sent, or are in the output together with the head. */
  get bodyBytes(): number {
    return this.position - this.#file.start;
  }

  /** See {@linkcode FileRegion.fd}. */
  get fd(): number | null {
    return this.#isSlow() ? null : this.#file.fd;
  }

  /** See {@linkcode FileRegion.nextPiece}. */
  nextPiece(): Uint8Array | Promise<void> {
    if (this.#piece.length > 0) return this.#piece;
    const { clock } = this.#exchange.owner.context;
    const startMs = clock.monotonicMs();
    const wanted = this.#memory(startMs);
    this.#pieceMs = startMs;
    if (this.#isSlow()) return this.#readInBackground(wanted);
    const size = this.#file.readSync(wanted, this.position);
    this.noteDuration(clock.monotonicMs() - startMs);
    this.#piece = partOf(wanted, size);
    return this.#piece;
  }

  /** See {@linkcode FileRegion.noteDuration}. */
  noteDuration(durationMs: number): void {
    this.callBytes = durationMs < FAST_CALL_MS ? FAST_CALL_BYTES : CALL_BYTES;
    if (durationMs < SLOW_READ_MS) return;
    const fastBytes = this.position - this.#backgroundEnd;
    const isSlowAgain = fastBytes < this.#backgroundBytes;
    this.#backgroundBytes = isSlowAgain
      ? this.#backgroundBytes * 2
      : BACKGROUND_BYTES;
    this.#backgroundEnd = this.position + this.#backgroundBytes;
  }

  /** See {@linkcode FileRegion.advance}. */
  advance(size: number): void {
    this.position += size;
    const { length } = this.#piece;
    if (size < length && this.#isLarge) {
      // The socket is full, and the rest may wait long. So the large piece is
      // released, and the rest is read again into a small one.
      this.#isFull = true;
      this.#piece = NO_BYTES;
      this.#releaseLarge();
    } else {
      this.#piece = size >= length ? NO_BYTES : this.#piece.subarray(size);
    }
    if (this.position === this.end) this.#releaseLarge();
  }

  /** See {@linkcode FileRegion.fail}. */
  fail(error: unknown): void {
    this.#close();
    this.#exchange.endBody(error);
  }

  /** All output was sent: if that is the whole file, the response is complete. */
  outputSent(): void {
    if (this.position < this.end || this.#isOver) return;
    this.#isOver = true;
    this.#close();
    this.#exchange.endBody(null);
  }

  /** Closes the file of a connection that has failed. */
  abort(): void {
    this.#close();
  }

  /** Whether another thread reads the next bytes. */
  #isSlow(): boolean {
    return this.position < this.#backgroundEnd;
  }

  #close(): void {
    this.#file.close();
    this.#releaseLarge();
  }

  /** Returns memory for the next piece: a large piece if the client reads fast and the pool has one, otherwise a small one. */
  #memory(nowMs: number): Uint8Array {
    const rest = this.end - this.position;
    const { pieces } = this.#exchange.owner.context;
    const isFast = !this.#isFull &&
      (this.#pieceMs === 0 || nowMs - this.#pieceMs < SLOW_SEND_MS);
    this.#isFull = false;
    if (!isFast || rest <= SMALL_PIECE_BYTES) this.#releaseLarge();
    else this.#isLarge ||= pieces.reserve();
    if (this.#isLarge) {
      this.#large ??= pieces.take();
      return partOf(this.#large, rest);
    }
    this.#small ??= new Uint8Array(Math.min(rest, SMALL_PIECE_BYTES));
    return partOf(this.#small, rest);
  }

  /**
   * Releases the large piece. If the connection has failed, a read or a write may
   * still use its memory, so the pool does not get it back.
   */
  #releaseLarge(): void {
    if (!this.#isLarge) return;
    this.#isLarge = false;
    const { pieces } = this.#exchange.owner.context;
    const isInUse = this.isReading || this.#piece.length > 0;
    pieces.release(isInUse ? null : this.#large);
    this.#large = null;
  }

  async #readInBackground(wanted: Uint8Array): Promise<void> {
    this.isReading = true;
    try {
      const size = await this.#file.read(wanted, this.position);
      this.#piece = partOf(wanted, size);
    } finally {
      this.isReading = false;
    }
  }
}

/** Returns the first `size` bytes of an array, or the array itself if it has no more. */
function partOf(bytes: Uint8Array, size: number): Uint8Array {
  return size >= bytes.length ? bytes : bytes.subarray(0, size);
}
