/** A clock that stands until the test moves it. */

import type { Clock } from "../../server/connection/connections.ts";

interface Ticker {
  dueMs: number;
  readonly periodMs: number;
  readonly tick: () => void;
}

/** Time of a test: begins at 0, in a second of its own since the epoch. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #tickers: Set<Ticker> = new Set();

  /** Timers that run. */
  get tickerCount(): number {
    return this.#tickers.size;
  }

  /** See {@linkcode Clock.monotonicMs}. */
  monotonicMs(): number {
    return this.#nowMs;
  }

  /** See {@linkcode Clock.epochMs}: Sun, 06 Nov 1994 08:49:37 GMT, and what passed since. */
  epochMs(): number {
    return 784_111_777_000 + this.#nowMs;
  }

  /** See {@linkcode Clock.every}. */
  every(periodMs: number, tick: () => void): () => void {
    const ticker = { dueMs: this.#nowMs + periodMs, periodMs, tick };
    this.#tickers.add(ticker);
    return () => this.#tickers.delete(ticker);
  }

  /** Moves the time, with every tick on the way. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      const [next] = [...this.#tickers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = next.dueMs;
      next.dueMs += next.periodMs;
      next.tick();
    }
    this.#nowMs = endMs;
  }
}
