/** The runtime's clock and timers, as the connection machine uses them. */

import type { Clock } from "../connection/connections.ts";

/** The default of every engine. */
export const SYSTEM_CLOCK: Clock = Object.freeze({
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
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
