/** A clock that moves only when the test moves it. */

import type { Clock } from "../../server/connection/connections.ts";

interface FakeTimer {
  dueMs: number;
  /** Time between two calls, or `null` for a timer that fires once. */
  readonly periodMs: number | null;
  readonly run: () => void;
}

/** Time of a test: monotonic time begins at 0, the date in 1994. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #timers: Set<FakeTimer> = new Set();

  /** Pending timers of both kinds. */
  get tickerCount(): number {
    return this.#timers.size;
  }

  /** See {@linkcode Clock.monotonicMs}. */
  monotonicMs(): number {
    return this.#nowMs;
  }

  /** See {@linkcode Clock.epochMs}: Sun, 06 Nov 1994 08:49:37 GMT plus the time that passed. */
  epochMs(): number {
    return 784_111_777_000 + this.#nowMs;
  }

  /** See {@linkcode Clock.every}. */
  every(periodMs: number, tick: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + periodMs, periodMs, run: tick });
  }

  /** See {@linkcode Clock.after}. */
  after(delayMs: number, run: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + delayMs, periodMs: null, run });
  }

  /** See `Clock.afterUnref` of the client. */
  afterUnref(delayMs: number, run: () => void): () => void {
    return this.after(delayMs, run);
  }

  /** Moves the time and calls every timer that is due on the way, in order. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = next.dueMs;
      if (next.periodMs === null) this.#timers.delete(next);
      else next.dueMs += next.periodMs;
      next.run();
    }
    this.#nowMs = endMs;
  }

  /** Moves the time without calling timers on the way, like a thread that is blocked; then each that is due is called once. */
  block(durationMs: number): void {
    this.#nowMs += durationMs;
    for (const timer of [...this.#timers]) {
      if (timer.dueMs > this.#nowMs) continue;
      if (timer.periodMs === null) this.#timers.delete(timer);
      else timer.dueMs = this.#nowMs + timer.periodMs;
      timer.run();
    }
  }

  #add(timer: FakeTimer): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
