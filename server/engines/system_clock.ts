/** The runtime's clock and timers, as the connection machine uses them. */

import type { Clock } from "../connection/connections.ts";
import { setTimerRef } from "./runtime.ts";

/** The default of every engine. */
export const SYSTEM_CLOCK: Clock = Object.freeze({
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
  every: tickEvery,
  after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
});

/**
 * Calls `tick` periodically, and does not keep the process alive.
 *
 * perf: waits for a word in memory that never changes, because the first
 * `setInterval` of a process loads the runtime's Node timers: 7 ms and 3.5 MiB
 * (bench/start.ts, Deno 2.9).
 */
function tickEvery(periodMs: number, tick: () => void): () => void {
  if (typeof Deno === "undefined") {
    const timer = setInterval(tick, periodMs);
    setTimerRef(timer, false);
    return () => clearInterval(timer);
  }
  const word = new Int32Array(new SharedArrayBuffer(4));
  let isRunning = true;
  const run = async (): Promise<void> => {
    while (isRunning) {
      await Atomics.waitAsync(word, 0, 0, periodMs).value;
      if (isRunning) tick();
    }
  };
  run();
  return () => {
    isRunning = false;
    Atomics.notify(word, 0);
  };
}
