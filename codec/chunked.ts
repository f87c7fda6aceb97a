/**
 * The chunked transfer coding in both directions (RFC 9112 §7.1): decodes sizes,
 * extensions and payload, and writes chunk size lines. `trailer_section.ts` reads
 * trailers; `head_encoder.ts` writes them.
 *
 * Stricter than the RFC: no white space around `;` and `=` in extensions (§7.1.1
 * asks recipients to accept it, but such leniency has enabled smuggling), no bare
 * LF (§2.2), at most 16 hexadecimal digits.
 *
 * It is one long file because the decoder is one state machine, whose states
 * have to be read together.
 */

import {
  BACKSLASH,
  CR,
  DIGIT_0,
  DQUOTE,
  encodeLatin1,
  EQUALS,
  FIELD_VALUE,
  HEX_VALUE,
  LF,
  NOT_HEX,
  quoteBytes,
  SEMICOLON,
  TOKEN,
} from "./ascii.ts";
import { ProtocolError, type ProtocolErrorCode } from "./errors.ts";
import { type BodyLimits, DEFAULT_BODY_LIMITS } from "./limits.ts";
import { TrailerReader, type TrailerSection } from "./trailer_section.ts";

// Decoder states, named after what the next byte belongs to. The states of a
// chunk size line come first, so that `state < DATA` means "inside a line".
const INVALID = -1;
const SIZE_START = 0;
const SIZE = 1;
const NAME_START = 2;
const NAME = 3;
const VALUE_START = 4;
const VALUE = 5;
const QUOTED = 6;
const QUOTED_PAIR = 7;
const QUOTE_CLOSED = 8;
const LINE_LF = 9;
const DATA = 10;
const DATA_CR = 11;
const DATA_LF = 12;
const TRAILER_START = 13;
const TRAILER_FIELDS = 14;
const TRAILER_LF = 15;
const DONE = 16;

/** The most hexadecimal digits of a size, including leading zeros. */
const MAX_SIZE_DIGITS = 16;
/** The largest size that stays at most 2^53 − 1 when one more digit is appended. */
const MAX_SIZE_BEFORE_DIGIT = 2 ** 49 - 1;
/** How many bytes of framing each chunk may have, in addition to twice its size, before they count as overhead. */
const FREE_CHUNK_OVERHEAD_BYTES = 16;

/** The most digits on the fast path: every such size fits into a small integer. */
const MAX_PLAIN_DIGITS = 7;

/** The state after a byte that ends a chunk line or starts an extension. */
function afterPart(byte: number): number {
  if (byte === CR) return LINE_LF;
  return byte === SEMICOLON ? NAME_START : INVALID;
}

/**
 * The next state in `chunk-size *( ";" name [ "=" ( token / quoted-string ) ] )`
 * after a byte that is not a digit of the size (RFC 9112 §7.1.1; RFC 9110 §5.6.4).
 */
function afterByte(state: number, byte: number): number {
  switch (state) {
    case SIZE:
    case QUOTE_CLOSED:
      return afterPart(byte);
    case NAME_START:
      return TOKEN[byte] === 1 ? NAME : INVALID;
    case NAME:
      if (TOKEN[byte] === 1) return NAME;
      return byte === EQUALS ? VALUE_START : afterPart(byte);
    case VALUE_START:
      if (byte === DQUOTE) return QUOTED;
      return TOKEN[byte] === 1 ? VALUE : INVALID;
    case VALUE:
      return TOKEN[byte] === 1 ? VALUE : afterPart(byte);
    case QUOTED:
      if (byte === DQUOTE) return QUOTE_CLOSED;
      if (byte === BACKSLASH) return QUOTED_PAIR;
      return FIELD_VALUE[byte] === 1 ? QUOTED : INVALID;
    case QUOTED_PAIR:
      return FIELD_VALUE[byte] === 1 ? QUOTED : INVALID;
    case LINE_LF:
      return byte === LF ? DATA : INVALID;
    default: // SIZE_START: a size has at least one digit
      return INVALID;
  }
}

/**
 * Decodes one chunked body from bytes that arrive in any split (RFC 9112 §7.1).
 *
 * Each step consumes framing and at most one piece of payload. The payload is not
 * copied: `pieceStart` and `pieceEnd` are offsets into the caller's bytes. Each
 * byte is read once, and a step allocates nothing unless trailers arrive. Bytes
 * after the body are never consumed. After an error, every further step throws
 * the same error again, so that bytes after a fault are never interpreted.
 *
 * @example Payload, and bytes after the body
 * ```ts
 * import { ChunkedDecoder } from "@khttp/khttp/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("5\r\nhello\r\n0\r\n\r\nGET /");
 * const decoder = new ChunkedDecoder();
 * const text: string[] = [];
 * let at = 0;
 * while (!decoder.done) {
 *   at += decoder.decode(bytes, at, bytes.length);
 *   const piece = bytes.subarray(decoder.pieceStart, decoder.pieceEnd);
 *   text.push(new TextDecoder().decode(piece));
 * }
 * assertEquals([text.join(""), at], ["hello", 15]);
 * ```
 */
export class ChunkedDecoder {
  /** Whether the whole body has been consumed, up to the empty line after the trailers. */
  done = false;
  /** Offset of the last step's payload in the bytes passed to it. */
  pieceStart = 0;
  /** Offset after the last step's payload; equal to `pieceStart` if there was none. */
  pieceEnd = 0;
  /** The trailer section once `done`, or `null` if it is empty. */
  trailerSection: TrailerSection | null = null;
  #limits: BodyLimits;
  #state = SIZE_START;
  #sizeBytes = 0;
  #sizeDigits = 0;
  /** How many bytes of the current chunk's payload remain. */
  #remainingBytes = 0;
  #receivedBytes = 0;
  #overheadBytes = 0;
  /** How many bytes were consumed since the start of the body's framing. */
  #position = 0;
  /** The difference between an offset from the start of the framing and the same offset in this step's bytes. */
  #origin = 0;
  #lineStart = 0;
  #trailers: TrailerReader | null = null;
  #failure: ProtocolError | null = null;

  /** Creates a decoder for one body under these limits. */
  constructor(limits: BodyLimits = DEFAULT_BODY_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Consumes framing and at most one piece of payload.
   *
   * @param bytes The bytes as received; only `start` to `end` are read.
   * @param start Offset of the first byte that no step has consumed.
   * @param end Offset after the last byte received.
   * @returns How many bytes were consumed; 0 only if there were none or the body
   * is done.
   * @throws {ProtocolError} At the first byte that no valid body can have:
   * `INVALID_CHUNK_SIZE`, `INVALID_CHUNK_EXTENSION`, `INVALID_CHUNK_END`,
   * `INVALID_LINE_END`, or a code for a field line or `FORBIDDEN_TRAILER` in the
   * trailer section. At a limit: `BODY_TOO_LARGE`, `CHUNK_LINE_TOO_LONG`,
   * `CHUNK_OVERHEAD_TOO_LARGE` or `TRAILERS_TOO_LARGE`. The offset counts from the
   * start of the body's framing.
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    this.pieceStart = start;
    this.pieceEnd = start;
    if (this.#failure !== null) throw this.#failure;
    this.#origin = this.#position - start;
    let pos = start;
    while (pos < end && this.#state !== DONE) {
      if (this.#state < DATA) {
        const next = this.#state === SIZE_START
          ? this.#readPlainLine(bytes, pos, end)
          : pos;
        pos = next === pos ? this.#readLine(bytes, pos, end) : next;
      } else if (this.#state === DATA) {
        pos = this.#takeData(pos, end);
        // Return the payload before reading further. If a fault after it threw
        // in this step, the payload would be lost, but only if both arrive
        // together.
        break;
      } else if (this.#state <= DATA_LF) {
        pos = this.#readDataEnd(bytes, pos, end);
      } else {
        pos = this.#readTrailers(bytes, pos, end);
      }
    }
    this.#position = pos + this.#origin;
    return pos - start;
  }

  /**
   * Tells the decoder that the peer will send nothing more; does nothing once the
   * body is done.
   *
   * @throws {ProtocolError} `TRUNCATED_BODY` if the body is not done, or the error
   * that an earlier step threw.
   */
  end(): void {
    if (this.done) return;
    this.#failure ??= new ProtocolError(
      "TRUNCATED_BODY",
      "Cannot read chunked body: the connection ended before the last chunk",
      this.#position,
    );
    throw this.#failure;
  }

  /**
   * The fast path: reads a complete line that has a short size and no extension.
   *
   * perf: nearly all lines are like this. Without it, a body of 64-byte chunks
   * takes 1.4 times as long (bench/chunked_decode_bench.ts, Deno 2.9).
   *
   * @returns The offset after the line, or `start` if the line needs the general path.
   */
  #readPlainLine(bytes: Uint8Array, start: number, end: number): number {
    const most = Math.min(MAX_PLAIN_DIGITS, this.#limits.maxChunkLineBytes);
    let sizeBytes = 0;
    let pos = start;
    while (pos < end && pos - start < most) {
      const digit = HEX_VALUE[bytes[pos]!]!; // in range; see ascii.ts
      if (digit === NOT_HEX) break;
      sizeBytes = sizeBytes * 16 + digit;
      pos++;
    }
    const isWhole = pos > start && pos + 1 < end &&
      bytes[pos] === CR && bytes[pos + 1] === LF;
    if (!isWhole) return start;
    this.#sizeBytes = sizeBytes;
    this.#endLine(pos + 1);
    return pos + 2;
  }

  #readLine(bytes: Uint8Array, start: number, end: number): number {
    // At this offset and after, only the CRLF that ends the line is allowed.
    const limit = this.#lineStart + this.#limits.maxChunkLineBytes -
      this.#origin;
    let state = this.#state;
    for (let pos = start; pos < end; pos++) {
      const byte = bytes[pos]!;
      if (pos >= limit && byte !== CR && state !== LINE_LF) {
        this.#lineTooLong(pos);
      }
      if (state <= SIZE && HEX_VALUE[byte] !== NOT_HEX) {
        this.#addDigit(HEX_VALUE[byte]!, pos);
        state = SIZE;
        continue;
      }
      const next = afterByte(state, byte);
      if (next === INVALID) this.#badLine(state, bytes, pos);
      if (next === DATA) {
        this.#endLine(pos);
        return pos + 1;
      }
      state = next;
    }
    this.#state = state;
    return end;
  }

  /** Multiplies instead of shifting: bitwise operators wrap at 32 bits, so the chunk would end early. */
  #addDigit(digit: number, pos: number): void {
    if (
      ++this.#sizeDigits > MAX_SIZE_DIGITS ||
      this.#sizeBytes > MAX_SIZE_BEFORE_DIGIT
    ) {
      this.#fail(
        "INVALID_CHUNK_SIZE",
        `Cannot parse chunk size: more than ${MAX_SIZE_DIGITS} digits or more than 2^53 - 1 bytes`,
        pos,
      );
    }
    this.#sizeBytes = this.#sizeBytes * 16 + digit;
  }

  /** Checks the size of a complete line against the limits; `pos` is its LF. */
  #endLine(pos: number): void {
    const { maxBodyBytes, maxChunkOverheadBytes } = this.#limits;
    const sizeBytes = this.#sizeBytes;
    const lineBytes = pos - 1 + this.#origin - this.#lineStart;
    const overhead = this.#overheadBytes + lineBytes + 2 -
      FREE_CHUNK_OVERHEAD_BYTES - 2 * sizeBytes;
    this.#overheadBytes = overhead > 0 ? overhead : 0;
    if (this.#overheadBytes > maxChunkOverheadBytes) {
      this.#fail(
        "CHUNK_OVERHEAD_TOO_LARGE",
        `Cannot read chunked body: framing exceeds payload by more than ${maxChunkOverheadBytes} bytes (maxChunkOverheadBytes)`,
        pos,
      );
    }
    if (sizeBytes > maxBodyBytes - this.#receivedBytes) {
      this.#fail(
        "BODY_TOO_LARGE",
        `Cannot read chunked body: longer than ${maxBodyBytes} bytes (maxBodyBytes)`,
        pos,
      );
    }
    this.#remainingBytes = sizeBytes;
    this.#state = sizeBytes === 0 ? TRAILER_START : DATA;
  }

  #takeData(pos: number, end: number): number {
    const run = Math.min(end - pos, this.#remainingBytes);
    this.pieceStart = pos;
    this.pieceEnd = pos + run;
    this.#receivedBytes += run;
    this.#remainingBytes -= run;
    if (this.#remainingBytes === 0) this.#state = DATA_CR;
    return pos + run;
  }

  /** Compares both bytes of the CRLF. Decoders that skip any two bytes here have enabled smuggling. */
  #readDataEnd(bytes: Uint8Array, pos: number, end: number): number {
    if (bytes[pos] !== (this.#state === DATA_CR ? CR : LF)) {
      this.#fail(
        "INVALID_CHUNK_END",
        "Cannot parse chunk: its data is not followed by CRLF",
        pos,
      );
    }
    if (this.#state === DATA_LF) return this.#beginLine(pos + 1);
    if (pos + 1 < end && bytes[pos + 1] === LF) return this.#beginLine(pos + 2);
    this.#state = DATA_LF;
    return pos + 1;
  }

  #beginLine(pos: number): number {
    this.#state = SIZE_START;
    this.#sizeBytes = 0;
    this.#sizeDigits = 0;
    this.#lineStart = pos + this.#origin;
    return pos;
  }

  #readTrailers(bytes: Uint8Array, pos: number, end: number): number {
    if (this.#state === TRAILER_START) {
      if (bytes[pos] === CR) {
        this.#state = TRAILER_LF;
        return pos + 1;
      }
      this.#trailers = new TrailerReader(this.#limits, pos + this.#origin);
      this.#state = TRAILER_FIELDS;
    }
    if (this.#state === TRAILER_LF) {
      if (bytes[pos] !== LF) this.#badLineEnd(pos, "CR is not followed by LF");
      this.#finish(null);
      return pos + 1;
    }
    const trailers = this.#trailers!; // set before the state TRAILER_FIELDS
    try {
      const next = trailers.read(bytes, pos, end);
      if (trailers.section !== null) this.#finish(trailers.section);
      return next;
    } catch (error) {
      if (error instanceof ProtocolError) this.#failure = error;
      throw error;
    }
  }

  #finish(section: TrailerSection | null): void {
    this.trailerSection = section;
    this.#state = DONE;
    this.done = true;
  }

  #fail(code: ProtocolErrorCode, message: string, pos: number): never {
    this.#failure = new ProtocolError(code, message, pos + this.#origin);
    throw this.#failure;
  }

  #lineTooLong(pos: number): never {
    this.#fail(
      "CHUNK_LINE_TOO_LONG",
      `Cannot read chunk line: longer than ${this.#limits.maxChunkLineBytes} bytes (maxChunkLineBytes)`,
      pos,
    );
  }

  #badLineEnd(pos: number, what: string): never {
    this.#fail("INVALID_LINE_END", `Cannot parse chunked body: ${what}`, pos);
  }

  #badLine(state: number, bytes: Uint8Array, pos: number): never {
    if (state === LINE_LF) this.#badLineEnd(pos, "CR is not followed by LF");
    if (bytes[pos] === LF && afterByte(state, CR) === LINE_LF) {
      this.#badLineEnd(pos, "LF without CR");
    }
    const isSize = state <= SIZE;
    this.#fail(
      isSize ? "INVALID_CHUNK_SIZE" : "INVALID_CHUNK_EXTENSION",
      `Cannot parse chunk ${isSize ? "size" : "extension"}: invalid byte ${
        quoteBytes(bytes, pos, pos + 1)
      }`,
      pos,
    );
  }
}

/** Ends a chunk size line and a chunk's data. Shared: never write into it. */
export const CRLF: Uint8Array = encodeLatin1("\r\n");

/** Ends a body without trailers. Before trailers, only its first three bytes are sent. Shared: never write into it. */
export const LAST_CHUNK: Uint8Array = encodeLatin1("0\r\n\r\n");

/**
 * Returns how many bytes {@linkcode writeChunkSize} writes for a chunk.
 *
 * @param sizeBytes Size of the chunk's data in bytes, 1 to 2^53 − 1.
 * @returns The number of hexadecimal digits, plus 2.
 */
export function chunkSizeLineBytes(sizeBytes: number): number {
  let lineBytes = 3;
  for (let rest = sizeBytes; rest >= 16; rest /= 16) lineBytes++;
  return lineBytes;
}

/**
 * Writes a chunk's size line, with lower-case digits and without extensions.
 *
 * @param bytes Receives the line; must have room for {@linkcode chunkSizeLineBytes}.
 * @param offset Offset in `bytes` at which the line starts.
 * @param sizeBytes Size of the chunk's data in bytes, 1 to 2^53 − 1.
 * @returns The offset after the line.
 * @throws {RangeError} If `sizeBytes` is not such an integer; 0 would end the body.
 */
export function writeChunkSize(
  bytes: Uint8Array,
  offset: number,
  sizeBytes: number,
): number {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) {
    throw new RangeError(
      `Cannot write chunk: size ${sizeBytes} is not an integer from 1 to 2^53 - 1`,
    );
  }
  const end = offset + chunkSizeLineBytes(sizeBytes);
  bytes[end - 1] = LF;
  bytes[end - 2] = CR;
  let rest = sizeBytes;
  for (let pos = end - 3; pos >= offset; pos--) {
    const digit = rest % 16;
    bytes[pos] = digit < 10 ? DIGIT_0 + digit : 0x61 - 10 + digit;
    rest = (rest - digit) / 16;
  }
  return end;
}
