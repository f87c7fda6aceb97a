/**
 * Accepts connections from one listener. Pauses while the server is full,
 * retries after temporary failures, and takes the connections that are already
 * queued before it closes.
 */

import type { Duplex } from "../duplex.ts";
import { isShortage, TraceSwitch } from "./shortage.ts";
import { nextStepAfter, toAcceptError } from "./accept_failure.ts";
import { closeQuietly } from "./close_quietly.ts";
import type { Listener } from "./listener.ts";
import { setTimerRef } from "./runtime.ts";
import { runtimeTurn } from "./runtime_turn.ts";

/** The shortest and the longest wait after a failed accept, in ms; it doubles with each failure. */
const MIN_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 1000;

/**
 * A closing listener keeps accepting to empty the queue: the system resets
 * connections that are still queued when the listener closes. A listener of the
 * runtime cannot say whether its queue is empty. So it closes after this many
 * turns of the event loop in a row in which nothing was accepted, and that were
 * short: connections that arrive in a long turn are accepted in the next one.
 */
const CALM_TURNS = 2;
const MAX_CALM_TURN_MS = 3;

/**
 * After this time, in ms, long turns count too, and so does the number of
 * connections: under load, the queue may never be empty.
 */
const MAX_CALM_WAIT_MS = 250;

/**
 * How many connections a queue holds, one more than the runtimes ask for. After
 * that many, all that were queued at the beginning are accepted. Node accepts
 * one in each turn, so that a busy thread needs seconds for them.
 */
const QUEUE_LENGTH = 512;

/** The longest time for all of that, in ms. */
const MAX_CLOSING_MS = 5000;

/**
 * How many queued connections a closing listener accepts at once at the end, if
 * it can: as many as a queue holds. The bound matters if new ones keep arriving.
 */
const MAX_CLOSING_ACCEPTS = 4096;

/** The longest time between two calls of a timer, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What an accept loop needs from the connection manager. */
export interface AcceptLoopOwner {
  /** Whether the connection limit is reached. */
  readonly isFull: boolean;
  /** Takes a connection that a listener has accepted. */
  admit(conn: Duplex, listener: Listener): void;
  /** Reports a failed accept to the setup hook; resolves with whether to continue accepting. */
  acceptFailed(error: Error): Promise<boolean>;
}

/** The accept loop of one listener. */
export class AcceptLoop {
  /** The listener to accept from. */
  readonly listener: Listener;
  #owner: AcceptLoopOwner;
  #acceptedCount = 0;
  #isClosed = false;
  /** Resolves when the pending accept ends; `null` if none is pending. */
  #pendingAccept: PromiseWithResolvers<void> | null = null;
  #endPause: (() => void) | null = null;
  #traces: TraceSwitch = new TraceSwitch();

  #isRef = true;
  /**
   * Keeps the process alive while no accept is pending, such as while the server
   * is full. A pending accept does that by itself.
   *
   * perf: set only then, because the first timer of a process costs it 7 ms and
   * 3.5 MiB (bench/start.ts).
   */
  #keepAlive: ReturnType<typeof setInterval> | null = null;

  /** Creates a loop; {@linkcode AcceptLoop.run} starts it. */
  constructor(listener: Listener, owner: AcceptLoopOwner) {
    this.listener = listener;
    this.#owner = owner;
  }

  /**
   * Accepts until the listener is closed.
   *
   * @throws {Error} A failure that is not temporary.
   */
  async run(): Promise<void> {
    let backoffMs = MIN_BACKOFF_MS;
    while (!this.#isClosed) {
      if (this.#owner.isFull) {
        await this.#pause(null);
        continue;
      }
      const conn = await this.#accept();
      if (conn instanceof Error) {
        if (this.#isClosed) return;
        if (isShortage(conn)) this.#traces.turnOff();
        this.#keepProcessAlive();
        if (!await this.#owner.acceptFailed(conn)) return;
        const step = nextStepAfter(conn);
        if (step === "retry") continue;
        if (step === "end") throw conn;
        await this.#pause(backoffMs);
        backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
        continue;
      }
      backoffMs = MIN_BACKOFF_MS;
      this.#acceptedCount++;
      // Another listener of this server may have taken the last free slot.
      while (this.#owner.isFull && !this.#isClosed) await this.#pause(null);
      this.#admit(conn);
    }
  }

  /** Ends a pause, since a slot may be free or serving has ended. */
  wake(): void {
    this.#endPause?.();
  }

  /** Sets whether listening keeps the process alive. */
  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (isRef) this.listener.ref();
    else this.listener.unref();
    if (this.#keepAlive !== null) setTimerRef(this.#keepAlive, isRef);
  }

  /**
   * Accepts the connections that are queued, then closes. Resolves when nothing
   * can connect any more: a listener of the runtime listens until its pending
   * accept has ended.
   */
  async closeGently(): Promise<void> {
    if (this.listener.acceptQueued === undefined) await this.#calm();
    this.#acceptQueued();
    this.close();
    await this.#pendingAccept?.promise;
  }

  /** Resolves when the connections that are queued now are probably accepted. */
  async #calm(): Promise<void> {
    const startMs = performance.now();
    const startCount = this.#acceptedCount;
    for (let turns = 0; turns < CALM_TURNS;) {
      if (this.#isClosed || this.#endPause !== null) return;
      const countBefore = this.#acceptedCount;
      const beginMs = performance.now();
      const isLate = beginMs - startMs > MAX_CALM_WAIT_MS;
      if (isLate && countBefore - startCount >= QUEUE_LENGTH) return;
      if (beginMs - startMs > MAX_CLOSING_MS) return;
      await runtimeTurn(); // one turn for every engine; `settled` may take several
      const isShort = performance.now() - beginMs <= MAX_CALM_TURN_MS;
      const isCalm = this.#acceptedCount === countBefore && (isShort || isLate);
      turns = isCalm ? turns + 1 : 0;
    }
  }

  /** Accepts what is queued at this moment, in the same turn as the close. */
  #acceptQueued(): void {
    for (let count = 0; count < MAX_CLOSING_ACCEPTS; count++) {
      if (this.#isClosed || this.#owner.isFull) return;
      try {
        const conn = this.listener.acceptQueued?.() ?? null;
        if (conn === null) return;
        this.#admit(conn);
      } catch {
        return; // the listener closes next, and the client sees a reset
      }
    }
  }

  #admit(conn: Duplex): void {
    setNoDelay(conn);
    this.#owner.admit(conn, this.listener);
  }

  /** Resolves when the connections have received everything that has arrived so far. */
  async settled(): Promise<void> {
    if (this.listener.settled !== undefined) await this.listener.settled();
    else await runtimeTurn();
  }

  /** Closes the listener immediately. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#letProcessEnd();
    this.#traces.turnOn();
    closeQuietly(this.listener);
    this.wake();
  }

  /** Returns a failure as a value, which keeps `run` free of nested `try` blocks. */
  async #accept(): Promise<Duplex | Error> {
    const pending = Promise.withResolvers<void>();
    this.#pendingAccept = pending;
    this.#letProcessEnd();
    try {
      return await this.listener.accept();
    } catch (error) {
      return toAcceptError(error);
    } finally {
      this.#pendingAccept = null;
      pending.resolve();
    }
  }

  /** Waits until {@linkcode AcceptLoop.wake}, at most `durationMs` if that is a number. */
  async #pause(durationMs: number | null): Promise<void> {
    if (this.#isClosed) return;
    this.#keepProcessAlive();
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#endPause = resolve;
      if (durationMs !== null) timer = setTimeout(resolve, durationMs);
    });
    this.#endPause = null;
    clearTimeout(timer);
  }

  #keepProcessAlive(): void {
    if (this.#keepAlive !== null || this.#isClosed) return;
    this.#keepAlive = setInterval(() => {}, MAX_TIMER_MS);
    if (!this.#isRef) setTimerRef(this.#keepAlive, false);
  }

  /** Ends {@linkcode AcceptLoop.#keepProcessAlive}. */
  #letProcessEnd(): void {
    if (this.#keepAlive === null) return;
    clearInterval(this.#keepAlive);
    this.#keepAlive = null;
  }
}

/** Responses are written whole, so Nagle's algorithm would only delay them. */
function setNoDelay(conn: Duplex): void {
  try {
    conn.setNoDelay?.(true); // only TCP connections have it
  } catch {
    // The peer has closed the connection; the first read reports it.
  }
}
