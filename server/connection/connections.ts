/**
 * All connections of one engine, and the one timer that acts on their
 * deadlines: each connection keeps its own times as plain numbers, and a sweep
 * asks all of them.
 *
 * The alternative, a sorted list with a timer for its first entry, has to be
 * kept sorted at each request; here a request costs one addition. A sweep over
 * the 4,096 connections of the default limit takes some tens of microseconds
 * and happens a few times a second while there are connections.
 */

import { toError } from "../to_error.ts";

/** Current time and timers. An engine or a test provides them; the connection machine never asks the runtime. */
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

/** A connection as its engine sees it. */
export interface ServedConnection {
  /** Requests that were begun. */
  readonly requestCount: number;
  /** Acts on every deadline that lies before `nowMs`. */
  expire(nowMs: number): void;
  /** Serving will end: the next response says that it is the last one. */
  announceEnd(): void;
  /** Serving ends: closes if it is idle, lets a running request finish. */
  stop(): void;
  /** Closes without waiting for anything. */
  fail(error: Error): void;
}

/** The timeouts that one connection has instead of the server's, in ms. */
export interface OwnTimeouts {
  readonly readTimeoutMs?: number;
  readonly writeTimeoutMs?: number;
}

/** Longest and shortest time between two sweeps, in ms. */
const MAX_PERIOD_MS = 250;
const MIN_PERIOD_MS = 5;

/** See the file's header. */
export class Connections {
  /** The time of the last sweep in whole ms of the deadlines' time; at most one period old. */
  nowMs: number;
  /** The time of the sweep before that, in ms. */
  previousMs: number;
  /** Time between two sweeps, in ms: a deadline is acted on this much late at most. */
  periodMs: number;
  /** All connections that are not closed. */
  readonly members: Set<ServedConnection> = new Set();
  /** The period that the server's own deadlines need, in ms. */
  readonly #usualPeriodMs: number;
  /** The shorter periods that connections with timeouts of their own need, in ms. */
  #ownPeriods: Map<ServedConnection, number> = new Map();
  /** How far the deadlines' time is behind the clock's, in ms: they do not count a time in which the thread stood still. */
  #lostMs = 0;
  /** Whether the last sweep came so late that it acted on no deadline. */
  #isCatchingUp = false;
  #clock: Clock;
  #onTick: (epochMs: number) => void;
  #stop: (() => void) | null = null;

  /**
   * Creates an empty set.
   *
   * @param shortestMs The shortest deadline in use; an eighth of it is the period.
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

  /** The time at which something is due in `durationMs`; `nowMs` may be a period old, so add one. */
  after(durationMs: number): number {
    return this.nowMs + this.periodMs + durationMs;
  }

  /**
   * Adds a connection; the timer runs while there are any.
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

  /** Starts the timer. Brings the time up to date, since it must never be older than one period. */
  #start(maxMs: number): void {
    this.#refresh(maxMs);
    this.#stop = this.#clock.every(this.periodMs, () => this.#sweep());
  }

  /**
   * Brings the time up to date, but by `maxMs` at most.
   *
   * @returns Whether it would have been more.
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
   * Acts on deadlines. A sweep that is more than a period late means that the
   * thread was blocked or the process stopped: what has arrived meanwhile was not
   * read yet. So it acts on nothing, and the sockets get a period for it. The
   * next sweep acts in any case, or a server under load would have no deadlines.
   *
   * A connection that throws is closed, so that the others still get their turn.
   */
  #sweep(): void {
    const isLate = this.#refresh(2 * this.periodMs);
    this.#isCatchingUp = isLate && !this.#isCatchingUp;
    if (this.#isCatchingUp) return;
    for (const member of this.members) {
      try {
        member.expire(this.nowMs);
      } catch (error) {
        member.fail(toError(error)); // the teardown hook is told
      }
    }
    // Only here: each change restarts the timer, and many of them would put all sweeps off.
    const neededMs = this.#neededPeriodMs();
    if (neededMs > this.periodMs) this.#changePeriod(neededMs);
  }
}

/** The time between two sweeps for a shortest deadline, in ms. */
function periodFor(shortestMs: number): number {
  const eighth = Math.floor(shortestMs / 8);
  return Math.min(MAX_PERIOD_MS, Math.max(MIN_PERIOD_MS, eighth));
}

/** The same for the timeouts of one connection. */
function ownPeriod(own: OwnTimeouts): number {
  const { readTimeoutMs = Infinity, writeTimeoutMs = Infinity } = own;
  return periodFor(Math.min(readTimeoutMs, writeTimeoutMs));
}
