/**
 * The points of a connection's and a request's life at which an application
 * can step in, and the answers it can give there.
 */

import type { RequestContext } from "./request_context.ts";
import type { ResponseHandle } from "./response_handle.ts";
import type { Duplex } from "./duplex.ts";

/** Answers a request: by `res` before it returns, or before its promise settles. */
export type Handler = (
  ctx: RequestContext,
  res: ResponseHandle,
) => void | Promise<void>;

/** What the setup hook is told: a connection, or why accepting one failed. */
export type Accepted =
  | {
    readonly ok: true;
    readonly conn: Duplex;
    readonly peer: Deno.Addr | null;
  }
  | { readonly ok: false; readonly error: Error };

/** How a connection that setup let in differs from the others. */
export interface ProceedOptions {
  /** Takes the place of `headerTimeout`, `idleTimeout` and `bodyTimeout`, in ms. */
  readonly readTimeoutMs?: number;
  /** Takes the place of `writeTimeout`, in ms. */
  readonly writeTimeoutMs?: number;
}

/** In place of options of one's own: connections keep them. */
const NO_OPTIONS: ProceedOptions = Object.freeze({});

/** A setup hook's answer. */
export class ConnectionSetupAction {
  /** Closes the socket; serving goes on. */
  static readonly drop: ConnectionSetupAction = new ConnectionSetupAction(
    "drop",
    null,
    NO_OPTIONS,
  );
  /** Closes the socket and ends serving once running work is done. */
  static readonly stopAccepting: ConnectionSetupAction =
    new ConnectionSetupAction("stopAccepting", null, NO_OPTIONS);

  /** What to do. */
  readonly kind: "proceed" | "drop" | "stopAccepting";
  /** The connection to serve, if there is one. */
  readonly conn: Duplex | null;
  /** Connections of this connection. */
  readonly options: ProceedOptions;

  private constructor(
    kind: "proceed" | "drop" | "stopAccepting",
    conn: Duplex | null,
    options: ProceedOptions,
  ) {
    this.kind = kind;
    this.conn = conn;
    this.options = options;
  }

  /**
   * Serves a connection: the accepted one, or another in its place.
   *
   * @param conn What to read from and write to.
   * @param options Connections of this connection that differ from the server's.
   */
  static proceed(
    conn: Duplex,
    options: ProceedOptions = NO_OPTIONS,
  ): ConnectionSetupAction {
    return new ConnectionSetupAction("proceed", conn, options);
  }
}

/** A pre-routing hook's answers. */
export const PreRoutingAction: {
  /** Routes the request. */
  readonly proceed: "proceed";
  /** Takes the request as done: with the response that the hook sent, or, without one, by closing. */
  readonly drop: "drop";
} = Object.freeze({ proceed: "proceed", drop: "drop" });

/** A pre-routing hook's answer. */
export type PreRoutingAction = "proceed" | "drop";

/** Called for each accept, failed ones too. */
export type ConnectionSetupHook = (
  accepted: Accepted,
) => ConnectionSetupAction | Promise<ConnectionSetupAction>;

/** Called for each parsed request before routing; may change it, or answer it. */
export type PreRoutingHook = (
  req: RequestContext,
  res: ResponseHandle,
) => PreRoutingAction | Promise<PreRoutingAction>;

/** Called once for each connection that setup let in, with how it ended. */
export type ConnectionTeardownHook = (
  conn: Duplex,
  error?: Error,
) => void | Promise<void>;

/** Called when a handler or a response's body throws; may answer while the head is unsent. */
export type ErrorHook = (
  error: unknown,
  ctx: RequestContext,
  res: ResponseHandle,
) => void | Promise<void>;
