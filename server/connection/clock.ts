/** The time that the connection machine runs on; an engine or a test provides it. */

/** Current time and timers. The machine itself never asks the runtime for either. */
export interface Clock {
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Milliseconds since the epoch. */
  epochMs(): number;
  /** Calls `tick` every `periodMs` until the result is called; does not keep the process alive. */
  every(periodMs: number, tick: () => void): () => void;
  /** Calls `run` once, in `delayMs`, unless the result is called before; keeps the process alive until then. */
  after(delayMs: number, run: () => void): () => void;
}
