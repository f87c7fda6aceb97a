/**
 * Tells a supervisor whether the event loop of a worker turns. The worker counts
 * in shared memory, which costs no message and is up to date even if the
 * supervisor's own thread was blocked. The supervisor compares the count at each
 * of its own ticks and never measures time: while the supervisor's thread is
 * blocked, or the process or the machine is suspended, there are no ticks.
 */

import { setTimerRef } from "../engines/runtime.ts";
import { heapLimitBytes } from "./threads.ts";

/** The longest time between two counts, in ms. */
const MAX_PERIOD_MS = 1000;
/** How many periods a timeout has at least, so that it is detected soon after it has passed. */
const MIN_PERIODS = 4;

/** What the worker needs to count. */
export interface HeartbeatCounter {
  /** One 32-bit number, in memory that both threads share. */
  readonly memory: SharedArrayBuffer;
  /** How often to count, in ms. */
  readonly periodMs: number;
}

/** How often a worker counts and the supervisor looks, in ms. */
export function heartbeatPeriodMs(timeoutMs: number): number {
  return Math.max(Math.min(timeoutMs / MIN_PERIODS, MAX_PERIOD_MS), 1);
}

/**
 * Counts in the worker until the result is called; does not keep the worker alive.
 *
 * @param onHeapLimit Called if the worker's heap has reached its limit and the
 * worker goes on nevertheless: then the runtime has dropped the callback that ran,
 * and all that were waiting for it.
 */
export function startHeartbeat(
  { memory, periodMs }: HeartbeatCounter,
  onHeapLimit: () => void,
): () => void {
  const count = new Int32Array(memory);
  // V8 raises the limit when it is reached.
  const limitBytes = heapLimitBytes();
  const timer = setInterval(() => {
    Atomics.add(count, 0, 1);
    if (heapLimitBytes() > limitBytes) onHeapLimit();
  }, periodMs);
  setTimerRef(timer, false);
  return () => clearInterval(timer);
}

/** The supervisor's side, for one worker after the other. */
export class Heartbeat {
  /** For the worker. */
  readonly counter: HeartbeatCounter;
  #count: Int32Array;
  #lastCount = 0;
  #missedCount = 0;
  #maxMissedCount: number;

  /**
   * Creates a count that no worker changes yet.
   *
   * @param timeoutMs The longest time that a worker may block its event loop, in ms; may be `Infinity`.
   */
  constructor(timeoutMs: number) {
    const periodMs = heartbeatPeriodMs(timeoutMs);
    this.counter = { memory: new SharedArrayBuffer(4), periodMs };
    this.#count = new Int32Array(this.counter.memory);
    // A worker that blocks for `timeoutMs` directly before it would count misses
    // one more than the periods in that time.
    this.#maxMissedCount = Math.ceil(timeoutMs / periodMs) + 1;
  }

  /** Begins to observe a worker that has just shown that it runs. */
  reset(): void {
    this.#lastCount = Atomics.load(this.#count, 0);
    this.#missedCount = 0;
  }

  /** Compares the count, once in each period. Returns whether the worker has missed too many. */
  check(): boolean {
    const count = Atomics.load(this.#count, 0);
    this.#missedCount = count === this.#lastCount ? this.#missedCount + 1 : 0;
    this.#lastCount = count;
    return this.#missedCount > this.#maxMissedCount;
  }
}
