/**
 * The parts of an application: its handlers, its hooks for stages of a
 * connection or a request, the actions that hooks can return, and the immutable
 * `Application` that a builder produces.
 */

import type { Addr } from "../codec/socket_address.ts";
import type { ParamNames, Params } from "../router/params.ts";
import type { ProtocolError, ProtocolErrorCode } from "../codec/errors.ts";
import type { Headers } from "../codec/headers.ts";
import type { Router } from "../router/router.ts";
import { shown } from "../codec/shown.ts";
import type { ServerOptions } from "./options.ts";
import type { RequestContext } from "./request_context.ts";
import type { ResponseHandle } from "./response_handle.ts";
import type { Duplex } from "./duplex.ts";
import type { TrustedPeers } from "./proxies/trusted_peers.ts";
import type { TlsIdentity } from "./tls.ts";

/**
 * Responds to a request through `res`, before it returns or before its promise settles.
 *
 * @typeParam RouteParams The params that the route has, such as `Params<"id">`.
 * With `Params`, the default, the handler fits every route, and a param may be
 * missing.
 */
export type Handler<RouteParams extends Params = Params> = (
  ctx: RequestContext<RouteParams>,
  res: ResponseHandle,
) => void | Promise<void>;

/**
 * The handler of a route whose params are typed by the pattern: in a handler of
 * `"/user/:id"`, `ctx.params.get("id")` is a string, and any other name is a type
 * error.
 *
 * @typeParam Pattern The pattern as a string literal.
 */
export type RouteHandler<Pattern extends string> = Handler<
  Params<ParamNames<Pattern>>
>;

/** A handler that fits some routes only, such as one that needs a `**` in the pattern. */
export interface RouteCheckingHandler extends Handler {
  /** Called with pattern and method before the handler is added to a route. Throws if the handler does not fit. */
  readonly checkRoute: (pattern: string, method: string) => void;
}

/** An answer that a handler gives when a promise has settled. */
export class LateAnswer {
  /** Settles before the answer. If it rejects, the handler has failed. */
  readonly outcome: Promise<unknown>;
  /** Answers with the value of the promise. */
  readonly responder: {
    answer(value: unknown): void | Promise<void>;
  };

  /** Creates the answer. */
  constructor(
    outcome: Promise<unknown>,
    responder: LateAnswer["responder"],
  ) {
    this.outcome = outcome;
    this.responder = responder;
  }
}

/** A handler that the server calls in another way when it is the fallback. */
export interface DirectHandler extends Handler {
  readonly direct: DirectCall;
}

/** Like a {@linkcode Handler}, but may return an answer that waits for a promise, without a promise of its own. */
export type DirectCall = (
  ...args: Parameters<Handler>
) => void | Promise<void> | LateAnswer;

/** The result of an accept, for the setup hook: a connection, or the error if the accept failed. */
export type Accepted =
  | {
    readonly ok: true;
    readonly conn: Duplex;
    readonly peer: Addr | null;
  }
  | { readonly ok: false; readonly error: Error };

/** Deadlines of one connection that differ from the server's. */
export interface ProceedOptions {
  /** Used instead of `headerTimeout`, `idleTimeout` and `bodyTimeout`, in ms. */
  readonly readTimeoutMs?: number;
  /** Used instead of `writeTimeout`, in ms. */
  readonly writeTimeoutMs?: number;
}

/** One object for all connections without options of their own, which saves an allocation each. */
const NO_OPTIONS: ProceedOptions = Object.freeze({});

/** The action that a setup hook returns. */
export class ConnectionSetupAction {
  /** Closes the connection; serving continues. */
  static readonly drop: ConnectionSetupAction = new ConnectionSetupAction(
    "drop",
    null,
    NO_OPTIONS,
  );
  /** Closes the connection and ends serving; running requests finish first. */
  static readonly stopAccepting: ConnectionSetupAction =
    new ConnectionSetupAction("stopAccepting", null, NO_OPTIONS);

  /** The kind of action. */
  readonly kind: "proceed" | "drop" | "stopAccepting";
  /** The connection to serve; `null` unless the kind is `"proceed"`. */
  readonly conn: Duplex | null;
  /** Deadlines of this connection that differ from the server's. */
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
   * Serves a connection: the accepted one, or a duplex that wraps or replaces it.
   *
   * @param conn The duplex to read from and write to.
   * @param options Deadlines of this connection that differ from the server's.
   * @throws {RangeError} If a deadline is neither an integer of at least 1 nor `Infinity`.
   */
  static proceed(
    conn: Duplex,
    options: ProceedOptions = NO_OPTIONS,
  ): ConnectionSetupAction {
    if (options !== NO_OPTIONS) checkDeadlines(options);
    return new ConnectionSetupAction("proceed", conn, options);
  }
}

function checkDeadlines(
  { readTimeoutMs, writeTimeoutMs }: ProceedOptions,
): void {
  for (
    const [name, value] of Object.entries({ readTimeoutMs, writeTimeoutMs })
  ) {
    if (value === undefined || value === Infinity) continue;
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new RangeError(
      `Cannot set ${name} to ${
        shown(value)
      }: it must be an integer of at least 1, or Infinity`,
    );
  }
}

/** The actions that a pre-routing hook can return. */
export const PreRoutingAction: {
  /** Routes the request to its handler. */
  readonly proceed: "proceed";
  /** Skips routing. The response that the hook sent is used; without one, the connection closes. */
  readonly drop: "drop";
} = Object.freeze({ proceed: "proceed", drop: "drop" });

/** The action that a pre-routing hook returns. */
export type PreRoutingAction = "proceed" | "drop";

/**
 * Called after each accept, including a failed one. Replaced `read`, `write`
 * and `closeWrite` methods of the connection are used.
 */
export type ConnectionSetupHook = (
  accepted: Accepted,
) => ConnectionSetupAction | Promise<ConnectionSetupAction>;

/** Called for each request before routing; may change the request, or respond to it. */
export type PreRoutingHook = (
  req: RequestContext,
  res: ResponseHandle,
) => PreRoutingAction | Promise<PreRoutingAction>;

/** Called once at the end of each connection that the setup hook accepted, with the error if the connection failed. */
export type ConnectionTeardownHook = (
  conn: Duplex,
  error?: Error,
) => void | Promise<void>;

/**
 * Called when a handler, a pre-routing hook or a response's body fails, and when
 * an answer comes too late. It may respond if the response's head is not sent
 * yet; otherwise what it sends is ignored. Without an error hook, such errors are
 * printed, except those that the peer has caused.
 */
export type ErrorHook = (
  error: unknown,
  ctx: RequestContext,
  res: ResponseHandle,
) => void | Promise<void>;

/** A request that was refused before a handler or a hook saw it. */
export interface Refusal {
  /** Why, with the offset in its message; bytes of the client in it are escaped. */
  readonly error: ProtocolError;
  /** The stable name of the fault, such as `"BODY_TOO_LARGE"`. */
  readonly code: ProtocolErrorCode;
  /** The status that is sent. */
  readonly status: number;
  /** Offset of the fault in the request, in bytes. */
  readonly offset: number;
  /** The connection, which closes after the response. */
  readonly conn: Duplex;
  /** The request line as far as it has arrived, at most 8192 characters, one for each byte. It may contain anything but a line feed: escape it in logs. */
  readonly requestLine: string;
  /** The method, or `null` if the line does not begin with one. */
  readonly method: string | null;
  /** The target, or `null` if it did not arrive completely. It may be invalid. */
  readonly target: string | null;
}

/** The response to a refused request. It is sent when the refusal hook returns. */
export interface RefusalResponse {
  /** The status, which cannot be changed. */
  readonly status: number;
  /** Fields to add. Those for framing and the connection are the server's. */
  readonly headers: Headers;
  /** The body; at first the status' reason phrase. A response to HEAD has none. */
  body: string | Uint8Array;
}

/** Called for each request that is refused before a handler or a hook sees it; may add fields and replace the body. It cannot wait: a promise that it returns delays nothing. */
export type RefusalHook = (
  refusal: Refusal,
  res: RefusalResponse,
) => void | Promise<void>;

/** The hooks of an application; `null` where none is set. */
export interface Hooks {
  readonly connectionSetup: ConnectionSetupHook | null;
  readonly preRouting: PreRoutingHook | null;
  readonly connectionTeardown: ConnectionTeardownHook | null;
  readonly error: ErrorHook | null;
  readonly refusal: RefusalHook | null;
}

/** An application that is ready to serve, the same for every connection and engine. */
export interface Application {
  readonly router: Router<Handler>;
  /** The handler of all requests that match no route, or `null` for automatic responses. */
  readonly fallback: Handler | null;
  /** The handler of requests whose path matches no route, or `null` for an automatic 404. */
  readonly notFound: Handler | null;
  readonly hooks: Hooks;
  readonly options: ServerOptions;
  /** The certificate and key of the listeners, or `null` for clear text. */
  readonly tls: TlsIdentity | null;
  /** The peers whose connections begin with a PROXY header; `null` if connections begin without one. */
  readonly proxies: TrustedPeers | null;
}

/** Throws a `TypeError` if a handler or hook is not a function. */
export function checkFunction(what: string, value: unknown): void {
  if (typeof value === "function") return;
  throw new TypeError(`Cannot set ${what}: it is not a function`);
}

/** Throws a `TypeError` if a handler is not a function or does not fit its route, or no request matches the route. */
export function checkRoute(
  method: string,
  pattern: string,
  handler: unknown,
): void {
  checkFunction("route handler", handler);
  if (pattern === "*" && method !== "OPTIONS") {
    throw new TypeError(
      `Cannot register route "*" for ${method}: only OPTIONS requests have this target (RFC 9112 §3.2.4); write "/**" to match every path`,
    );
  }
  (handler as Partial<RouteCheckingHandler>).checkRoute?.(pattern, method); // a function, as checked
}

/** The error for a not-found handler besides a fallback route. */
export function twoFallbacks(): TypeError {
  return new TypeError(
    "Cannot set both notFound() and fallbackRoute(): the fallback route handles every request without a route, so notFound() would never be called",
  );
}
