/*
 * Captured path segments, as views of the path: text is cut out when somebody
 * asks. Which segments are captured is decided in pattern.ts.
 */

const MAX_QUOTED_LENGTH = 64;

/** How many offsets of how many bits fit into a small integer. */
const PACKED_COUNT = 3;
const OFFSET_BITS = 10;
const OFFSET_MASK = (1 << OFFSET_BITS) - 1;

/** No packed offsets. */
const UNKNOWN_OFFSETS = -1;

/**
 * The path segments that the `:name` parts of a pattern stand for.
 *
 * Values are made on demand and hold the path, nothing else, so they stay
 * valid for as long as the object does. Names are plain data: `__proto__` is a
 * name like any other. A pattern without params has an object of size 0.
 *
 * @example Read what a route captured
 * ```ts
 * import { Params, RouterBuilder } from "@khttp/khttp/router";
 * import { assertEquals } from "@std/assert";
 *
 * const router = new RouterBuilder<number>().add("GET", "/tag/:name", 1).build();
 * const params = router.match("GET", "/tag/caf%C3%A9")?.params ?? Params.empty;
 * assertEquals(params.get("name"), "caf%C3%A9");
 * assertEquals(params.decoded("name"), "café");
 * ```
 */
export class Params {
  /** The params of a route that captures nothing. */
  static readonly empty: Params = new Params("/", {
    paramNames: [],
    paramSegments: [],
  });

  readonly #path: string;
  readonly #names: readonly string[];
  readonly #segments: readonly number[];
  /** Where the first texts start and end, see {@linkcode packOffsets}. */
  readonly #starts: number;
  readonly #ends: number;

  /**
   * Makes the params of one match; a router does this for its callers.
   *
   * @param path The whole path, starting with `/`.
   * @param pattern The param names, without repetition, and for each of them
   * the index of its segment in `path`, where the one after the first `/` is 0.
   * @param starts What `packOffsets` makes of the offsets at which the first
   * texts start; texts are walked to without it.
   * @param ends What it makes of those at which they end.
   */
  constructor(
    path: string,
    pattern: {
      readonly paramNames: readonly string[];
      readonly paramSegments: readonly number[];
    },
    starts: number = UNKNOWN_OFFSETS,
    ends: number = UNKNOWN_OFFSETS,
  ) {
    this.#path = path;
    this.#names = pattern.paramNames;
    this.#segments = pattern.paramSegments;
    this.#starts = starts;
    this.#ends = ends;
  }

  /** How many params the pattern has. */
  get size(): number {
    return this.#names.length;
  }

  /** The names in the order of the pattern. */
  get names(): readonly string[] {
    return this.#names;
  }

  /**
   * Tells whether the pattern has a param of this name.
   *
   * @param name The name without the colon; case counts.
   * @returns Whether {@linkcode Params.get} gives a text.
   */
  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /**
   * Reads a param as it stands in the path, percent-encoding included.
   *
   * @param name The name without the colon; case counts.
   * @returns The segment, never empty, or `undefined` if there is no such param.
   */
  get(name: string): string | undefined {
    const names = this.#names;
    for (let index = 0; index < names.length; index++) {
      if (names[index] === name) return this.#cut(index);
    }
    return undefined;
  }

  /**
   * Reads a param with its percent-encoded UTF-8 decoded (RFC 3986 §2.1).
   *
   * An encoded slash becomes a slash and `%00` a NUL: check the text before it
   * names a file. `+` stays `+`.
   *
   * @param name The name without the colon; case counts.
   * @returns The text, or `undefined` if and only if there is no such param.
   * @throws {URIError} If the segment has a `%` without two hex digits, or
   * octets that are not UTF-8.
   */
  decoded(name: string): string | undefined {
    const raw = this.get(name);
    if (raw === undefined || !raw.includes("%")) return raw;
    try {
      return decodeURIComponent(raw);
    } catch (cause) {
      const shown = JSON.stringify(raw.slice(0, MAX_QUOTED_LENGTH));
      throw new URIError(
        `Cannot decode param ${
          JSON.stringify(name)
        }: ${shown} is not percent-encoded UTF-8`,
        { cause },
      );
    }
  }

  /**
   * Walks over names and raw values in the order of the pattern.
   *
   * @returns An iterator over pairs.
   */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (const [index, name] of this.#names.entries()) {
      yield [name, this.#cut(index)];
    }
  }

  /** Cuts out the text of the param at `index`. */
  #cut(index: number): string {
    const path = this.#path;
    const ends = this.#ends;
    if (ends !== UNKNOWN_OFFSETS && index < PACKED_COUNT) {
      const shift = index * OFFSET_BITS;
      const start = this.#starts >> shift & OFFSET_MASK;
      return path.slice(start, ends >> shift & OFFSET_MASK);
    }
    return cutSegment(path, this.#segments[index] ?? 0);
  }
}

/**
 * Packs up to three offsets into a small integer.
 *
 * perf: replaces walking over all segments before a param. An array of offsets
 * was tried and makes a match 15 ns slower. bench/router_bench.ts, 300 routes
 * of an API, all params read: 0.79 times (Deno 2.9.6).
 *
 * @returns The offsets, or {@linkcode UNKNOWN_OFFSETS} if one is too great.
 */
export function packOffsets(
  first: number,
  second: number,
  third: number,
): number {
  return (first | second | third) > OFFSET_MASK
    ? UNKNOWN_OFFSETS
    : first | second << OFFSET_BITS | third << 2 * OFFSET_BITS;
}

/** Cuts segment `index` out of a path that is known to have it. */
function cutSegment(path: string, index: number): string {
  let start = 1;
  for (let skipped = 0; skipped < index; skipped++) {
    start = path.indexOf("/", start) + 1;
  }
  const end = path.indexOf("/", start);
  return end < 0 ? path.slice(start) : path.slice(start, end);
}
