/** The deadline of a whole exchange (the `timeout` option), combined with the caller's signal. */

import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { ClientError, type ClientPhase } from "./errors.ts";

/** What an exchange is doing, for the error if a deadline passes meanwhile. */
export interface ExchangeStep {
  readonly phase: ClientPhase;
  /** The beginning of the error's message. */
  readonly what: string;
}

const CONNECTING: ExchangeStep = {
  phase: "connect",
  what: "Cannot get a connection",
};
const DECODING: ExchangeStep = { phase: "read", what: "Cannot decode body" };

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
  /** The connection that is used, which knows the step. */
  #connection: { readonly step: ExchangeStep } | null = null;
  /** Whether any connection was used, so that the server may have processed the request. */
  #hasSent = false;

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
      () => passed.abort(this.#error(this.#connection?.step ?? CONNECTING)),
    );
  }

  /** The request is now sent on this connection. Only for a deadline with a signal. */
  uses(connection: { readonly step: ExchangeStep }): void {
    this.#connection = connection;
    this.#hasSent = true;
  }

  /** The connection was lost, and the request is about to be sent on another one. */
  reconnects(): void {
    this.#connection = null;
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
    if (this.#clock.monotonicMs() > startMs + timeoutMs) {
      throw this.#error(DECODING);
    }
  }

  #error({ phase, what }: ExchangeStep): ClientError {
    const { timeoutMs } = this.#limit;
    return new ClientError(
      `${what}: the exchange was not done within ${timeoutMs} ms (timeout)`,
      { phase, code: "DEADLINE", retryable: !this.#hasSent },
    );
  }
}

/** The deadline of all requests that have neither a limit nor a signal. It has no state. */
export const NO_DEADLINE: Deadline = new Deadline(
  SYSTEM_CLOCK,
  NO_LIMIT,
  undefined,
);
