/** The clock of a client: the runtime's, or one that a test controls. */

/** Current time and timers. */
export interface Clock {
  /** A time in milliseconds that never goes back. */
  monotonicMs(): number;
  /** The time of day, in ms since 1970. */
  epochMs(): number;
  /** Calls `tick` every `periodMs` until the result is called; does not keep the process alive. */
  every(periodMs: number, tick: () => void): () => void;
  /** Calls `run` once after `delayMs`, unless the result is called first; keeps the process alive until then. */
  after(delayMs: number, run: () => void): () => void;
}

/** The runtime's clock and timers. */
export const SYSTEM_CLOCK: Clock = Object.freeze({
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
  every(periodMs: number, tick: () => void): () => void {
    const timer = setInterval(tick, periodMs);
    if (typeof timer === "number") Deno.unrefTimer(timer);
    else (timer as { unref(): void }).unref(); // the timers of Node and Bun are objects
    return () => clearInterval(timer);
  },
  after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
});
