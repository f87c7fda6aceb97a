/** The deadline of a whole exchange, combined with the caller's own signal. */

import type { Clock } from "./clock.ts";
import { ClientError } from "./errors.ts";

/** Runs until it is disposed of; the caller's signal stays in effect after that. */
export class Deadline implements Disposable {
  /** Aborts with the caller's reason, or with a `ClientError` of code `DEADLINE`. */
  readonly signal: AbortSignal | undefined;
  #stopTimer: () => void = () => {};

  /**
   * Starts the deadline.
   *
   * @param timeoutMs Time for the exchange, in ms; `Infinity` for no limit.
   * @param signal The caller's own signal, if there is one.
   */
  constructor(
    clock: Clock,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ) {
    if (timeoutMs === Infinity) {
      this.signal = signal;
      return;
    }
    const passed = new AbortController();
    this.signal = signal === undefined
      ? passed.signal
      : AbortSignal.any([signal, passed.signal]);
    this.#stopTimer = clock.after(timeoutMs, () =>
      passed.abort(
        new ClientError(
          `Cannot finish exchange: not done within ${timeoutMs} ms (timeout)`,
          { phase: "read", code: "DEADLINE" },
        ),
      ));
  }

  /** Stops the timer. */
  [Symbol.dispose](): void {
    this.#stopTimer();
  }
}
