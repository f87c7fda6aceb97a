/**
 * Accepts connections from one listener. Pauses while the server is full,
 * retries after temporary failures, and takes the connections that are already
 * queued before it closes.
 */

import type { Duplex } from "../duplex.ts";
import { isShortage, TraceSwitch } from "./shortage.ts";
import {
  isPeerFailure,
  nextStepAfter,
  toAcceptError,
} from "./accept_failure.ts";
import { closeQuietly } from "./close_quietly.ts";
import type { Listener } from "./listener.ts";
import { setTimerRef } from "./runtime.ts";
import { runtimeTurn } from "./runtime_turn.ts";

/** The shortest and the longest wait after a failed accept, in ms; it doubles with each failure. */
const MIN_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 1000;

/**
 * The system resets connections that are still queued when a listener closes. A
 * listener of the runtime cannot say whether its queue is empty, because it does
 * not ask the system before its next turn. But after it has accepted a
 * connection, the next accept asks soon; see {@linkcode Listener.polled}. So a
 * closing listener waits for a connection, accepts all that are queued, and closes
 * directly afterwards.
 *
 * If none comes, it closes after this many short turns of the event loop in a
 * row. After a long turn it stays open: what arrived is accepted in the next
 * one.
 */
const CALM_TURNS = 2;
const MAX_CALM_TURN_MS = 3;

/** After this time, in ms, long turns count too. */
const MAX_CALM_WAIT_MS = 250;

/** The longest time until a listener closes, in ms. Node accepts one connection in each turn. */
const MAX_CLOSING_MS = 5000;

/**
 * How many queued connections a closing listener accepts at the end: as many as a
 * queue holds. The bound matters if new ones keep arriving.
 */
const MAX_CLOSING_ACCEPTS = 4096;

/** An accept settles within this many microtasks if a connection is queued. With TLS, it takes 9. */
const ACCEPT_MICROTASKS = 16;

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
  #isClosed = false;
  /**
   * Resolves when the queue was emptied and the listener has closed; `null` while
   * serving. While it is set, the next accepted connection begins the emptying.
   */
  #drained: PromiseWithResolvers<void> | null = null;
  #isDraining = false;
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
      // Another listener of this server may have taken the last free slot.
      while (this.#owner.isFull && !this.#isClosed) {
        await this.#pause(null);
      }
      this.#admit(conn);
      if (this.#drained === null) continue;
      this.#isDraining = true;
      await this.#drain();
      this.#drained.resolve();
      return;
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
   *
   * @param patienceMs How long to wait for a connection, in ms, if the listener
   * cannot say whether its queue is empty.
   */
  async closeGently(patienceMs: number): Promise<void> {
    if (this.listener.acceptQueued === undefined) {
      const drained = this.#drained = Promise.withResolvers<void>();
      await Promise.race([this.#calm(patienceMs), drained.promise]);
      if (this.#isDraining) return await drained.promise;
    }
    this.#acceptQueued();
    this.close();
    await this.#pendingAccept?.promise;
  }

  /** Resolves when the queue is being emptied, or is probably empty. */
  async #calm(patienceMs: number): Promise<void> {
    const startMs = performance.now();
    for (let turns = 0, beginMs = startMs;;) {
      if (this.#isClosed || this.#endPause !== null) return;
      if (this.#isDraining) return;
      const waitedMs = beginMs - startMs;
      if (waitedMs > MAX_CLOSING_MS) return;
      if (turns >= CALM_TURNS && waitedMs >= patienceMs) return;
      await runtimeTurn(); // one turn for every engine; `settled` may take several
      const endMs = performance.now();
      const isShort = endMs - beginMs <= MAX_CALM_TURN_MS;
      turns = isShort || waitedMs > MAX_CALM_WAIT_MS ? turns + 1 : 0;
      beginMs = endMs;
    }
  }

  /**
   * Accepts what is queued and closes, after a connection was accepted. It
   * waits for a new turn first: in the current one, the listener would stay
   * open until the requests that have arrived are answered.
   */
  async #drain(): Promise<void> {
    await runtimeTurn();
    const endMs = performance.now() + MAX_CLOSING_MS;
    let isEmpty = false;
    let last: Promise<void> | undefined;
    for (let count = 0; count < MAX_CLOSING_ACCEPTS && !isEmpty; count++) {
      if (this.#isClosed || this.#owner.isFull) break;
      if (performance.now() > endMs) break;
      isEmpty = true;
      last = this.#accept().then((conn) => {
        isEmpty = conn instanceof Error && !isPeerFailure(conn);
        if (!(conn instanceof Error)) this.#admit(conn);
      });
      await this.listener.polled?.();
      for (let n = 0; n < ACCEPT_MICROTASKS && isEmpty; n++) await null;
    }
    this.close();
    await last;
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
