/**
 * Deadlines of a client's connections. Each deadline is a number; one repeating
 * timer compares all of them with the clock, so that an exchange neither sets
 * nor clears a timer.
 */

import type { Clock } from "./clock.ts";

/** Something with a deadline. */
export interface Expirable {
  /** When it expires, on the monotonic clock in ms; `Infinity` for never. */
  readonly deadlineMs: number;
  /** Called by each sweep after the deadline, until the member is removed. */
  expire(): void;
}

/** Longest and shortest time between two sweeps, in ms. */
const MAX_PERIOD_MS = 250;
const MIN_PERIOD_MS = 5;

/** The connections that have a deadline, and the timer that checks them. */
export class DeadlineSweep {
  #clock: Clock;
  #periodMs: number;
  #members: Set<Expirable> = new Set();
  #stopTimer: (() => void) | null = null;

  /**
   * Creates an empty set; the timer starts with the first member.
   *
   * @param clock The time that deadlines are compared with.
   * @param shortestMs The shortest timeout in use. The time between two sweeps
   * is an eighth of it, so that no deadline is late by more than an eighth.
   */
  constructor(clock: Clock, shortestMs: number) {
    this.#clock = clock;
    const eighth = Math.floor(shortestMs / 8);
    this.#periodMs = Math.min(MAX_PERIOD_MS, Math.max(MIN_PERIOD_MS, eighth));
  }

  /** Adds a member. The timer does not keep the process alive: the connections do. */
  add(member: Expirable): void {
    this.#members.add(member);
    this.#stopTimer ??= this.#clock.every(this.#periodMs, () => this.#sweep());
  }

  /** Removes a member; the next sweep that finds none stops the timer. */
  remove(member: Expirable): void {
    this.#members.delete(member);
  }

  /** Stops the timer. */
  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  #sweep(): void {
    if (this.#members.size === 0) return this.stop();
    const nowMs = this.#clock.monotonicMs();
    for (const member of this.#members) {
      if (nowMs > member.deadlineMs) member.expire();
    }
  }
}
