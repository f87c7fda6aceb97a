/**
 * Decodes a body in any of the three framings: by length, chunked, and until the
 * connection closes (RFC 9112 §6.3). `framing.ts` decides which one applies;
 * `chunked.ts` decodes chunks.
 *
 * The head parser already checked a declared length against `maxBodyBytes`, so
 * only the other two framings are checked here.
 */

import { ChunkedDecoder } from "./chunked.ts";
import { ProtocolError } from "./errors.ts";
import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import { type BodyLimits, DEFAULT_BODY_LIMITS } from "./limits.ts";
import type { TrailerSection } from "./trailer_section.ts";

/**
 * Decodes one body from bytes that arrive in any split.
 *
 * Each step yields at most one piece of payload, as offsets into the caller's
 * bytes; nothing is copied. Bytes after the body are never consumed.
 *
 * @example A body of known length
 * ```ts
 * import { BodyDecoder } from "@khttp/khttp/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("helloGET /");
 * const decoder = new BodyDecoder(5);
 * assertEquals(decoder.decode(bytes, 0, bytes.length), 5);
 * assertEquals([decoder.pieceStart, decoder.pieceEnd], [0, 5]);
 * assertEquals(decoder.done, true);
 * ```
 */
export class BodyDecoder {
  /** Whether the whole body has been consumed. */
  done: boolean;
  /** Offset of the last step's payload in the bytes passed to it. */
  pieceStart = 0;
  /** Offset after the last step's payload; equal to `pieceStart` if there was none. */
  pieceEnd = 0;
  /** Payload decoded so far, in bytes. */
  receivedBytes = 0;
  /** The trailer section once `done`, or `null` if there is none. */
  trailerSection: TrailerSection | null = null;
  #length: number;
  #maxBodyBytes: number;
  #chunked: ChunkedDecoder | null;

  /**
   * Creates a decoder for one body.
   *
   * @param length The body's length in bytes, 0 to 2^53 − 1; -1 for chunked; or
   * -2 for a body that ends with the connection. With 0 the decoder starts out
   * done.
   * @param limits The limits; `maxBodyBytes` is not applied to a known length.
   * @throws {RangeError} If `length` is anything else.
   */
  constructor(length: number, limits: BodyLimits = DEFAULT_BODY_LIMITS) {
    if (!Number.isSafeInteger(length) || length < UNTIL_CLOSE) {
      throw new RangeError(`Cannot decode body: length ${length} is invalid`);
    }
    this.done = length === 0;
    this.#length = length;
    this.#maxBodyBytes = limits.maxBodyBytes;
    this.#chunked = length === CHUNKED ? new ChunkedDecoder(limits) : null;
  }

  /** Payload still to come in bytes, or -1 if the framing does not declare it. */
  get remainingBytes(): number {
    if (this.#length >= 0) return this.#length - this.receivedBytes;
    return this.done ? 0 : -1;
  }

  /**
   * Consumes framing and at most one piece of payload.
   *
   * @param bytes The bytes as received; only `start` to `end` are read.
   * @param start Offset of the first byte that no step has consumed.
   * @param end Offset after the last byte received.
   * @returns How many bytes were consumed; 0 only if there were none or the body
   * is done.
   * @throws {ProtocolError} `BODY_TOO_LARGE` beyond `maxBodyBytes`, or a code of
   * {@linkcode ChunkedDecoder.decode}. The offset counts from the start of the
   * body's framing.
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    if (this.#chunked !== null) {
      return this.#decodeChunked(this.#chunked, bytes, start, end);
    }
    this.pieceStart = start;
    this.pieceEnd = start;
    if (start === end || this.done) return 0;
    const run = Math.min(end - start, this.#room());
    this.pieceEnd = start + run;
    this.receivedBytes += run;
    if (this.receivedBytes === this.#length) this.done = true;
    return run;
  }

  /**
   * Tells the decoder that the peer will send nothing more; does nothing once the
   * body is done.
   *
   * @throws {ProtocolError} `TRUNCATED_BODY` if bytes are missing (RFC 9112 §8),
   * or the error that an earlier step threw.
   */
  end(): void {
    if (this.done) return;
    if (this.#chunked !== null) return this.#chunked.end();
    if (this.#length !== UNTIL_CLOSE) {
      throw new ProtocolError(
        "TRUNCATED_BODY",
        `Cannot read body: the connection ended before ${this.#length} bytes`,
        this.receivedBytes,
      );
    }
    this.done = true;
  }

  #decodeChunked(
    chunked: ChunkedDecoder,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const consumed = chunked.decode(bytes, start, end);
    this.pieceStart = chunked.pieceStart;
    this.pieceEnd = chunked.pieceEnd;
    this.receivedBytes += chunked.pieceEnd - chunked.pieceStart;
    this.trailerSection = chunked.trailerSection;
    this.done = chunked.done;
    return consumed;
  }

  /** How many bytes a step may consume. Payload within the limit is delivered before the error. */
  #room(): number {
    if (this.#length !== UNTIL_CLOSE) return this.#length - this.receivedBytes;
    const room = this.#maxBodyBytes - this.receivedBytes;
    if (room > 0) return room;
    throw new ProtocolError(
      "BODY_TOO_LARGE",
      `Cannot read body: longer than ${this.#maxBodyBytes} bytes (maxBodyBytes)`,
      this.receivedBytes,
    );
  }
}
