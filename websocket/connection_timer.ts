/**
 * The deadlines of one WebSocket: the peer must send something, take something,
 * or finish the closing handshake. One timer serves all three. While messages
 * pass, they only set flags, and the timer checks the flags every quarter of the
 * shortest timeout. So a deadline fires at most that quarter late, and never
 * early.
 *
 * perf: reading the clock twice for each message would be a tenth of the time that
 * an echo takes in memory (bench/machine_count.ts).
 */

import type { SocketClock } from "./clock.ts";

/** What did not happen in time. */
export type Lateness = "idle" | "write" | "close";

/** The times of a connection, in ms. */
export interface TimerSettings {
  readonly idleTimeout: number;
  readonly writeTimeout: number;
  readonly closeTimeout: number;
}

/** A timer that fires later than this was held up by a blocked thread; bytes that have arrived meanwhile are read first. */
const MAX_LATE_MS = 1000;
/** Checks of the flags within the shortest timeout, while messages pass. */
const LOOKS = 4;
/** How long that reading may take. */
const GRACE_MS = 100;

/** See the file's header. */
export class ConnectionTimer {
  #clock: SocketClock;
  #settings: TimerSettings;
  #onLate: (what: Lateness) => void;
  #heardMs: number;
  /** Whether the peer was heard since the last check. */
  #isHeard = false;
  /** When sending last progressed; `Infinity` while nothing is sent. */
  #writeMs = Infinity;
  /** Whether sending has progressed since the last check. */
  #hasSent = false;
  /** The time between two checks, in ms. */
  #lookMs: number;
  /** Whether a check is due within that time. */
  #isWatching = false;
  #closeMs = Infinity;
  /** Whether nothing can be heard, since reading is paused. */
  #isDeaf = false;
  /** When the timer fires; `Infinity` if it is not set. */
  #dueMs = Infinity;
  #cancel: () => void = () => {};
  #hasGrace = false;
  readonly #tick = (): void => this.#fire();

  /** Starts the time of the first message. */
  constructor(
    clock: SocketClock,
    settings: TimerSettings,
    onLate: (what: Lateness) => void,
  ) {
    this.#clock = clock;
    this.#settings = settings;
    this.#onLate = onLate;
    const { idleTimeout, writeTimeout } = settings;
    this.#lookMs = Math.min(idleTimeout, writeTimeout) / LOOKS;
    this.#heardMs = clock.monotonicMs();
    this.#set(this.#heardMs + idleTimeout);
  }

  /** Bytes of the peer have arrived. */
  heard(): void {
    if (this.#isWatching) this.#isHeard = true;
    else if (this.#settings.idleTimeout !== Infinity) {
      this.#heardMs = this.#watch();
    }
  }

  /** Sending has begun or progressed. */
  writing(): void {
    if (this.#isWatching) {
      this.#hasSent = true;
      return;
    }
    this.#writeMs = this.#watch();
    this.#set(this.#writeMs + this.#settings.writeTimeout);
  }

  /** Everything is sent. */
  written(): void {
    this.#writeMs = Infinity;
    this.#hasSent = false;
  }

  /** The closing handshake has begun; later calls change nothing. */
  closing(): void {
    if (this.#closeMs !== Infinity) return;
    this.#closeMs = this.#clock.monotonicMs();
    this.#set(this.#closeMs + this.#settings.closeTimeout);
  }

  /** Reading was paused or goes on. */
  setDeaf(isDeaf: boolean): void {
    if (this.#isDeaf && !isDeaf) this.heard();
    this.#isDeaf = isDeaf;
  }

  /** Starts the checks. Returns the current time. */
  #watch(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#isWatching = true;
    this.#set(nowMs + this.#lookMs);
    return nowMs;
  }

  /** Ends all deadlines. */
  stop(): void {
    this.#cancel();
    this.#dueMs = -Infinity; // nothing is earlier, so nothing is set
  }

  #set(dueMs: number): void {
    if (dueMs >= this.#dueMs) return;
    this.#cancel();
    this.#dueMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#clock.monotonicMs());
    this.#cancel = this.#clock.after(Math.ceil(delayMs), this.#tick);
  }

  #fire(): void {
    const nowMs = this.#clock.monotonicMs();
    const isLate = nowMs - this.#dueMs > MAX_LATE_MS;
    this.#dueMs = Infinity;
    if (isLate && !this.#hasGrace) {
      this.#hasGrace = true;
      this.#set(nowMs + GRACE_MS);
      return;
    }
    this.#hasGrace = false;
    this.#look(nowMs);
    const { writeTimeout, closeTimeout, idleTimeout } = this.#settings;
    if (nowMs >= this.#closeMs + closeTimeout) return this.#onLate("close");
    if (nowMs >= this.#writeMs + writeTimeout) return this.#onLate("write");
    if (this.#isDeaf) this.#heardMs = nowMs;
    if (nowMs >= this.#heardMs + idleTimeout) {
      this.#heardMs = nowMs; // the next deadline is as far away
      this.#onLate("idle");
    }
    this.#set(this.#heardMs + idleTimeout);
    this.#set(this.#writeMs + writeTimeout);
    this.#set(this.#closeMs + closeTimeout);
  }

  /** Turns the flags into times. The checks end when no flag is set. */
  #look(nowMs: number): void {
    this.#isWatching = this.#isHeard || this.#hasSent;
    if (!this.#isWatching) return;
    if (this.#isHeard) this.#heardMs = nowMs;
    if (this.#hasSent) this.#writeMs = nowMs;
    this.#isHeard = this.#hasSent = false;
    this.#set(nowMs + this.#lookMs);
  }
}
