/**
 * One face for the three ways in which a body can be framed (RFC 9112 §6.3):
 * by length, chunked, and by the end of the connection. Which one it is was
 * decided in `framing.ts`; chunks are `chunked.ts`'s.
 *
 * A body of known length was measured against `maxBodyBytes` when its head was
 * read, so only the other two are measured here.
 */

import { ChunkedDecoder } from "./chunked.ts";
import { ProtocolError } from "./errors.ts";
import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import { type BodyLimits, DEFAULT_BODY_LIMITS } from "./limits.ts";
import type { TrailerSection } from "./trailer_section.ts";

/**
 * Decodes one body from bytes that arrive in any split.
 *
 * Each step gives at most one run of payload as offsets into the caller's
 * bytes; nothing is copied. Bytes behind the body are never consumed.
 */
export class BodyDecoder {
  /** Whether the whole body has been consumed. */
  done: boolean;
  /** Offset of the last step's payload in the bytes given to it. */
  pieceStart = 0;
  /** Offset behind the last step's payload; equal to `pieceStart` if there was none. */
  pieceEnd = 0;
  /** Octets of payload so far. */
  receivedBytes = 0;
  /** The trailer section once `done`, or `null` if there is none. */
  trailerSection: TrailerSection | null = null;
  #length: number;
  #maxBodyBytes: number;
  #chunked: ChunkedDecoder | null;

  /**
   * Creates a decoder for one body.
   *
   * @param length Octets of the body, 0 to 2^53 − 1, or {@linkcode CHUNKED}, or
   * {@linkcode UNTIL_CLOSE}; with 0 the decoder is done from the start.
   * @param limits `maxBodyBytes` is not applied to a known length.
   * @throws {RangeError} If `length` is none of these.
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

  /** Octets of payload still to come, or -1 where the framing does not tell. */
  get remainingBytes(): number {
    if (this.#length >= 0) return this.#length - this.receivedBytes;
    return this.done ? 0 : -1;
  }

  /**
   * Takes the next step.
   *
   * @param bytes The bytes as received; only `start` to `end` are read.
   * @param start Offset of the first octet that no step has consumed.
   * @param end Offset behind the last octet received.
   * @returns Octets consumed: 0 only if there were none or the body is done.
   * @throws {ProtocolError} For a fault in the framing, or `BODY_TOO_LARGE`; the
   * offset counts from the start of the body's framing.
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
   * Says that the peer will send nothing more; after the body's end, nothing.
   *
   * @throws {ProtocolError} `TRUNCATED_BODY` if octets are missing (RFC 9112 §8),
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

  /** How much a step may take; what fits is given out before the error. */
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
