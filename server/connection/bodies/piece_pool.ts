/**
 * Memory for pieces of files, shared by the connections of an engine. Large pieces
 * cost less per byte, but a client that reads slowly keeps its piece for long. So
 * the number of large ones is bounded, and further responses have small ones.
 */

/**
 * Size of a large piece, in bytes. The first one is sent together with the head,
 * and both fit a large output buffer.
 */
export const LARGE_PIECE_BYTES = 61_440;

/** Size of a small piece, in bytes. */
export const SMALL_PIECE_BYTES = 16_384;

/** How many large pieces may wait to be sent: 1.4 MiB. */
const MAX_LARGE = 24;

/** Counts and keeps large pieces. */
export class PiecePool {
  #used = 0;
  #free: Uint8Array[] = [];

  /** Reserves memory of {@linkcode LARGE_PIECE_BYTES}; returns whether there is any. */
  reserve(): boolean {
    if (this.#used >= MAX_LARGE) return false;
    this.#used += 1;
    return true;
  }

  /** Returns the memory that was reserved. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(LARGE_PIECE_BYTES);
  }

  /** Ends a reservation, and takes its memory back if it was used. */
  release(piece: Uint8Array | null): void {
    this.#used -= 1;
    if (piece !== null) this.#free.push(piece);
  }
}
