/** Bytes for many short requests from one array, since creating an array takes longer than encoding a request. */

/** Size of an array that is shared, in bytes. */
const ARENA_BYTES = 8192;

/** A request that is longer than this gets its own array, in bytes. */
const MAX_SHARED_BYTES = 1024;

/** Gives out parts of arrays, none of them twice. */
export class ByteArena {
  #bytes = new Uint8Array(0);
  #used = 0;

  /** Returns `size` bytes that nothing else uses. */
  take(size: number): Uint8Array<ArrayBuffer> {
    if (size > MAX_SHARED_BYTES) return new Uint8Array(size);
    if (this.#used + size > this.#bytes.length) {
      this.#bytes = new Uint8Array(ARENA_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size;
    return this.#bytes.subarray(start, start + size);
  }
}
