/** The deadline of a whole exchange (the `timeout` option), combined with the caller's signal. */

import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { ClientError } from "./errors.ts";

/** When an exchange began, and how long it may take. */
export interface TimeLimit {
  /** On the monotonic clock, in ms. */
  readonly startMs: number;
  /** In ms; `Infinity` for no limit. */
  readonly timeoutMs: number;
}

/** The limit of an exchange without one. */
export const NO_LIMIT: TimeLimit = Object.freeze({
  startMs: 0,
  timeoutMs: Infinity,
});

/** The deadline of one request. After it is stopped, the caller's signal stays in effect. */
export class Deadline {
  /** Aborts with the caller's reason, or with a `ClientError` of code `DEADLINE`. */
  readonly signal: AbortSignal | undefined;
  #clock: Clock;
  #limit: TimeLimit;
  #callerSignal: AbortSignal | undefined;
  #stopTimer: (() => void) | null = null;

  /**
   * Starts the deadline. Requests that follow a redirect share the limit of the
   * first request, but each has its own deadline, which ends with its response.
   *
   * @param signal The caller's own signal, if there is one.
   */
  constructor(
    clock: Clock,
    limit: TimeLimit,
    signal: AbortSignal | undefined,
  ) {
    this.#clock = clock;
    this.#limit = limit;
    this.#callerSignal = signal;
    if (limit.timeoutMs === Infinity) {
      this.signal = signal;
      return;
    }
    const passed = new AbortController();
    this.signal = signal === undefined
      ? passed.signal
      : AbortSignal.any([signal, passed.signal]);
    const remainingMs = limit.startMs + limit.timeoutMs - clock.monotonicMs();
    this.#stopTimer = clock.after(
      Math.max(0, remainingMs),
      () => passed.abort(this.#error()),
    );
  }

  /** Starts another deadline with the same limit and signal, for the same request sent again. */
  restart(): Deadline {
    return new Deadline(this.#clock, this.#limit, this.#callerSignal);
  }

  /** Stops the timer: the response was received. */
  stop(): void {
    this.#stopTimer?.();
  }

  /**
   * Checks the deadline and the caller's signal while a received response is
   * being decoded, when no connection checks them.
   *
   * @throws {ClientError} `DEADLINE` if the deadline has passed.
   * @throws {unknown} The reason of the caller's signal, if that is aborted.
   */
  throwIfOver(): void {
    this.#callerSignal?.throwIfAborted();
    const { startMs, timeoutMs } = this.#limit;
    if (this.#clock.monotonicMs() > startMs + timeoutMs) throw this.#error();
  }

  #error(): ClientError {
    return new ClientError(
      `Cannot finish exchange: not done within ${this.#limit.timeoutMs} ms (timeout)`,
      { phase: "read", code: "DEADLINE" },
    );
  }
}

/** The deadline of all requests that have neither a limit nor a signal. It has no state. */
export const NO_DEADLINE: Deadline = new Deadline(
  SYSTEM_CLOCK,
  NO_LIMIT,
  undefined,
);
