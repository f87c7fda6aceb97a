/** Pseudo-random numbers from a seed, so that a failing run is reproducible. */

/** A small generator (xorshift32); the same seed gives the same numbers. */
export class SeededRandom {
  #state: number;

  /** Starts at `seed`, any integer except 0. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Gives an integer from 0 to `bound` - 1. */
  below(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % bound;
  }

  /** Gives one of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!; // the index is below the length
  }
}
