/**
 * Octets that came too early to be used: the beginning of a head, a body that
 * nobody has read yet, pipelined requests. Whoever appends bounds the amount.
 */

const NO_BYTES = new Uint8Array(0);

/** Where growth begins; most heads fit. */
const MIN_CAPACITY_BYTES = 2048;

/**
 * A window of octets in one array: appended at the end, consumed at the start.
 *
 * A view that was given out stays unchanged while the buffer is pinned: until
 * then octets are only added behind the window or go to another array.
 */
export class ReceiveBuffer {
  /** The array in which the window lies. */
  bytes: Uint8Array<ArrayBuffer> = NO_BYTES;
  /** Offset of the window's first octet. */
  start = 0;
  /** Offset behind the window's last octet. */
  end = 0;
  #isPinned = false;
  /** The array that was left while views of it were in use. */
  #left: Uint8Array<ArrayBuffer> | null = null;
  /** An array that was left and is free: a long body alternates between two. */
  #spare: Uint8Array<ArrayBuffer> | null = null;

  /** Octets in the window. */
  get length(): number {
    return this.end - this.start;
  }

  /** Adds a copy of octets at the end. */
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

  /** Takes octets off the start. */
  consume(size: number): void {
    this.start += size;
    if (this.start === this.end && !this.#isPinned) {
      this.start = 0;
      this.end = 0;
    }
  }

  /** Drops everything, and the array too unless a view of it is in use. */
  clear(): void {
    this.bytes = NO_BYTES;
    this.start = 0;
    this.end = 0;
    this.#isPinned = false;
    this.#left = null;
    this.#spare = null;
  }

  /** Keeps views into the array as they are until {@linkcode ReceiveBuffer.unpin}. */
  pin(): void {
    this.#isPinned = true;
  }

  /** Allows the array to be written over again. */
  unpin(): void {
    this.#isPinned = false;
    if (this.#left !== null) {
      this.#spare = this.#left;
      this.#left = null;
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
      if (this.#isPinned) this.#left = this.bytes;
      this.#isPinned = false; // the views lie in the array that was left
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
