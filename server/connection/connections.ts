/**
 * Connections of all connections of one engine: each connection keeps its own
 * times as plain numbers, and one timer sweeps over them.
 *
 * A sorted list with a timer for its first entry would have to be kept sorted
 * at each request; here a request costs one addition. A sweep over the 4,096
 * connections of the default limit takes some tens of microseconds, and it
 * comes a few times a second while there are connections at all.
 */

import type { Clock } from "./clock.ts";

/** A connection, as those see it that know all of them. */
export interface ServedConnection {
  /** Requests that were begun. */
  readonly requestCount: number;
  /** Acts on every deadline that lies before `nowMs`. */
  expire(nowMs: number): void;
  /** Serving will end: the next response says that it is the last one. */
  announceEnd(): void;
  /** Serving ends: closes if it is idle, lets a running request finish. */
  stop(): void;
  /** Ends at once. */
  fail(error: Error): void;
}

/** Longest and shortest time between two sweeps, in ms. */
const MAX_PERIOD_MS = 250;
const MIN_PERIOD_MS = 5;

/** The connections of an engine and its one timer. */
export class Connections {
  /** The time of the last sweep, in whole ms; at most one period old. */
  nowMs: number;
  /** The time of the sweep before that, in ms. */
  previousMs: number;
  /** Time between two sweeps, in ms: what a deadline may be late by. */
  readonly periodMs: number;
  #clock: Clock;
  /** All connections, from their beginning to their end. */
  readonly members: Set<ServedConnection> = new Set();
  #onTick: (epochMs: number) => void;
  #stop: (() => void) | null = null;

  /**
   * Creates an empty set.
   *
   * @param clock Where time comes from.
   * @param shortestMs The shortest deadline in use; an eighth of it is the period.
   * @param onTick Called with the time in ms since the epoch at each sweep.
   */
  constructor(
    clock: Clock,
    shortestMs: number,
    onTick: (epochMs: number) => void,
  ) {
    this.#clock = clock;
    this.#onTick = onTick;
    this.nowMs = Math.floor(clock.monotonicMs());
    this.previousMs = this.nowMs;
    const eighth = Math.floor(shortestMs / 8);
    this.periodMs = Math.min(MAX_PERIOD_MS, Math.max(MIN_PERIOD_MS, eighth));
  }

  /** The time at which something is due in `durationMs`, never early. */
  after(durationMs: number): number {
    return this.nowMs + this.periodMs + durationMs;
  }

  /** Adds a member; the timer runs while there are any. */
  add(member: ServedConnection): void {
    if (this.#stop === null) {
      this.#refresh();
      this.#stop = this.#clock.every(this.periodMs, () => this.#sweep());
    }
    this.members.add(member);
  }

  /** Removes a member. */
  remove(member: ServedConnection): void {
    this.members.delete(member);
    if (this.members.size > 0 || this.#stop === null) return;
    this.#stop();
    this.#stop = null;
  }

  #refresh(): void {
    this.previousMs = this.nowMs;
    this.nowMs = Math.floor(this.#clock.monotonicMs());
    this.#onTick(this.#clock.epochMs());
  }

  #sweep(): void {
    this.#refresh();
    for (const member of this.members) member.expire(this.nowMs);
  }
}
