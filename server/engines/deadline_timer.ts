/** A deadline for one step of a connection that is not served yet, such as a TLS handshake. */

/** If the timer is late by more than this, in ms, the peer gets some more time. */
const MAX_LATE_MS = 100;
const CATCH_UP_MS = 250;

/** See the file's header. */
export class DeadlineTimer {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Calls `onPassed` after `durationMs`, unless {@linkcode DeadlineTimer.stop} is
   * called before. If the timer is late, the thread was blocked or the process
   * was stopped, and bytes that arrived meanwhile are read first.
   *
   * @param durationMs The time in ms; `Infinity` sets no deadline.
   */
  constructor(durationMs: number, onPassed: () => void) {
    if (durationMs === Infinity) return;
    const dueMs = performance.now() + durationMs;
    this.#timer = setTimeout(() => {
      if (performance.now() - dueMs < MAX_LATE_MS) onPassed();
      else this.#timer = setTimeout(onPassed, CATCH_UP_MS);
    }, durationMs);
  }

  /** Cancels the deadline. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
