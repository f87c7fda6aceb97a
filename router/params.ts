/*
 * The captured segments of a path, and their names as types. A value is
 * extracted from the path when it is read. pattern.ts decides which segments
 * are captured.
 */

const MAX_QUOTED_LENGTH = 64;

/** A param is not percent-encoded UTF-8, which is the fault of the request, unlike other `URIError`s of a handler. */
export class ParamDecodingError extends URIError {}

/** Three offsets of 10 bits fit into a small integer. */
const PACKED_COUNT = 3;
const OFFSET_BITS = 10;
const OFFSET_MASK = (1 << OFFSET_BITS) - 1;

/** Marks offsets that do not fit, or that were not given. */
const UNKNOWN_OFFSETS = -1;

/**
 * The param names of a pattern, as a union of string literals.
 *
 * This is `never` for a pattern without params, and `string` for a pattern that
 * is only known as `string`.
 *
 * @example Names of a pattern
 * ```ts ignore
 * type Names = ParamNames<"/user/:id/posts/:post">; // "id" | "post"
 * ```
 *
 * @typeParam Pattern The pattern as a string literal.
 * @typeParam Found The names found so far in the recursion. It makes the
 * recursion a tail call, which TypeScript follows deeper.
 */
export type ParamNames<Pattern extends string, Found extends string = never> =
  string extends Pattern ? string
    : Pattern extends `${infer Segment}/${infer Rest}` ? ParamNames<
        Rest,
        Found | (Segment extends `:${infer Name}` ? Name : never)
      >
    : Found | (Pattern extends `:${infer Name}` ? Name : never);

/**
 * The path segments that the `:name` segments of a pattern captured.
 *
 * The object holds the path and no bytes of the request, so it stays valid for
 * as long as the program keeps it. Names are plain data: `__proto__` is a name
 * like any other. A pattern without params has an object of size 0.
 *
 * @typeParam Name The names that are known to exist. With `string`, the
 * default, a read value may be `undefined`; with a union of literals such as
 * `"id" | "post"`, a value is always there and another name is a type error.
 * @typeParam Value What a read returns; follows from `Name`. It is a type
 * parameter so that params with known names stay assignable to plain `Params`.
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
export class Params<
  Name extends string = string,
  Value extends string | undefined = string extends Name ? string | undefined
    : string,
> {
  /** The params of every route that captures nothing. */
  static readonly empty: Params = new Params("/", {
    paramNames: [],
    paramSegments: [],
  });

  readonly #path: string;
  readonly #names: readonly string[];
  readonly #segments: readonly number[];
  /** Where the first values start and end, see {@linkcode packOffsets}. */
  readonly #starts: number;
  readonly #ends: number;

  /**
   * Creates the params of one match. Only the router calls this; programs
   * receive the object with a match.
   *
   * @param path The whole path, starting with `/`.
   * @param pattern The param names, all different, and for each of them the
   * index of its segment in `path`; the segment after the first `/` has index 0.
   * @param starts Where the first values start, from `packOffsets`. Without it
   * a read walks over the segments of the path.
   * @param ends Where the first values end, from `packOffsets`.
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

  /** The names, in the order of the pattern. */
  get names(): readonly string[] {
    return this.#names;
  }

  /**
   * Returns whether the pattern has a param of this name.
   *
   * @param name The name without the colon; case counts.
   * @returns Whether {@linkcode Params.get} returns a value for the name.
   */
  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /**
   * Reads a param as it was sent, including percent-encoding.
   *
   * @param name The name without the colon; case counts.
   * @returns The segment, which is never empty, or `undefined` if the pattern
   * has no such param.
   */
  get(name: Name): Value;
  get(name: string): string | undefined {
    return this.#read(name);
  }

  /**
   * Reads a param and decodes its percent-encoded UTF-8 (RFC 3986 §2.1).
   *
   * An encoded slash becomes a slash and `%00` a NUL, so check the value before
   * it becomes part of a file name. `+` stays `+`.
   *
   * @param name The name without the colon; case counts.
   * @returns The decoded segment, or `undefined` if the pattern has no such
   * param.
   * @throws {URIError} If the segment has a `%` without two hex digits, or
   * encodes bytes that are not UTF-8. A server answers with 400 if a handler
   * does not catch it.
   */
  decoded(name: Name): Value;
  decoded(name: string): string | undefined {
    const raw = this.#read(name);
    if (raw === undefined || !raw.includes("%")) return raw;
    try {
      return decodeURIComponent(raw);
    } catch (cause) {
      const shown = JSON.stringify(raw.slice(0, MAX_QUOTED_LENGTH));
      throw new ParamDecodingError(
        `Cannot decode param ${
          JSON.stringify(name)
        }: ${shown} is not percent-encoded UTF-8`,
        { cause },
      );
    }
  }

  /**
   * Iterates over names and raw values, in the order of the pattern.
   *
   * @returns An iterator over pairs of name and value.
   */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (const [index, name] of this.#names.entries()) {
      yield [name, this.#cut(index)];
    }
  }

  #read(name: string): string | undefined {
    const names = this.#names;
    for (let index = 0; index < names.length; index++) {
      if (names[index] === name) return this.#cut(index);
    }
    return undefined;
  }

  /** Extracts the value of the param at `index` from the path. */
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
 * perf: a read otherwise walks over all segments before the param. Noting the
 * offsets in an array makes a match take 15 ns longer. bench/router_bench.ts,
 * 300 routes of an API, all params read: 0.79 times (Deno 2.9.6).
 *
 * @returns The offsets, or {@linkcode UNKNOWN_OFFSETS} if one does not fit.
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

/** Extracts segment `index` from a path that has at least that many segments. */
function cutSegment(path: string, index: number): string {
  let start = 1;
  for (let skipped = 0; skipped < index; skipped++) {
    start = path.indexOf("/", start) + 1;
  }
  const end = path.indexOf("/", start);
  return end < 0 ? path.slice(start) : path.slice(start, end);
}
