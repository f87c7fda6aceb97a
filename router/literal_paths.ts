/*
 * Finds the all-literal routes of one method by the whole path, given as a
 * string or as bytes. literal_edges.ts handles the literal segments of other
 * patterns.
 *
 * How it works. A path from the wire is a new string, and a `Map` would hash
 * every character of it. The table reads at most three characters instead: for
 * each length it knows up to three positions at which its paths of that length
 * differ most. Length and characters form an integer key. The keys are in an
 * open-addressed hash table that is at most a quarter full; where the key is
 * equal, the whole path is compared.
 */

/** Bits of a key for one character, and of packed positions for one of them. */
const CHARACTER_BITS = 7;
const POSITION_BITS = 10;

/** The most positions for one length; more do not fit into a small integer. */
const MAX_POSITIONS = 3;

/** Positions are below this. Paths that differ only after it are compared whole. */
const POSITION_LIMIT = 1 << POSITION_BITS;
const POSITION_MASK = POSITION_LIMIT - 1;

/** The bits of the length that go into a key. */
const LENGTH_MASK = 0x1ff;

/** Marks a length that no path has, and a free slot. */
const NONE = -1;

/** Knuth's factor for multiplicative hashing of 32 bits. */
const HASH_FACTOR = 0x9e3779b1 | 0;

/** The minimum number of slots per path. */
const SLOTS_PER_PATH = 4;

/** What the table finds. */
export interface LiteralPath {
  /** The path, visible ASCII. */
  readonly pattern: string;
}

/**
 * The all-literal routes of one method by their path. A search allocates no
 * object.
 *
 * A peer chooses which paths are looked up but not which are stored. The number
 * of slots that a search visits depends on the routes alone, and a path whose
 * length no route has is rejected before any of its characters is read.
 *
 * perf: replaces a `Map` and a filter by length in front of it.
 * bench/router_bench.ts, 1,001 literal routes: 0.32 times the time for hits on
 * new strings, 0.67 times for hits on constants, 0.63 times for misses on new
 * strings (Deno 2.9.6).
 *
 * @typeParam R What is found.
 */
export class LiteralPaths<R extends LiteralPath> {
  /** For each length its packed positions, or {@linkcode NONE}. */
  readonly #positions: Int32Array;
  /** The key of the path in each slot, or {@linkcode NONE}. */
  readonly #keys: Int32Array;
  /** The route in each slot. */
  readonly #routes: readonly (R | undefined)[];
  /** How many bits a 32-bit hash is shifted right to give a slot. */
  readonly #shift: number;

  /**
   * Builds the table.
   *
   * @param routes The routes, all paths different.
   */
  constructor(routes: readonly R[]) {
    const byLength = Map.groupBy(routes, ({ pattern }) => pattern.length);
    const positions = new Int32Array(Math.max(-1, ...byLength.keys()) + 1);
    positions.fill(NONE);
    for (const [length, group] of byLength) {
      positions[length] = choosePositions(group.map(({ pattern }) => pattern));
    }
    let bits = 1;
    while (1 << bits < SLOTS_PER_PATH * routes.length) bits += 1;
    const shift = 32 - bits;
    const keys = new Int32Array(1 << bits).fill(NONE);
    const slots: (R | undefined)[] = new Array(1 << bits).fill(undefined);
    for (const route of routes) {
      const { pattern } = route;
      const key = keyOf(pattern, positions[pattern.length] ?? 0);
      let slot = Math.imul(key, HASH_FACTOR) >>> shift;
      while (keys[slot] !== NONE) slot = (slot + 1) & (keys.length - 1);
      keys[slot] = key;
      slots[slot] = route;
    }
    this.#positions = positions;
    this.#keys = keys;
    this.#routes = slots;
    this.#shift = shift;
  }

  /**
   * Finds a route by its path.
   *
   * @param path Any string.
   * @returns The route with exactly this path, or `undefined`.
   */
  find(path: string): R | undefined {
    const length = path.length;
    if (length >= this.#positions.length) return undefined;
    const positions = this.#positions[length]!; // the length was checked
    if (positions === NONE) return undefined;
    const keys = this.#keys;
    const key = keyOf(path, positions);
    let slot = Math.imul(key, HASH_FACTOR) >>> this.#shift;
    for (;;) {
      const stored = keys[slot]!; // slots are masked, here and below
      if (stored === NONE) return undefined;
      if (stored === key) {
        const route = this.#routes[slot]!; // a slot with a key has a route
        if (route.pattern === path) return route;
      }
      slot = (slot + 1) & (keys.length - 1);
    }
  }

  /**
   * Finds a route by the bytes of its path, without creating a string.
   *
   * perf: 0.52 times the time of making a string and finding that;
   * bench/router_bench.ts, 1,001 literal routes, paths as bytes (Deno 2.9.6).
   *
   * @param bytes Memory that holds the path; read only during the call.
   * @param start Where the path starts.
   * @param end Where it ends, at most `bytes.length`.
   * @returns What {@linkcode LiteralPaths.find} returns for the same path.
   */
  findBytes(bytes: Uint8Array, start: number, end: number): R | undefined {
    const length = end - start;
    if (length >= this.#positions.length) return undefined;
    const positions = this.#positions[length]!; // the length was checked
    if (positions === NONE) return undefined;
    const keys = this.#keys;
    const key = keyOfBytes(bytes, start, length, positions);
    let slot = Math.imul(key, HASH_FACTOR) >>> this.#shift;
    for (;;) {
      const stored = keys[slot]!; // slots are masked, here and below
      if (stored === NONE) return undefined;
      if (stored === key) {
        const route = this.#routes[slot]!; // a slot with a key has a route
        if (hasBytes(route.pattern, bytes, start)) return route;
      }
      slot = (slot + 1) & (keys.length - 1);
    }
  }
}

/** Returns whether the bytes from `start` on are this path; at least that many bytes exist. */
function hasBytes(path: string, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < path.length; at++) {
    if (path.charCodeAt(at) !== bytes[start + at]) return false;
  }
  return true;
}

/**
 * Forms the key of a path, which is never negative. Characters outside ASCII
 * overlap with their neighbours and long lengths repeat; such paths can have
 * equal keys, and the comparison of the whole path tells them apart.
 *
 * perf: always reads three positions. Asking first how many there are makes a
 * hit on a constant take 1.09 times as long (bench/router_bench.ts, 1,001
 * literal routes, Deno 2.9.6).
 */
function keyOf(path: string, positions: number): number {
  const first = path.charCodeAt(positions & POSITION_MASK);
  const second = path.charCodeAt(positions >>> POSITION_BITS & POSITION_MASK);
  const third = path.charCodeAt(positions >>> 2 * POSITION_BITS);
  return packKey(path.length, first, second, third);
}

/** Forms the same key from bytes; all positions are below `length`. */
function keyOfBytes(
  bytes: Uint8Array,
  start: number,
  length: number,
  positions: number,
): number {
  const first = bytes[start + (positions & POSITION_MASK)]!;
  const second = bytes[start + (positions >>> POSITION_BITS & POSITION_MASK)]!;
  const third = bytes[start + (positions >>> 2 * POSITION_BITS)]!;
  return packKey(length, first, second, third);
}

function packKey(
  length: number,
  first: number,
  second: number,
  third: number,
): number {
  return first | second << CHARACTER_BITS | third << 2 * CHARACTER_BITS |
    (length & LENGTH_MASK) << MAX_POSITIONS * CHARACTER_BITS;
}

/**
 * Chooses the positions at which paths of one length differ most: first the one
 * with the most different characters, then the one that together with it tells
 * most paths apart, until all paths differ. Every path has a slash at position
 * 0, so 0 fills the unused places.
 */
function choosePositions(paths: readonly string[]): number {
  const limit = Math.min(paths[0]?.length ?? 0, POSITION_LIMIT);
  if (paths.length === 1) return limit - 1;
  let packed = 0;
  let keys = paths.map(() => 0);
  let distinct = 1;
  for (let nth = 0; nth < MAX_POSITIONS && distinct < paths.length; nth++) {
    let best = 0;
    let bestKeys = keys;
    for (let position = 1; position < limit; position++) {
      const refined = paths.map((path, index) =>
        (keys[index] ?? 0) << CHARACTER_BITS | path.charCodeAt(position)
      );
      const count = new Set(refined).size;
      if (count > distinct) {
        [best, bestKeys, distinct] = [position, refined, count];
      }
    }
    packed |= best << nth * POSITION_BITS;
    keys = bestKeys;
  }
  return packed;
}
