/**
 * Decodes a body's content codings with `node:zlib`, in pieces of bounded size
 * (RFC 9110 §8.4.1). Loaded with the first such body.
 *
 * A few hundred bytes can expand to gigabytes. So a decoder runs only while the
 * caller reads, and after every few pieces it waits for a turn of the event
 * loop, in which timers and other connections run.
 */

import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
} from "node:zlib";
import type { BodyFeed } from "../codec/body_reader.ts";
import { ProtocolError } from "../codec/errors.ts";
import type { Clock } from "./clock.ts";
import type { Coding } from "./content_coding.ts";
import type { Deadline } from "./deadline.ts";
import { ClientError, toClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import { closedError } from "./received_body.ts";

/** Largest piece of output, in bytes. A decoder may hold two of them. */
const MAX_PIECE_BYTES = 32_768;

/** How many decoder steps run between two turns of the event loop. Each step produces or consumes one piece. */
const STEPS_PER_TURN = 16;

/** What decoding needs in addition to the body. */
export interface DecodingContext {
  readonly options: ClientOptions;
  readonly clock: Clock;
  readonly deadline: Deadline;
}

/** The part of `node:zlib`'s streams that is used here. */
type ZlibStream = ReturnType<typeof createGunzip>;

/** A body without its content codings. */
export class DecodedBody implements BodyFeed {
  /** Unknown before the end. */
  readonly remainingBytes = -1;
  /** See {@linkcode BodyFeed.convertError}. */
  readonly convertError = toClientError;
  #last: BodyFeed;
  #pace: Pace;
  #maxBodyBytes: number;
  #sizeBytes = 0;
  #isPulling = false;
  #failure: unknown = null;

  /**
   * Creates the body. It decodes nothing before it is read.
   *
   * @param codings The codings, in the order in which they are decoded.
   */
  constructor(
    source: BodyFeed,
    codings: readonly Coding[],
    context: DecodingContext,
  ) {
    this.#pace = new Pace(context);
    this.#maxBodyBytes = context.options.maxBodyBytes;
    this.#last = source;
    for (const coding of codings) {
      this.#last = new Stage(this.#last, coding, this.#pace);
    }
  }

  /** See {@linkcode BodyFeed.pull}. */
  async pull(): Promise<Uint8Array | null> {
    if (this.#isPulling) {
      throw new TypeError("Cannot read body: another read is pending");
    }
    if (this.#failure !== null) throw this.#failure;
    this.#isPulling = true;
    try {
      this.#pace.start();
      const piece = await this.#last.pull();
      this.#sizeBytes += piece?.length ?? 0;
      if (this.#sizeBytes > this.#maxBodyBytes) this.#tooLarge();
      return piece;
    } catch (error) {
      this.#failure ??= error;
      this.cancel();
      throw this.#failure;
    } finally {
      this.#isPulling = false;
    }
  }

  /** See {@linkcode BodyFeed.cancel}. */
  cancel(): void {
    this.#failure ??= closedError();
    this.#last.cancel();
  }

  #tooLarge(): never {
    throw toClientError(
      new ProtocolError(
        "BODY_TOO_LARGE",
        `Cannot decode body: longer than ${this.#maxBodyBytes} bytes (maxBodyBytes)`,
        this.#maxBodyBytes,
      ),
    );
  }
}

/** Lets the event loop run between steps, and ends decoding when its deadline has passed. */
class Pace {
  #context: DecodingContext;
  #steps = 0;
  #endMs = Infinity;

  constructor(context: DecodingContext) {
    this.#context = context;
  }

  /** Starts the deadline of the next piece: input that produces no output must not be read forever. */
  start(): void {
    const { clock, options } = this.#context;
    this.#endMs = clock.monotonicMs() + options.bodyTimeout;
  }

  /** Counts a step. */
  async step(): Promise<void> {
    if (++this.#steps < STEPS_PER_TURN) return;
    this.#steps = 0;
    await new Promise((resolve) => setImmediate(resolve));
    this.#context.deadline.throwIfOver();
    if (this.#context.clock.monotonicMs() <= this.#endMs) return;
    throw new ClientError(
      "Cannot decode body: not done in time (bodyTimeout)",
      {
        phase: "read",
        code: "DEADLINE",
      },
    );
  }
}

/** Decodes one coding. */
class Stage implements BodyFeed {
  readonly remainingBytes = -1;
  #source: BodyFeed;
  #coding: Coding;
  #pace: Pace;
  #stream: ZlibStream | null = null;
  /** Bytes that were written to the stream. */
  #inputBytes = 0;
  #isInputTaken = true;
  #isInputEnded = false;
  #isEnded = false;
  #isCancelled = false;
  #failure: unknown = null;
  #wake: () => void = () => {};

  constructor(source: BodyFeed, coding: Coding, pace: Pace) {
    this.#source = source;
    this.#coding = coding;
    this.#pace = pace;
  }

  async pull(): Promise<Uint8Array | null> {
    for (;;) {
      await this.#pace.step();
      if (this.#failure !== null) throw this.#failure;
      if (this.#isCancelled) {
        throw new TypeError("Cannot read body: it was cancelled");
      }
      const piece: Uint8Array | null = this.#stream?.read() ?? null;
      if (piece !== null) return piece;
      if (this.#isEnded) return await this.#finish();
      if (!this.#isInputTaken || this.#isInputEnded) await this.#event();
      else if (!await this.#feed()) return null;
    }
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#source.cancel();
    this.#stream?.destroy();
    this.#wake();
  }

  /** Writes the next input to the stream; returns `false` at the end of an empty body. */
  async #feed(): Promise<boolean> {
    const piece = await this.#source.pull();
    if (piece === null) {
      // An empty body is accepted, although no coding produces one.
      if (this.#stream === null) return false;
      this.#endInput(this.#stream);
      return true;
    }
    if (piece.length === 0) return true;
    this.#stream ??= this.#open(piece[0]!); // it is not empty
    this.#inputBytes += piece.length;
    this.#isInputTaken = false;
    this.#stream.write(piece, () => {
      this.#isInputTaken = true;
      this.#wake();
    });
    return true;
  }

  /**
   * Ends the input. A brotli decoder does not report missing bytes. So this
   * writes one extra byte, which the decoder consumes only if the end is
   * missing.
   */
  #endInput(stream: ZlibStream): void {
    this.#isInputEnded = true;
    if (this.#coding === "br") stream.write(new Uint8Array(1));
    stream.end();
  }

  /** After the end of the encoded data: reads the source to its end, and ignores the rest as browsers do. */
  async #finish(): Promise<null> {
    const { bytesWritten } = this.#stream!; // it has ended
    if (this.#coding === "br" && bytesWritten > this.#inputBytes) {
      throw this.#failure = failed("it is incomplete", undefined);
    }
    while (!this.#isInputEnded) {
      await this.#pace.step();
      this.#isInputEnded = await this.#source.pull() === null;
    }
    return null;
  }

  #open(firstByte: number): ZlibStream {
    const stream = createStream(this.#coding, firstByte);
    const wake = (): void => this.#wake();
    stream.on("readable", wake);
    stream.on("end", () => {
      this.#isEnded = true;
      this.#wake();
    });
    stream.on("error", (error) => {
      this.#failure = failed(error.message, error);
      this.#wake();
    });
    return stream;
  }

  #event(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function createStream(coding: Coding, firstByte: number): ZlibStream {
  const options = {
    chunkSize: MAX_PIECE_BYTES,
    readableHighWaterMark: MAX_PIECE_BYTES,
  };
  if (coding === "br") return createBrotliDecompress(options);
  if (coding === "gzip") return createGunzip(options);
  // By RFC 9110 §8.4.1.2, `deflate` is the zlib format, whose first byte
  // contains the method 8. Some servers send raw deflate data.
  return (firstByte & 0x0f) === 8
    ? createInflate(options)
    : createInflateRaw(options);
}

function failed(why: string, cause: unknown): ClientError {
  return new ClientError(`Cannot decode body: ${why}`, {
    phase: "parse",
    code: "PROTOCOL",
    cause,
  });
}
