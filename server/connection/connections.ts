/**
 * All connections of one engine, and the one timer for their deadlines. Each
 * connection keeps its deadlines as plain numbers; at each tick of the timer, a
 * sweep asks every connection whether one has passed.
 *
 * The alternative is a sorted list with a timer for its first entry, which each
 * request would have to keep sorted. Here, a request costs one addition. A
 * sweep over the 4,096 connections of the default limit takes some tens of
 * microseconds and happens a few times a second while there are connections.
 */

import { toError } from "../to_error.ts";

/** Current time and timers. An engine or a test provides them; the connection machine never asks the runtime. */
export interface Clock {
  /** A time in milliseconds that never goes back. */
  monotonicMs(): number;
  /** Milliseconds since the epoch. */
  epochMs(): number;
  /** Calls `tick` every `periodMs` until the result is called; does not keep the process alive. */
  every(periodMs: number, tick: () => void): () => void;
  /** Calls `run` once after `delayMs`, unless the result is called first; keeps the process alive until then. */
  after(delayMs: number, run: () => void): () => void;
}

/** A connection as its engine sees it. */
export interface ServedConnection {
  /** How many requests have begun. */
  readonly requestCount: number;
  /** Acts on the deadlines before `nowMs`. */
  expire(nowMs: number): void;
  /** Serving will end: the next response announces that the connection closes. */
  announceEnd(): void;
  /** Serving ends: closes the connection if it is idle, and otherwise after the running request. */
  stop(): void;
  /** Closes immediately. */
  fail(error: Error): void;
}

/** Timeouts of one connection, in ms, that replace the server's. */
export interface OwnTimeouts {
  readonly readTimeoutMs?: number;
  readonly writeTimeoutMs?: number;
}

/** Longest and shortest time between two sweeps, in ms. */
const MAX_PERIOD_MS = 250;
const MIN_PERIOD_MS = 5;

/** See the file's header. */
export class Connections {
  /** The time of the last sweep, in whole ms on the scale that deadlines use; at most one period old. */
  nowMs: number;
  /** The time of the sweep before that, in ms. */
  previousMs: number;
  /**
   * Time between two sweeps, in ms. {@linkcode Connections.after} adds one
   * period to a deadline and the sweep may come another one later, so that a
   * deadline is late by two periods at most.
   */
  periodMs: number;
  /** All connections that are not closed. */
  readonly members: Set<ServedConnection> = new Set();
  /** The period that the server's own deadlines need, in ms. */
  readonly #usualPeriodMs: number;
  /** The shorter periods, in ms, of connections with their own timeouts. */
  #ownPeriods: Map<ServedConnection, number> = new Map();
  /**
   * How far the time that deadlines use is behind the clock, in ms: it does not
   * count time in which the thread was blocked.
   */
  #lostMs = 0;
  /** Whether the last sweep was so late that it skipped all deadlines. */
  #isCatchingUp = false;
  #clock: Clock;
  #onTick: (epochMs: number) => void;
  #stop: (() => void) | null = null;

  /**
   * Creates an empty set.
   *
   * @param shortestMs The shortest timeout in use; the period is an eighth of
   * it.
   * @param onTick Called at each sweep with the time in ms since the epoch.
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
    this.#usualPeriodMs = periodFor(shortestMs);
    this.periodMs = this.#usualPeriodMs;
  }

  /**
   * Returns the time of a deadline in `durationMs`. Adds one period, since
   * `nowMs` may be that old: a deadline must not be early.
   */
  after(durationMs: number): number {
    return this.nowMs + this.periodMs + durationMs;
  }

  /**
   * Adds a connection. The timer runs while there is at least one.
   *
   * @param own Timeouts of this connection; a short one makes the sweeps more frequent.
   */
  add(member: ServedConnection, own: OwnTimeouts = {}): void {
    if (this.#stop === null) this.#start(Infinity);
    this.members.add(member);
    const periodMs = ownPeriod(own);
    if (periodMs >= this.#usualPeriodMs) return;
    this.#ownPeriods.set(member, periodMs);
    if (periodMs < this.periodMs) this.#changePeriod(periodMs);
  }

  /** Removes a connection. */
  remove(member: ServedConnection): void {
    this.members.delete(member);
    this.#ownPeriods.delete(member);
    if (this.members.size > 0 || this.#stop === null) return;
    this.#stop();
    this.#stop = null;
    this.periodMs = this.#usualPeriodMs;
  }

  /** The period that the connections need now, in ms. */
  #neededPeriodMs(): number {
    let shortestMs = this.#usualPeriodMs;
    for (const periodMs of this.#ownPeriods.values()) {
      shortestMs = Math.min(shortestMs, periodMs);
    }
    return shortestMs;
  }

  #changePeriod(periodMs: number): void {
    const longerMs = Math.max(this.periodMs, periodMs);
    this.periodMs = periodMs;
    this.#stop?.();
    this.#start(2 * longerMs);
  }

  /** Starts the timer. Refreshes `nowMs` first, which must never be older than one period. */
  #start(maxMs: number): void {
    this.#refresh(maxMs);
    this.#stop = this.#clock.every(this.periodMs, () => this.#sweep());
  }

  /**
   * Refreshes `nowMs`, but moves it forward by at most `maxMs`.
   *
   * @returns Whether more time than that has passed.
   */
  #refresh(maxMs: number): boolean {
    this.previousMs = this.nowMs;
    const clockMs = Math.floor(this.#clock.monotonicMs()) - this.#lostMs;
    this.nowMs = Math.min(clockMs, this.previousMs + maxMs);
    this.#lostMs += clockMs - this.nowMs;
    this.#onTick(this.#clock.epochMs());
    return this.nowMs < clockMs;
  }

  /**
   * Acts on deadlines. If a sweep is more than a period late, the thread was
   * blocked or the process stopped, and bytes that arrived meanwhile are still
   * unread. Such a sweep skips all deadlines, which leaves one period to read
   * them. The next sweep never skips; otherwise a server under constant load
   * would enforce no deadlines.
   *
   * A connection that throws is closed, and the sweep continues with the
   * others.
   */
  #sweep(): void {
    const isLate = this.#refresh(2 * this.periodMs);
    this.#isCatchingUp = isLate && !this.#isCatchingUp;
    if (this.#isCatchingUp) return;
    for (const member of this.members) {
      try {
        member.expire(this.nowMs);
      } catch (error) {
        member.fail(toError(error)); // the teardown hook receives it
      }
    }
    // The period grows only here: each change restarts the timer, and frequent
    // changes would delay every sweep.
    const neededMs = this.#neededPeriodMs();
    if (neededMs > this.periodMs) this.#changePeriod(neededMs);
  }
}

/** The period for a shortest timeout, in ms. */
function periodFor(shortestMs: number): number {
  const eighth = Math.floor(shortestMs / 8);
  return Math.min(MAX_PERIOD_MS, Math.max(MIN_PERIOD_MS, eighth));
}

/** The period for the timeouts of one connection, in ms. */
function ownPeriod(own: OwnTimeouts): number {
  const { readTimeoutMs = Infinity, writeTimeoutMs = Infinity } = own;
  return periodFor(Math.min(readTimeoutMs, writeTimeoutMs));
}
