/**
 * Holds received bytes that cannot be used yet: part of a head, a body that the
 * handler has not read, pipelined requests. It has no limit itself; the
 * connection that appends must limit the amount.
 */

const NO_BYTES = new Uint8Array(0);

/** Initial capacity in bytes; most heads fit. */
const MIN_CAPACITY_BYTES = 2048;

/**
 * A window of bytes in one array: appended at the end, consumed at the start.
 *
 * While the buffer is pinned, views into it stay unchanged: new bytes go after
 * the window or into another array.
 */
export class ReceiveBuffer {
  /** The array that contains the window. */
  bytes: Uint8Array<ArrayBuffer> = NO_BYTES;
  /** Offset of the window's first byte. */
  start = 0;
  /** Offset after the window's last byte. */
  end = 0;
  #isPinned = false;
  /** The previous array, while views into it are in use. */
  #pinned: Uint8Array<ArrayBuffer> | null = null;
  /** A previous array that is no longer in use; a long body alternates between two arrays. */
  #spare: Uint8Array<ArrayBuffer> | null = null;

  /** Size of the window in bytes. */
  get length(): number {
    return this.end - this.start;
  }

  /** Copies `source` from `from` to `to` to the end of the window. */
  append(source: Uint8Array, from: number, to: number): void {
    const size = to - from;
    if (size === 0) return;
    if (this.end + size > this.bytes.length) this.#makeRoom(size);
    this.bytes.set(
      from === 0 && to === source.length ? source : source.subarray(from, to),
      this.end,
    );
    this.end += size;
  }

  /** Removes `size` bytes from the start of the window. */
  consume(size: number): void {
    this.start += size;
    if (this.start === this.end && !this.#isPinned) {
      this.start = 0;
      this.end = 0;
    }
  }

  /** Drops the bytes and the arrays. Existing views into them stay valid. */
  clear(): void {
    this.bytes = NO_BYTES;
    this.start = 0;
    this.end = 0;
    this.#isPinned = false;
    this.#pinned = null;
    this.#spare = null;
  }

  /** Keeps views into the array unchanged until {@linkcode ReceiveBuffer.unpin}. */
  pin(): void {
    this.#isPinned = true;
  }

  /** Allows the array to be overwritten again. */
  unpin(): void {
    this.#isPinned = false;
    if (this.#pinned !== null) {
      this.#spare = this.#pinned;
      this.#pinned = null;
    }
    this.consume(0);
  }

  #makeRoom(size: number): void {
    const length = this.length;
    const needed = length + size;
    if (needed <= this.bytes.length && !this.#isPinned) {
      this.bytes.copyWithin(0, this.start, this.end);
    } else {
      const next = this.#take(needed);
      next.set(this.bytes.subarray(this.start, this.end));
      if (this.#isPinned) this.#pinned = this.bytes;
      this.#isPinned = false; // the views point into the previous array
      this.bytes = next;
    }
    this.start = 0;
    this.end = length;
  }

  #take(needed: number): Uint8Array<ArrayBuffer> {
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null && spare.length >= needed) return spare;
    let capacity = Math.max(MIN_CAPACITY_BYTES, this.bytes.length);
    while (capacity < needed) capacity *= 2;
    return new Uint8Array(capacity);
  }
}
