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

/** Size of the pieces that are read, in bytes. The first one is sent together with the head. */
const PIECE_BYTES = 61_440;

/**
 * A read that blocks the thread for at least this time, in ms, was not served from
 * memory. Further ones are left to another thread.
 *
 * perf: a read of a piece from memory takes 5 µs, the hop to another thread and
 * back 25 µs (bench/files.ts).
 */
const SLOW_READ_MS = 10;

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
  const most = isNative ? SMALL_BYTES : PIECE_BYTES;
  if (plan.length < 0 || length > most && !output.takesFiles) {
    exchange.stream(plan, new BodySource(file));
    return;
  }
  const readBytes = isNative && length > most ? 0 : Math.min(length, most);
  writeFileBytes(output, context.heads, plan, file, readBytes);
  if (readBytes === length) {
    file.close();
    exchange.complete(plan, length);
  } else {
    exchange.beginFile(plan, new FileResponse(exchange, file, readBytes));
  }
}

/** The rest of a file, after what was sent with the head. */
export class FileResponse implements FileRegion {
  /** See {@linkcode FileRegion.position}. */
  position: number;
  /** See {@linkcode FileRegion.end}. */
  readonly end: number;
  /** See {@linkcode FileRegion.isReading}. */
  isReading = false;
  #exchange: FileExchange;
  #file: FileBody;
  #isSlow = false;
  #isOver = false;
  /** The memory of all pieces; created for the first one. */
  #buffer: Uint8Array | null = null;
  /** Bytes that were read and not sent. */
  #piece: Uint8Array = NO_BYTES;

  /** Adds the rest of a file to the output. */
  constructor(exchange: FileExchange, file: FileBody, readBytes: number) {
    this.#exchange = exchange;
    this.#file = file;
    this.position = file.start + readBytes;
    this.end = file.end;
    exchange.owner.output.pushFile(this);
  }

  /** Bytes of the body that were sent, or are in the output together with the head. */
  get bodyBytes(): number {
    return this.position - this.#file.start;
  }

  /** See {@linkcode FileRegion.fd}. */
  get fd(): number | null {
    return this.#isSlow ? null : this.#file.fd;
  }

  /** See {@linkcode FileRegion.nextPiece}. */
  nextPiece(): Uint8Array | Promise<void> {
    if (this.#piece.length > 0) return this.#piece;
    const buffer = this.#buffer ??= new Uint8Array(PIECE_BYTES);
    const wanted = buffer.subarray(
      0,
      Math.min(this.end - this.position, PIECE_BYTES),
    );
    if (this.#isSlow) return this.#readInBackground(wanted);
    const { clock } = this.#exchange.owner.context;
    const startMs = clock.monotonicMs();
    const size = this.#file.readSync(wanted, this.position);
    this.noteDuration(clock.monotonicMs() - startMs);
    this.#piece = wanted.subarray(0, size);
    return this.#piece;
  }

  /** See {@linkcode FileRegion.noteDuration}. */
  noteDuration(durationMs: number): void {
    if (durationMs >= SLOW_READ_MS) this.#isSlow = true;
  }

  /** See {@linkcode FileRegion.advance}. */
  advance(size: number): void {
    this.position += size;
    if (this.#piece.length > 0) this.#piece = this.#piece.subarray(size);
  }

  /** See {@linkcode FileRegion.fail}. */
  fail(error: unknown): void {
    this.#file.close();
    this.#exchange.endBody(error);
  }

  /** All output was sent: if that is the whole file, the response is complete. */
  outputSent(): void {
    if (this.position < this.end || this.#isOver) return;
    this.#isOver = true;
    this.#file.close();
    this.#exchange.endBody(null);
  }

  /** Closes the file of a connection that has failed. */
  abort(): void {
    this.#file.close();
  }

  async #readInBackground(wanted: Uint8Array): Promise<void> {
    this.isReading = true;
    try {
      const size = await this.#file.read(wanted, this.position);
      this.#piece = wanted.subarray(0, size);
    } finally {
      this.isReading = false;
    }
  }
}
