/**
 * Deadlines of a client's connections: plain numbers that one timer sweeps
 * over, so that an exchange sets and clears none of its own.
 */

/** Something with a deadline. */
export interface Watched {
  /** When something is due, in ms; `Infinity` for never. */
  readonly deadlineMs: number;
  /** The deadline has passed. */
  deadlinePassed(): void;
}

/** Longest and shortest time between two sweeps, in ms. */
const MAX_PERIOD_MS = 250;
const MIN_PERIOD_MS = 5;

/** The connections that wait for something. */
export class Watch {
  #periodMs: number;
  #members: Set<Watched> = new Set();
  #timer: ReturnType<typeof setInterval> | null = null;

  /** Creates a watch; an eighth of the shortest deadline is the time between sweeps. */
  constructor(shortestMs: number) {
    const eighth = Math.floor(shortestMs / 8);
    this.#periodMs = Math.min(MAX_PERIOD_MS, Math.max(MIN_PERIOD_MS, eighth));
  }

  /** Adds a member; the timer keeps no process alive, as the connections do that. */
  add(member: Watched): void {
    this.#members.add(member);
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#sweep(), this.#periodMs);
    Deno.unrefTimer(this.#timer);
  }

  /** Removes a member; the timer goes with the next sweep that finds none. */
  remove(member: Watched): void {
    this.#members.delete(member);
  }

  /** Ends the timer. */
  stop(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #sweep(): void {
    if (this.#members.size === 0) return this.stop();
    const nowMs = performance.now();
    for (const member of this.#members) {
      if (nowMs > member.deadlineMs) member.deadlinePassed();
    }
  }
}
