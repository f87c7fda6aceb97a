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

/**
 * A hash table whose keys are the octets `METHOD SP path`.
 *
 * Open addressing, at most half full. Peers choose what is looked up but not
 * what is stored: a run of taken slots is as long as the routes make it, and of
 * what is longer than every key no octet is read.
 */
export class LiteralTable<T> {
  readonly #entries: readonly LiteralEntry<T>[];
  /** Index of an entry plus 1; 0 is a free slot. */
  readonly #slots: Int32Array;
  readonly #hashes: Int32Array;
  /** All keys in one run; entry `i` stands at `offsets[i]` to `offsets[i + 1]`. */
  readonly #octets: Uint8Array;
  readonly #offsets: Int32Array;
  readonly #longest: number;

  /**
   * Builds the table.
   *
   * @param entries The routes, no two of them with method and path alike.
   */
  constructor(entries: readonly LiteralEntry<T>[]) {
    const keys = entries.map(({ method, path }) => `${method} ${path}`);
    this.#entries = entries;
    this.#longest = keys.reduce(
      (most, { length }) => Math.max(most, length),
      0,
    );
    this.#octets = new TextEncoder().encode(keys.join(""));
    this.#offsets = new Int32Array(keys.length + 1);
    this.#hashes = new Int32Array(keys.length);
    let size = 2;
    while (size < 2 * keys.length) size *= 2;
    this.#slots = new Int32Array(size);
    let start = 0;
    for (const [index, key] of keys.entries()) {
      const end = start + key.length;
      const hash = hashOctets(this.#octets, start, end);
      let slot = hash & (size - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = index + 1;
      this.#hashes[index] = hash;
      this.#offsets[index + 1] = end;
      start = end;
    }
  }

  /**
   * Finds an entry by its octets, without making text or any other object.
   *
   * @param bytes Memory that holds `METHOD SP path` in one run.
   * @param start Where the method starts.
   * @param methodEnd Where the SP stands.
   * @param pathEnd Where the path ends, at most `bytes.length`.
   * @returns The value of the entry, or `undefined`.
   */
  find(
    bytes: Uint8Array,
    start: number,
    methodEnd: number,
    pathEnd: number,
  ): T | undefined {
    const length = pathEnd - start;
    if (length > this.#longest) return undefined;
    const hash = hashOctets(bytes, start, pathEnd);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    let number = this.#slots[slot] ?? 0;
    while (number !== 0) {
      const index = number - 1;
      const keyStart = this.#offsets[index] ?? 0;
      if (
        this.#hashes[index] === hash &&
        this.#offsets[number] === keyStart + length &&
        this.#isAt(keyStart, bytes, start, length)
      ) {
        const entry = this.#entries[index];
        return entry?.method.length === methodEnd - start
          ? entry.value
          : undefined;
      }
      slot = (slot + 1) & mask;
      number = this.#slots[slot] ?? 0;
    }
    return undefined;
  }

  #isAt(
    keyStart: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): boolean {
    const octets = this.#octets;
    for (let at = 0; at < length; at++) {
      if (octets[keyStart + at] !== bytes[start + at]) return false;
    }
    return true;
  }
}

/**
 * FNV-1a over octets. Taking four at a time was tried: 0.9 times the time of a
 * hit, not enough for a second loop and a folding step.
 */
function hashOctets(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_SEED;
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ (bytes[at] ?? 0), HASH_FACTOR);
  }
  return hash;
}
