/** A timer that several callers set: it fires once, at the earliest of the times that they ask for. */

import type { Clock } from "../connection/connections.ts";

/** See the file's header. */
export class EarliestTimer {
  #clock: Clock;
  #run: () => void;
  #dueMs = Infinity;
  #cancel: (() => void) | null = null;
  #isOver = false;

  /**
   * Creates a timer that is not set.
   *
   * @param run Called once, when the timer fires.
   */
  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  /** How long it takes until the timer fires, in ms; `Infinity` if it is not set, 0 if it has fired. */
  get remainingMs(): number {
    return Math.max(this.#dueMs - this.#clock.monotonicMs(), 0);
  }

  /** Sets the timer, unless it is set to an earlier time or has fired. It fires during the call if `delayMs` is 0. */
  set(delayMs: number): void {
    if (this.#isOver) return;
    const dueMs = this.#clock.monotonicMs() + delayMs;
    if (delayMs > 0 && dueMs >= this.#dueMs) return;
    this.#cancel?.();
    this.#dueMs = dueMs;
    if (delayMs > 0) this.#cancel = this.#clock.after(delayMs, this.#fire);
    else this.#fire();
  }

  #fire = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancel = null;
    this.#run();
  };
}
