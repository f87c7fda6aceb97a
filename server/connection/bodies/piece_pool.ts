/**
 * Memory for pieces of files, shared by the connections of an engine. Large pieces
 * cost less per byte, but a client that reads slowly keeps its piece for long. So
 * the number of large pieces is bounded; other responses use small ones.
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

  /** Reserves a large piece; returns `false` if all are in use. */
  reserve(): boolean {
    if (this.#used >= MAX_LARGE) return false;
    this.#used += 1;
    return true;
  }

  /** Returns the memory for a reserved piece. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(LARGE_PIECE_BYTES);
  }

  /** Ends a reservation. Takes back the memory of its piece; `null` if it was not taken or is still in use. */
  release(piece: Uint8Array | null): void {
    this.#used -= 1;
    if (piece !== null) this.#free.push(piece);
  }
}
