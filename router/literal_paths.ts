/*
 * The all-literal paths of one method by their text. The same by octets is
 * literal_table.ts; literal segments of other patterns are literal_edges.ts.
 *
 * How the table works. A path is text that was just made, and V8 would have to
 * hash all of it before a `Map` could look at it. So the table knows for each
 * length the one to three places at which its paths of that length differ most,
 * and makes a number of the characters there. The numbers stand in an
 * open-addressed table, at most a quarter full; whose number is right is
 * compared as text.
 */

/** Bits of one place in a packed set of up to three, and of one character. */
const PLACE_BITS = 10;
const CHARACTER_BITS = 7;

/** Most places for a length. More would not fit into a small integer. */
const MOST_PLACES = 3;

/** Places lie below this; paths that differ only behind it are compared. */
const PLACE_LIMIT = 1 << PLACE_BITS;
const PLACE_MASK = PLACE_LIMIT - 1;

/** What a number has of the length. */
const LENGTH_MASK = 0x1ff;

/** Marks a length that no path has, and a slot that is free. */
const NONE = -1;

/** Knuth's factor of multiplicative hashing, for 32 bits. */
const HASH_FACTOR = 0x9e3779b1 | 0;

/** Slots for each path, at least. */
const ROOM = 4;

/** What is found. */
export interface LiteralRoute {
  /** The path, visible ASCII. */
  readonly pattern: string;
}

/**
 * Finds routes by their whole path, without making any object.
 *
 * Peers choose what is looked up but not what is stored: how many slots a
 * search visits is up to the routes, and no character is read of a path that is
 * as long as none of them.
 *
 * perf: replaces a `Map` behind a filter of lengths. bench/router_bench.ts,
 * 1,001 literal routes: 0.32 times for hits on text not seen before, 0.67 times
 * on constants, 0.63 times for misses on new text (Deno 2.9.6).
 */
export class LiteralPaths<R extends LiteralRoute> {
  /** For each length its packed places, or {@linkcode NONE}. */
  readonly #places: Int32Array;
  /** The number of the path in each slot, or {@linkcode NONE}. */
  readonly #numbers: Int32Array;
  /** The route in each slot. */
  readonly #routes: readonly (R | undefined)[];
  /** How far a 32-bit hash is shifted to become a slot. */
  readonly #shift: number;

  /**
   * Builds the table.
   *
   * @param routes The routes, no two paths alike.
   */
  constructor(routes: readonly R[]) {
    const byLength = Map.groupBy(routes, ({ pattern }) => pattern.length);
    const places = new Int32Array(Math.max(-1, ...byLength.keys()) + 1);
    places.fill(NONE);
    for (const [length, group] of byLength) {
      places[length] = choosePlaces(group.map(({ pattern }) => pattern));
    }
    let bits = 1;
    while (1 << bits < ROOM * routes.length) bits += 1;
    const shift = 32 - bits;
    const numbers = new Int32Array(1 << bits).fill(NONE);
    const slots: (R | undefined)[] = new Array(1 << bits).fill(undefined);
    for (const route of routes) {
      const { pattern } = route;
      const number = numberOf(pattern, places[pattern.length] ?? 0);
      let slot = Math.imul(number, HASH_FACTOR) >>> shift;
      while (numbers[slot] !== NONE) slot = (slot + 1) & (numbers.length - 1);
      numbers[slot] = number;
      slots[slot] = route;
    }
    this.#places = places;
    this.#numbers = numbers;
    this.#routes = slots;
    this.#shift = shift;
  }

  /**
   * Finds a route.
   *
   * @param path Any text.
   * @returns The route whose path it is, or `undefined`.
   */
  find(path: string): R | undefined {
    const length = path.length;
    if (length >= this.#places.length) return undefined;
    const places = this.#places[length]!; // the length was checked
    if (places === NONE) return undefined;
    const numbers = this.#numbers;
    const number = numberOf(path, places);
    let slot = Math.imul(number, HASH_FACTOR) >>> this.#shift;
    for (;;) {
      const known = numbers[slot]!; // slots are masked, here and below
      if (known === NONE) return undefined;
      if (known === number) {
        const route = this.#routes[slot]!; // a slot with a number has one
        if (route.pattern === path) return route;
      }
      slot = (slot + 1) & (numbers.length - 1);
    }
  }
}

/**
 * Makes a number, never negative, of the length and the characters at `places`.
 * Characters that are not ASCII run into each other and lengths repeat, which
 * the comparison as text mends.
 *
 * perf: reads three places where fewer would do, instead of asking how many
 * there are. bench/router_bench.ts, 1,001 literal routes, hits on constants:
 * 0.92 times (Deno 2.9.6).
 */
function numberOf(path: string, places: number): number {
  const first = path.charCodeAt(places & PLACE_MASK);
  const second = path.charCodeAt(places >>> PLACE_BITS & PLACE_MASK);
  const third = path.charCodeAt(places >>> 2 * PLACE_BITS);
  return first | second << CHARACTER_BITS | third << 2 * CHARACTER_BITS |
    (path.length & LENGTH_MASK) << MOST_PLACES * CHARACTER_BITS;
}

/**
 * Chooses places at which paths of one length differ most: first the one with
 * the most characters, then the one that tells most of them apart together with
 * it, until all differ. Place 0 holds a slash in every path, so it stands for
 * no further place.
 */
function choosePlaces(paths: readonly string[]): number {
  const limit = Math.min(paths[0]?.length ?? 0, PLACE_LIMIT);
  if (paths.length === 1) return limit - 1;
  let places = 0;
  let numbers = paths.map(() => 0);
  let kinds = 1;
  for (let nth = 0; nth < MOST_PLACES && kinds < paths.length; nth++) {
    let best = 0;
    let bestNumbers = numbers;
    for (let place = 1; place < limit; place++) {
      const refined = paths.map((path, index) =>
        (numbers[index] ?? 0) << CHARACTER_BITS | path.charCodeAt(place)
      );
      const found = new Set(refined).size;
      if (found > kinds) [best, bestNumbers, kinds] = [place, refined, found];
    }
    places |= best << nth * PLACE_BITS;
    numbers = bestNumbers;
  }
  return places;
}
