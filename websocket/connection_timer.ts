/**
 * The deadlines of one WebSocket: the peer must send something, take something,
 * or finish the closing handshake. One timer serves all three; it is set for the
 * first deadline and looks again when it fires, so that a message sets no timer.
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
/** How long that reading may take. */
const GRACE_MS = 100;

/** See the file's header. */
export class ConnectionTimer {
  #clock: SocketClock;
  #settings: TimerSettings;
  #onLate: (what: Lateness) => void;
  #heardMs: number;
  /** When sending last progressed; `Infinity` while nothing is sent. */
  #writeMs = Infinity;
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
    this.#heardMs = clock.monotonicMs();
    this.#set(this.#heardMs + settings.idleTimeout);
  }

  /** Bytes of the peer have arrived, or a ping was sent to it. */
  heard(): void {
    this.#heardMs = this.#clock.monotonicMs();
  }

  /** Sending has begun or progressed. */
  writing(): void {
    this.#writeMs = this.#clock.monotonicMs();
    this.#set(this.#writeMs + this.#settings.writeTimeout);
  }

  /** Everything is sent. */
  written(): void {
    this.#writeMs = Infinity;
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
}
