/**
 * The deadlines of one connection as plain numbers: one for what is awaited
 * from the peer, one for the whole request, one for a write without progress
 * (RFC 9112 §9.5). Times are whole milliseconds and {@linkcode NEVER} stands for
 * no time: whole numbers are part of the object, all others live beside it.
 */

import type { Connections } from "./connections.ts";
import type { ProceedOptions } from "../hooks.ts";
import type { ServerOptions } from "../options.ts";

/** In place of a time: nothing is awaited. */
const NEVER = -1;

/** What a passed deadline means. */
export interface TimedOut {
  /** Whether the connection ends without an answer. */
  readonly isSilent: boolean;
  /** The error's code, or `null` if nobody can be answered. */
  readonly code: "HEAD_TIMEOUT" | "BODY_TIMEOUT" | "REQUEST_TIMEOUT" | null;
  /** What was awaited, how long, and the option. */
  readonly message: string;
}

/** What the read deadline stands for. */
type Awaited = "nothing" | "request" | "head" | "body" | "drain" | "end";

/** A write that makes no progress. */
interface Stall {
  /** When that was seen first, in ms. */
  readonly sinceMs: number;
  /** Bytes that had gone out by then. */
  readonly sentBytes: number;
}

/** One connection's deadlines. */
export class Deadlines {
  #connections: Connections;
  /** The server's options, with what this connection has in their place. */
  #options: ServerOptions;
  #bornMs: number;
  #awaited: Awaited = "request";
  #readAt: number;
  #requestAt = NEVER;
  /** The write that the last sweep saw waiting. */
  #stall: Stall | null = null;

  /** Starts to wait for the first request. */
  constructor(
    connections: Connections,
    options: ServerOptions,
    own: ProceedOptions,
  ) {
    this.#connections = connections;
    this.#options = withOwn(options, own);
    this.#bornMs = connections.nowMs;
    // A connection that never says anything does not get the time of an idle one.
    this.#readAt = timeAfter(connections, this.#options.headerTimeout);
  }

  /** Says whether the connection is older than that. */
  isOlderThan(ageMs: number): boolean {
    return this.#connections.nowMs - this.#bornMs > ageMs;
  }

  /** The next request may begin. */
  beginIdle(): void {
    this.#await("request", this.#options.idleTimeout);
    this.#requestAt = NEVER;
  }

  /**
   * Sees at a sweep that requests came and went since the one before: the time
   * of an idle connection runs from there. A request itself costs nothing here.
   */
  noteRequests(): void {
    if (this.#awaited !== "request") return;
    const { previousMs, periodMs } = this.#connections;
    const idleMs = this.#options.idleTimeout;
    this.#readAt = idleMs === Infinity ? NEVER : previousMs + periodMs + idleMs;
  }

  /** A head began: a deadline, not an inactivity, so that progress does not move it. */
  beginHead(): void {
    this.#await("head", this.#options.headerTimeout);
    this.#requestAt = timeAfter(
      this.#connections,
      this.#options.requestTimeout,
    );
  }

  /** A head is complete. */
  beginExchange(hasBody: boolean): void {
    this.#awaited = "nothing";
    this.#readAt = NEVER;
    if (!hasBody) this.#requestAt = NEVER;
    else if (this.#requestAt === NEVER) {
      this.#requestAt = timeAfter(
        this.#connections,
        this.#options.requestTimeout,
      );
    }
  }

  /** A reader waits for the body. */
  awaitBody(): void {
    this.#await("body", this.#options.bodyTimeout);
  }

  /** The reader got something. */
  bodyProgressed(): void {
    if (this.#awaited === "body") this.beginExchange(true);
  }

  /** The body is complete. */
  bodyDone(): void {
    if (this.#awaited === "body") this.beginExchange(false);
    this.#requestAt = NEVER;
  }

  /** The rest of a body is dropped. */
  beginDrain(): void {
    this.#await("drain", this.#options.drainTimeout);
  }

  /** The connection closes once its output was sent. */
  beginClosing(): void {
    this.#awaited = "nothing";
    this.#readAt = NEVER;
    this.#requestAt = NEVER;
  }

  /** Our direction is closed; the peer may close its own. */
  beginLinger(): void {
    this.#await("end", this.#options.drainTimeout);
  }

  /** Whether nothing but the next request is awaited. */
  get awaitsRequest(): boolean {
    return this.#awaited === "request";
  }

  /**
   * Notes whether output goes out. Seen at sweeps only, so that a write costs
   * nothing here.
   *
   * @param sentBytes How many bytes went out so far.
   */
  noteWrites(nowMs: number, isPending: boolean, sentBytes: number): void {
    if (!isPending) this.#stall = null;
    else if (this.#stall?.sentBytes !== sentBytes) {
      this.#stall = { sinceMs: nowMs, sentBytes };
    }
  }

  /** The first deadline that has passed, which then is none any more. */
  expired(nowMs: number): TimedOut | null {
    const { writeTimeout } = this.#options;
    if (isOver(this.#stall?.sinceMs ?? NEVER, writeTimeout, nowMs)) {
      this.#stall = null;
      return fault(null, "Cannot send", writeTimeout, "writeTimeout");
    }
    if (isOver(this.#requestAt, 0, nowMs)) {
      this.#requestAt = NEVER;
      const { requestTimeout } = this.#options;
      return fault(
        "REQUEST_TIMEOUT",
        "Cannot read request",
        requestTimeout,
        "requestTimeout",
      );
    }
    if (!isOver(this.#readAt, 0, nowMs)) return null;
    this.#readAt = NEVER;
    switch (this.#awaited) {
      case "head":
        return fault(
          "HEAD_TIMEOUT",
          "Cannot read request head",
          this.#options.headerTimeout,
          "headerTimeout",
        );
      case "body":
        return fault(
          "BODY_TIMEOUT",
          "Cannot read body",
          this.#options.bodyTimeout,
          "bodyTimeout",
        );
      default:
        return SILENT;
    }
  }

  #await(awaited: Awaited, durationMs: number): void {
    this.#awaited = awaited;
    this.#readAt = timeAfter(this.#connections, durationMs);
  }
}

/** Most connections share the server's options. */
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

/** Whether it is more than `durationMs` since a time, if that is one. */
function isOver(timeMs: number, durationMs: number, nowMs: number): boolean {
  return timeMs !== NEVER && nowMs - timeMs > durationMs;
}

/** As {@linkcode Connections.after}; an infinite duration never ends. */
function timeAfter(connections: Connections, durationMs: number): number {
  return durationMs === Infinity ? NEVER : connections.after(durationMs);
}

/** The end of an idle, draining or closing connection is no fault. */
const SILENT: TimedOut = Object.freeze({
  isSilent: true,
  code: null,
  message: "",
});

function fault(
  code: TimedOut["code"],
  what: string,
  durationMs: number,
  option: string,
): TimedOut {
  return {
    isSilent: false,
    code,
    message: `${what}: not done within ${durationMs} ms (${option})`,
  };
}
