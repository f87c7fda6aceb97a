/*
 * All-literal routes by their octets, for callers that have the request line
 * and no text yet. Patterns are match.ts; the same routes by text are a `Map`
 * in router.ts.
 *
 * RFC 9112 §3 puts `method SP request-target` at the start of a message, so
 * one hash over one run of octets covers both.
 */

/** Start value and factor of 32-bit FNV-1a. */
const HASH_SEED = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

/** A method and an all-literal path, both ASCII, and what stands for them. */
export interface LiteralEntry<T> {
  /** The method, a token. */
  readonly method: string;
  /** The path, without spaces. */
  readonly path: string;
  /** What {@linkcode LiteralTable.find} gives. */
  readonly value: T;
}

/** Numbers of one slot: the key's hash, where it starts, its length, and its value's index plus 1. */
const SLOT_STRIDE = 4;

/**
 * A hash table whose keys are the octets `METHOD SP path`.
 *
 * Open addressing, at most half full. Peers choose what is looked up but not
 * what is stored: a run of taken slots is as long as the routes make it, and of
 * what is longer than every key no octet is read.
 */
export class LiteralTable<T> {
  /** What the table was built of. */
  readonly entries: readonly LiteralEntry<T>[];
  readonly #values: readonly T[];
  /** {@linkcode SLOT_STRIDE} numbers a slot; all 0 is a free one. */
  readonly #slots: Int32Array;
  /** All keys in one run. */
  readonly #octets: Uint8Array;
  readonly #longest: number;

  /**
   * Builds the table.
   *
   * @param entries The routes, no two of them with method and path alike.
   */
  constructor(entries: readonly LiteralEntry<T>[]) {
    this.entries = entries;
    const keys = entries.map(({ method, path }) => `${method} ${path}`);
    this.#values = entries.map(({ value }) => value);
    this.#longest = keys.reduce(
      (most, { length }) => Math.max(most, length),
      0,
    );
    this.#octets = new TextEncoder().encode(keys.join(""));
    let size = 2;
    while (size < 2 * keys.length) size *= 2;
    this.#slots = new Int32Array(size * SLOT_STRIDE);
    let start = 0;
    for (const [index, { length }] of keys.entries()) {
      this.#insert(start, length, index + 1);
      start += length;
    }
  }

  /**
   * Finds an entry by its octets, without making text or any other object.
   *
   * @param bytes Memory that holds `METHOD SP path` in one run; the first SP
   * ends the method, as in every key.
   * @param start Where the method starts.
   * @param pathEnd Where the path ends, at most `bytes.length`.
   * @returns The value of the entry, or `undefined`.
   */
  find(bytes: Uint8Array, start: number, pathEnd: number): T | undefined {
    const length = pathEnd - start;
    if (length > this.#longest) return undefined;
    const slots = this.#slots;
    const octets = this.#octets;
    const hash = hashOctets(bytes, start, pathEnd);
    let slot = (hash * SLOT_STRIDE) & (slots.length - 1);
    for (;;) {
      const number = slots[slot + 3]!; // slots are whole, here and below
      if (number === 0) return undefined;
      if (slots[slot] === hash && slots[slot + 2] === length) {
        const keyStart = slots[slot + 1]!;
        let at = 0;
        while (at < length && octets[keyStart + at] === bytes[start + at]) at++;
        if (at === length) return this.#values[number - 1];
      }
      slot = (slot + SLOT_STRIDE) & (slots.length - 1);
    }
  }

  #insert(start: number, length: number, number: number): void {
    const slots = this.#slots;
    const hash = hashOctets(this.#octets, start, start + length);
    let slot = (hash * SLOT_STRIDE) & (slots.length - 1);
    while (slots[slot + 3] !== 0) {
      slot = (slot + SLOT_STRIDE) & (slots.length - 1);
    }
    slots.set([hash, start, length, number], slot);
  }
}

/**
 * FNV-1a over octets. Taking four at a time was tried: 0.9 times the time of a
 * hit, not enough for a second loop and a folding step.
 */
function hashOctets(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_SEED;
  // the caller's bounds lie inside the bytes
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ bytes[at]!, HASH_FACTOR);
  }
  return hash;
}
