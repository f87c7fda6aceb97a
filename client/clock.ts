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
  /** As {@linkcode Clock.after}, but does not keep the process alive. */
  afterUnref(delayMs: number, run: () => void): () => void;
}

/** The runtime's clock and timers. */
export const SYSTEM_CLOCK: Clock = Object.freeze({
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
  every: tickEvery,
  after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  afterUnref: runAfter,
});

/**
 * The first `setTimeout` or `setInterval` of a process on Deno loads the
 * runtime's Node timers: 7 ms and 4 MiB (Deno 2.9.6). `Atomics.waitAsync()` on
 * a word that never changes does not load them.
 */
const HAS_TIMERS = typeof Deno === "undefined";

function tickEvery(periodMs: number, tick: () => void): () => void {
  if (HAS_TIMERS) {
    const timer = setInterval(tick, periodMs);
    unref(timer);
    return () => clearInterval(timer);
  }
  let stop = (): void => {};
  const next = (): void => {
    stop = runAfter(periodMs, () => {
      next();
      tick();
    });
  };
  next();
  return () => stop();
}

function runAfter(delayMs: number, run: () => void): () => void {
  if (HAS_TIMERS) {
    const timer = setTimeout(run, delayMs);
    unref(timer);
    return () => clearTimeout(timer);
  }
  const word = new Int32Array(new SharedArrayBuffer(4));
  let isStopped = false;
  const { value } = Atomics.waitAsync(word, 0, 0, delayMs);
  Promise.resolve(value).then(() => {
    if (!isStopped) run();
  });
  return () => {
    isStopped = true;
    Atomics.notify(word, 0);
  };
}

/** The timers of Node and Bun are objects. */
function unref(timer: unknown): void {
  (timer as { unref(): void }).unref();
}
