/*
 * What a found route looks like, and how it is made. Which route is found is
 * router.ts and match.ts.
 */

import { packOffsets, Params } from "./params.ts";
import type { Pattern } from "./pattern.ts";

/** What a router knows about a path that has a route. */
export interface RouteMatch<T> {
  /** What was registered with the route. */
  readonly value: T;
  /** The captured segments; {@linkcode Params.empty} if there are none. */
  readonly params: Params;
  /** The pattern as it was registered. */
  readonly pattern: string;
}

/**
 * What the tree of patterns holds: enough to make a match of a path.
 *
 * @typeParam T What a route carries.
 */
export class PatternRoute<T> {
  readonly #pattern: Pattern;
  readonly #value: T;
  /** The match of every path, if nothing is captured. */
  readonly #fixed: RouteMatch<T> | undefined;
  /** The segments of the first params; where there is none, of the one before. */
  readonly #first: number;
  readonly #second: number;
  readonly #third: number;

  /** Prepares the matches of one route. */
  constructor(pattern: Pattern, value: T) {
    const { paramNames, paramSegments } = pattern;
    const [first = 0, second = first, third = second] = paramSegments;
    this.#pattern = pattern;
    this.#value = value;
    this.#fixed = paramNames.length > 0 ? undefined : makeFixed(pattern, value);
    this.#first = first;
    this.#second = second;
    this.#third = third;
  }

  /** Makes the match of a path with segments at these offsets. */
  match(path: string, starts: Int32Array): RouteMatch<T> {
    if (this.#fixed !== undefined) return this.#fixed;
    const pattern = this.#pattern;
    const first = this.#first;
    const second = this.#second;
    const third = this.#third;
    const params = new Params(
      path,
      pattern,
      // The tree has read every param and where the next segment starts.
      packOffsets(starts[first]!, starts[second]!, starts[third]!),
      packOffsets(
        starts[first + 1]! - 1,
        starts[second + 1]! - 1,
        starts[third + 1]! - 1,
      ),
    );
    return { value: this.#value, params, pattern: pattern.text };
  }
}

/** Makes the match of every path that has a pattern without params. */
export function makeFixed<T>({ text }: Pattern, value: T): RouteMatch<T> {
  return Object.freeze({ value, params: Params.empty, pattern: text });
}
