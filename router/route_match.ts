/*
 * The result of a match, and how a route creates it. router.ts and match.ts
 * decide which route wins.
 */

import { packOffsets, Params } from "./params.ts";
import type { Pattern } from "./pattern.ts";

/** What a router returns for a path that has a route. */
export interface RouteMatch<T> {
  /** The value that was registered with the route. */
  readonly value: T;
  /** The captured segments; {@linkcode Params.empty} if the pattern has none. */
  readonly params: Params;
  /** The pattern as it was registered. */
  readonly pattern: string;
}

/**
 * A route in the pattern tree: creates the match for a path.
 *
 * @typeParam T What a route carries.
 */
export class PatternRoute<T> {
  readonly #pattern: Pattern;
  readonly #value: T;
  /** The match for every path, if the pattern captures nothing. */
  readonly #fixed: RouteMatch<T> | undefined;
  /** The segments of the first three params; a missing one repeats the one before it. */
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

  /** Makes the match for a path whose segments start at these offsets. */
  match(path: string, starts: Int32Array): RouteMatch<T> {
    if (this.#fixed !== undefined) return this.#fixed;
    const pattern = this.#pattern;
    const first = this.#first;
    const second = this.#second;
    const third = this.#third;
    const params = new Params(
      path,
      pattern,
      // The search has recorded where each param and the segment after it
      // start.
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

/** Makes the one match of a pattern without params. */
export function makeFixed<T>({ text }: Pattern, value: T): RouteMatch<T> {
  return Object.freeze({ value, params: Params.empty, pattern: text });
}
