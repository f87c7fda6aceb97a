/**
 * Puts the whole body of a response into one array. If the body's length is
 * known, reads go directly into that array, without a copy. Otherwise they go
 * into blocks: chunks are decoded in place there, and joined at the end.
 */

import type { BodyDecoder } from "../codec/body_decoder.ts";
import type { BlockPool } from "./block_pool.ts";
import type { ResponseReader } from "./response_reader.ts";

/**
 * A body of at most this many bytes gets its array at once. For a longer one,
 * the memory depends on what has arrived, not on what the server declares: it
 * is at most `MAX_DECLARED_RATIO` times as much.
 */
const MAX_DECLARED_BYTES = 262_144;
const MAX_DECLARED_RATIO = 8;

/** A block counts as full if it has less room than this, in bytes. */
const MIN_ROOM_BYTES = 4096;

const NO_BYTES = new Uint8Array(0);

/** What a body is gathered from. */
export interface GatheredFrom {
  readonly reader: ResponseReader;
  readonly decoder: BodyDecoder;
  readonly blocks: BlockPool;
  /** The declared length of the body; negative if there is none. */
  readonly declaredBytes: number;
  /** The likely size of a body whose length is not declared; 0 if it is unknown. */
  readonly expectedBytes: number;
}

/** One body; see the file's header. */
export class GatheredBody {
  /** Whether bytes arrived after the body. */
  hasSurplus = false;
  /** Whether a read went past the reader's buffer. */
  hasRead = false;
  #from: GatheredFrom;
  /** Payload in blocks that are full. */
  #full: Uint8Array<ArrayBuffer>[] = [];
  /** What the next bytes go into: a block, or the array of the whole body. */
  #bytes: Uint8Array<ArrayBuffer> = NO_BYTES;
  /** Size of the payload in `#bytes`. */
  #filled = 0;
  #isWhole = false;
  /** Size of all payload so far. */
  #size = 0;

  /** Creates an empty body. */
  constructor(from: GatheredFrom) {
    this.#from = from;
  }

  /** Size of the payload so far, in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Adds a copy of payload that was received elsewhere. */
  add(piece: Uint8Array): void {
    for (let rest = piece; rest.length > 0;) {
      this.#makeRoom(rest.length);
      const part = rest.subarray(0, this.#bytes.length - this.#filled);
      this.#bytes.set(part, this.#filled);
      this.#grow(part.length);
      rest = rest.subarray(part.length);
    }
  }

  /**
   * Reads once and decodes the bytes, or ends the body with the connection.
   *
   * @throws {ClientError | ProtocolError} If that fails. The blocks are then
   * not used again, since a read may still write into them.
   */
  async read(): Promise<void> {
    const { reader, decoder } = this.#from;
    this.hasRead = true;
    this.#makeRoom(0);
    const start = this.#filled;
    const bytes = this.#bytes;
    const room = start === 0 ? bytes : bytes.subarray(start);
    const size = await reader.readInto(room);
    if (size === 0) return decoder.end();
    const end = start + size;
    let at = start;
    while (at < end && !decoder.done) {
      at += decoder.decode(bytes, at, end);
      const { pieceStart, pieceEnd } = decoder;
      if (pieceStart !== this.#filled) {
        bytes.copyWithin(this.#filled, pieceStart, pieceEnd);
      }
      this.#grow(pieceEnd - pieceStart);
    }
    this.hasSurplus = at < end;
  }

  /** Returns the body, which the caller then owns. Called once, when it is complete. */
  take(): Uint8Array<ArrayBuffer> {
    if (!this.#isWhole) this.#join(this.#size);
    return this.#bytes;
  }

  #grow(size: number): void {
    this.#filled += size;
    this.#size += size;
  }

  /** @param arrivedBytes Payload that is about to be added. */
  #makeRoom(arrivedBytes: number): void {
    if (this.#isWhole) return;
    const { declaredBytes, expectedBytes, blocks } = this.#from;
    const trustedBytes = MAX_DECLARED_RATIO * (this.#size + arrivedBytes);
    if (
      declaredBytes >= 0 &&
      declaredBytes <= Math.max(MAX_DECLARED_BYTES, trustedBytes)
    ) return this.#join(declaredBytes);
    if (this.#bytes.length - this.#filled >= MIN_ROOM_BYTES) return;
    const isExpected = this.#bytes === NO_BYTES && expectedBytes > 0;
    if (this.#filled > 0) this.#full.push(this.#payload());
    this.#bytes = isExpected
      ? new Uint8Array(Math.min(expectedBytes, MAX_DECLARED_BYTES))
      : blocks.take();
    this.#filled = 0;
  }

  /** Moves the payload into an array of `size` bytes. If the first array has that size, it is used. */
  #join(size: number): void {
    const parts = this.#full;
    if (this.#filled > 0) parts.push(this.#payload());
    this.#full = [];
    const first = parts[0]?.buffer;
    const whole = first?.byteLength === size
      ? new Uint8Array(first)
      : new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      if (part.buffer !== whole.buffer) {
        whole.set(part, at);
        this.#from.blocks.give(new Uint8Array(part.buffer));
      }
      at += part.length;
    }
    this.#bytes = whole;
    this.#filled = at;
    this.#isWhole = true;
  }

  #payload(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#filled);
  }
}
