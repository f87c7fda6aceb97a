/** The time that a client runs on: the runtime's, or one that a test moves. */

/** Current time and timers. */
export interface Clock {
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Calls `tick` every `periodMs` until the result is called; does not keep the process alive. */
  every(periodMs: number, tick: () => void): () => void;
  /** Calls `run` once, in `delayMs`, unless the result is called before; keeps the process alive until then. */
  after(delayMs: number, run: () => void): () => void;
}

/** The runtime's clock and timers. */
export const SYSTEM_CLOCK: Clock = Object.freeze({
  monotonicMs: () => performance.now(),
  every(periodMs: number, tick: () => void): () => void {
    const timer = setInterval(tick, periodMs);
    Deno.unrefTimer(timer);
    return () => clearInterval(timer);
  },
  after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
});
