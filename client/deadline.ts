/** The deadline of a whole exchange, put together with the caller's own signal. */

import { ClientError } from "./errors.ts";

/** Runs until it is disposed of; the caller's signal goes on behind that. */
export class Deadline implements Disposable {
  /** Aborts with the caller's reason, or with `DEADLINE`. */
  readonly signal: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts it, unless it is `Infinity`. */
  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    if (timeoutMs === Infinity) {
      this.signal = signal;
      return;
    }
    const passed = new AbortController();
    this.signal = signal === undefined
      ? passed.signal
      : AbortSignal.any([signal, passed.signal]);
    this.#timer = setTimeout(() =>
      passed.abort(
        new ClientError(
          `Cannot finish exchange: not done within ${timeoutMs} ms (timeout)`,
          { phase: "read", code: "DEADLINE" },
        ),
      ), timeoutMs);
  }

  /** Ends the deadline. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
