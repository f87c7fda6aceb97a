/**
 * The deadlines of one connection as plain numbers: one for what the current
 * phase expects from the peer, one for the whole request, and one for output
 * that does not progress (RFC 9112 §9.5). There is no timer here:
 * {@linkcode Connections} sweeps over all connections and asks each which
 * deadline has passed.
 *
 * Times are whole milliseconds, which V8 stores in the object itself; it would
 * allocate a fractional number at each change. {@linkcode NEVER} stands for no
 * deadline.
 */

import { HandlerTimeout } from "../failure_report.ts";
import type { ProceedOptions } from "../hooks.ts";
import type { ServerOptions } from "../options.ts";
import type { Connections } from "./connections.ts";
import type { EngineContext } from "./engine_context.ts";
import type { Output } from "./output.ts";
import { Phase } from "./phase.ts";

/** Used instead of a time if there is no deadline. */
const NEVER = -1;

/** The meaning of a passed deadline. */
export interface TimedOut {
  /** The error's code, or `null` if the connection closes without a response. */
  readonly code: "HEAD_TIMEOUT" | "BODY_TIMEOUT" | "REQUEST_TIMEOUT" | null;
  /** What the server waited for, how long, and which option sets the limit. */
  readonly message: string;
}

/** A connection whose output does not progress, or whose peer has ended its direction and has no output to receive. */
interface Stall {
  /** When a sweep first saw it, in ms. */
  readonly sinceMs: number;
  /**
   * What must change to end the stall: the count of sent bytes, or, before a
   * response has begun, the negative count of requests.
   */
  readonly progress: number;
}

/** The connection lingers for at most this many times `lingerTimeout`. */
const LINGER_TIMES = 6;

/** One connection's deadlines. */
export class Deadlines {
  #connections: Connections;
  /** The server's options, with this connection's own timeouts. */
  #options: ServerOptions;
  #bornMs: number;
  /** Until when the peer must send what the phase waits for. */
  #readAt: number;
  #requestAt = NEVER;
  /** The stall that the last sweep found. */
  #stall: Stall | null = null;
  /** The handler that the last sweep found without a response: since when, and the count of requests with it. */
  #handler: { readonly sinceMs: number; readonly request: number } | null =
    null;
  /** How many requests there had been at the last sweep. */
  #sweptRequests = 0;

  /**
   * Begins with the deadline of the first request. It is `headerTimeout`, not
   * the longer `idleTimeout`, for a peer that connects and sends nothing.
   */
  constructor({ connections, app }: EngineContext, own: ProceedOptions) {
    this.#connections = connections;
    this.#options = withOwn(app.options, own);
    this.#bornMs = connections.nowMs;
    this.#readAt = this.#timeAfter(this.#options.headerTimeout);
  }

  /** Returns whether the connection is older than `maxConnectionAge`. */
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

  /** Extends the deadline of a lingering connection whose peer still sends. */
  extendLinger(): void {
    this.#readAt = this.#timeAfter(this.#options.lingerTimeout);
  }

  /** A request has begun but not arrived completely. Starts `requestTimeout`, unless it runs already. */
  beginRequest(): void {
    if (this.#requestAt !== NEVER) return;
    this.#requestAt = this.#timeAfter(this.#options.requestTimeout);
  }

  /** The request has arrived completely, including its body. */
  completeRequest(): void {
    this.#requestAt = NEVER;
  }

  /**
   * Restarts the idle timeout of an idle connection that had requests since the
   * last sweep. Requests that complete synchronously set no deadline
   * themselves, which keeps them cheap.
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
   * Returns the first deadline that has passed, and reports each only once.
   *
   * @param halfClosed The exchange of a peer that has ended its direction. Such
   * a peer may be gone, and only sending to it would show that.
   * @returns An exception if the peer accepts no output or seems to be gone, so
   * that no response can reach it; `null` if no deadline has passed.
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
    // An exchange may begin without `enter`; then `#readAt` is still that of
    // the previous phase.
    if (phase === Phase.EXCHANGE || !isOver(this.#readAt, 0, nowMs)) {
      return null;
    }
    this.#readAt = NEVER;
    return timedOut(phase, this.#durationMs(phase));
  }

  /**
   * The error of a handler that takes too long, which is reported once, or `null`.
   * A sweep sees for how long the same handler has had no response.
   *
   * @param exchange The exchange that is in progress, if there is one.
   */
  lateHandler(
    nowMs: number,
    phase: Phase,
    exchange: { readonly isAnswered: boolean } | null,
  ): HandlerTimeout | null {
    const limitMs = this.#options.handlerTimeout;
    if (limitMs === Infinity) return null;
    const request = this.#sweptRequests;
    if (exchange === null || exchange.isAnswered) this.#handler = null;
    else if (this.#handler?.request !== request || phase === Phase.BODY) {
      this.#handler = { sinceMs: nowMs, request };
    } else if (isOver(this.#handler.sinceMs, limitMs, nowMs)) {
      this.#handler = null;
      return new HandlerTimeout(limitMs);
    }
    return null;
  }

  /** Compares the bytes sent with those of the last sweep. Writes set no deadline themselves. */
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

  /** How long the peer may take in a phase; `Infinity` if the connection does not wait for the peer. */
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

  /** Like {@linkcode Connections.after}, but gives {@linkcode NEVER} for `Infinity`. */
  #timeAfter(durationMs: number): number {
    return durationMs === Infinity
      ? NEVER
      : this.#connections.after(durationMs);
  }
}

/** Returns the server's options, or a copy of them if the connection has its own timeouts. */
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

/** Whether more than `durationMs` have passed since a time; never for {@linkcode NEVER}. */
function isOver(timeMs: number, durationMs: number, nowMs: number): boolean {
  return timeMs !== NEVER && nowMs - timeMs > durationMs;
}

/** An idle, draining or lingering connection ends without a response. This is not a fault. */
const SILENT: TimedOut = Object.freeze({
  code: null,
  message: "",
});

/** What a passed deadline means in each phase. */
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
