/**
 * The deadlines of one connection as plain numbers: one for what its phase
 * awaits from the peer, one for the whole request, one for a write without
 * progress (RFC 9112 §9.5). Nothing here runs a timer: {@linkcode Connections}
 * sweeps over all connections and asks each what has passed.
 *
 * Times are whole milliseconds, which V8 keeps inside the object; a fraction
 * would be allocated at each change. {@linkcode NEVER} stands for no deadline.
 */

import type { ProceedOptions } from "../hooks.ts";
import type { ServerOptions } from "../options.ts";
import type { Connections } from "./connections.ts";
import type { EngineContext } from "./engine_context.ts";
import type { Output } from "./output.ts";
import { Phase } from "./phase.ts";

/** Instead of a time: no deadline. */
const NEVER = -1;

/** The meaning of a passed deadline. */
export interface TimedOut {
  /** The error's code, or `null` if the connection closes without a response. */
  readonly code: "HEAD_TIMEOUT" | "BODY_TIMEOUT" | "REQUEST_TIMEOUT" | null;
  /** What was awaited, how long, and which option says so. */
  readonly message: string;
}

/** A connection whose output does not leave, or whose peer has ended its direction and gets none. */
interface Stall {
  /** When a sweep first saw it, in ms. */
  readonly sinceMs: number;
  /** Bytes that had been sent by then; before an answer has begun, a negative number that is the request's own. */
  readonly progress: number;
}

/** The whole lingering close takes at most this many times `lingerTimeout`. */
const LINGER_TIMES = 6;

/** One connection's deadlines. */
export class Deadlines {
  #connections: Connections;
  /** The server's options, with this connection's own timeouts. */
  #options: ServerOptions;
  #bornMs: number;
  /** When the peer must have done what the phase awaits. */
  #readAt: number;
  #requestAt = NEVER;
  /** The stall that the last sweep saw. */
  #stall: Stall | null = null;
  /** Requests that the last sweep saw. */
  #sweptRequests = 0;

  /**
   * Begins with the wait for the first request, which is as short as that for a
   * head: a peer that connects and says nothing does not get an idle
   * connection's time.
   */
  constructor({ connections, app }: EngineContext, own: ProceedOptions) {
    this.#connections = connections;
    this.#options = withOwn(app.options, own);
    this.#bornMs = connections.nowMs;
    this.#readAt = this.#timeAfter(this.#options.headerTimeout);
  }

  /** Says whether the connection has lived longer than a connection may. */
  isTooOld(nowMs: number): boolean {
    return nowMs - this.#bornMs > this.#options.maxConnectionAge;
  }

  /** Sets the deadline of a phase that was just entered. */
  enter(phase: Phase): void {
    this.#readAt = this.#timeAfter(this.#durationMs(phase));
    if (phase === Phase.HEAD) this.beginRequest();
    else if (phase === Phase.IDLE || phase >= Phase.CLOSING) {
      this.#requestAt = phase === Phase.LINGER
        ? this.#timeAfter(this.#options.lingerTimeout * LINGER_TIMES)
        : NEVER;
    }
  }

  /** The peer still sends to a connection that lingers. */
  extendLinger(): void {
    this.#readAt = this.#timeAfter(this.#options.lingerTimeout);
  }

  /** A request began that has not arrived as a whole; its deadline runs once. */
  beginRequest(): void {
    if (this.#requestAt !== NEVER) return;
    this.#requestAt = this.#timeAfter(this.#options.requestTimeout);
  }

  /** The request arrived as a whole, body included. */
  completeRequest(): void {
    this.#requestAt = NEVER;
  }

  /**
   * A sweep sees whether a connection had requests since the sweep before. If it
   * is idle, its idle time runs from there: requests that complete at once set no
   * deadline, which keeps them cheap.
   */
  noteRequests(phase: Phase, requests: number): void {
    if (requests === this.#sweptRequests) return;
    this.#sweptRequests = requests;
    if (phase !== Phase.IDLE) return;
    const { previousMs, periodMs } = this.#connections;
    const idleMs = this.#options.idleTimeout;
    this.#readAt = idleMs === Infinity ? NEVER : previousMs + periodMs + idleMs;
  }

  /**
   * The first deadline that has passed; it is reported once.
   *
   * @param halfClosed The exchange of a peer that has ended its direction, and
   * may be gone: only output would show it.
   * @returns An exception if the peer takes no output, so that no response can
   * reach it, or seems to be gone; `null` if no deadline has passed.
   */
  expired(
    nowMs: number,
    phase: Phase,
    output: Output,
    halfClosed: { readonly isAnswered: boolean } | null,
  ): TimedOut | DOMException | null {
    const stalled = this.#stalled(nowMs, output, halfClosed);
    if (stalled !== null) return stalled;
    if (isOver(this.#requestAt, 0, nowMs)) {
      this.#requestAt = NEVER;
      if (phase === Phase.LINGER) return SILENT;
      return fault(
        "REQUEST_TIMEOUT",
        "Cannot read request",
        this.#options.requestTimeout,
        "requestTimeout",
      );
    }
    // An exchange may begin without `enter`, which leaves the time of the phase before.
    if (phase === Phase.EXCHANGE || !isOver(this.#readAt, 0, nowMs)) {
      return null;
    }
    this.#readAt = NEVER;
    return timedOut(phase, this.#durationMs(phase));
  }

  /** A sweep sees how much was sent since the sweep before; writes set no deadline. */
  #stalled(
    nowMs: number,
    { pendingBytes, sentBytes }: Output,
    halfClosed: { readonly isAnswered: boolean } | null,
  ): DOMException | null {
    if (pendingBytes === 0 && halfClosed === null) {
      this.#stall = null;
      return null;
    }
    const isUnanswered = pendingBytes === 0 && halfClosed?.isAnswered === false;
    const progress = isUnanswered ? -this.#sweptRequests : sentBytes;
    if (this.#stall?.progress !== progress) {
      this.#stall = { sinceMs: nowMs, progress };
    }
    const option = isUnanswered ? "halfCloseTimeout" : "writeTimeout";
    const durationMs = this.#options[option];
    if (!isOver(this.#stall.sinceMs, durationMs, nowMs)) return null;
    this.#stall = null;
    const { message } = fault(null, "Cannot send", durationMs, option);
    return new DOMException(message, "TimeoutError");
  }

  /** How long the peer may take in a phase; `Infinity` where nothing is awaited from it. */
  #durationMs(phase: Phase): number {
    switch (phase) {
      case Phase.IDLE:
        return this.#options.idleTimeout;
      case Phase.HEAD:
        return this.#options.headerTimeout;
      case Phase.BODY:
        return this.#options.bodyTimeout;
      case Phase.DRAIN:
        return this.#options.drainTimeout;
      case Phase.LINGER:
        return this.#options.lingerTimeout;
      default:
        return Infinity;
    }
  }

  /** As {@linkcode Connections.after}; an infinite duration never ends. */
  #timeAfter(durationMs: number): number {
    return durationMs === Infinity
      ? NEVER
      : this.#connections.after(durationMs);
  }
}

/** The server's options, which most connections share, or a copy with a connection's own timeouts. */
function withOwn(options: ServerOptions, own: ProceedOptions): ServerOptions {
  const { readTimeoutMs, writeTimeoutMs } = own;
  if (readTimeoutMs === undefined && writeTimeoutMs === undefined) {
    return options;
  }
  return {
    ...options,
    headerTimeout: readTimeoutMs ?? options.headerTimeout,
    idleTimeout: readTimeoutMs ?? options.idleTimeout,
    bodyTimeout: readTimeoutMs ?? options.bodyTimeout,
    writeTimeout: writeTimeoutMs ?? options.writeTimeout,
  };
}

/** Whether more than `durationMs` have passed since a time, if there is one. */
function isOver(timeMs: number, durationMs: number, nowMs: number): boolean {
  return timeMs !== NEVER && nowMs - timeMs > durationMs;
}

/** The end of an idle, draining or lingering connection, which is no fault. */
const SILENT: TimedOut = Object.freeze({
  code: null,
  message: "",
});

/** What it means that a phase's deadline has passed. */
function timedOut(phase: Phase, durationMs: number): TimedOut {
  switch (phase) {
    case Phase.HEAD:
      return fault(
        "HEAD_TIMEOUT",
        "Cannot read request head",
        durationMs,
        "headerTimeout",
      );
    case Phase.BODY:
      return fault(
        "BODY_TIMEOUT",
        "Cannot read body",
        durationMs,
        "bodyTimeout",
      );
    default:
      return SILENT;
  }
}

function fault(
  code: TimedOut["code"],
  what: string,
  durationMs: number,
  option: string,
): TimedOut {
  return {
    code,
    message: `${what}: not done within ${durationMs} ms (${option})`,
  };
}
