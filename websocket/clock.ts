/** The time that WebSockets use; tests have another one. */

/** Time and timers. */
export interface SocketClock {
  /** Milliseconds since some moment; never goes back. */
  monotonicMs(): number;
  /** Calls `run` once after a delay; the result cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** The runtime's clock. */
export const systemClock: SocketClock = {
  monotonicMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
