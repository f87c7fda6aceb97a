/**
 * Where an error of a request goes: to the application's error hook, or to the
 * server's reporter if there is none, so that no error is lost in silence. What
 * the peer has caused is not reported: a client must not be able to fill a log.
 */

import { BodySyntaxError, ProtocolError } from "../codec/errors.ts";
import { ParamDecodingError } from "../router/params.ts";
import type { RequestContext } from "./request_context.ts";
import type { ResponseHandle } from "./response_handle.ts";

/** Reports an error that reaches no caller; `what` says what it ended, as in `GET /x`. */
export type Report = (error: unknown, what?: string) => void;

/** As in `hooks.ts`; see {@linkcode ErrorHook} there. */
type ErrorHook = (
  error: unknown,
  ctx: RequestContext,
  res: ResponseHandle,
) => void | Promise<void>;

/** What a report needs of an exchange. */
export interface FailedExchange {
  readonly ctx: RequestContext;
  readonly res: ResponseHandle;
  readonly owner: {
    readonly context: {
      readonly app: { readonly hooks: { readonly error: ErrorHook | null } };
      readonly report: Report;
    };
    abortSignal(): AbortSignal;
  };
  rare(): {
    /** Whether the error hook runs. */
    isHookRunning: boolean;
    /** Errors that were reported: a handler may reject with one that the server has made. */
    readonly reported: unknown[];
  };
}

/** Longest part of a target in a report, in characters. */
const MAX_TARGET_LENGTH = 256;

/** The status that says whose fault an error is; the server's own, unless the request is known to cause it. */
export function statusOf(error: unknown): number {
  if (error instanceof ParamDecodingError) return 400;
  if (error instanceof BodySyntaxError) return 400;
  if (error instanceof HandlerTimeout) return 503;
  if (error instanceof RequestRefusal) return error.status;
  return error instanceof ProtocolError && error.status < 500
    ? error.status
    : 500;
}

/** The error of a handler that took longer than `handlerTimeout`. */
export class HandlerTimeout extends DOMException {
  /** Creates the error for a limit in ms. */
  constructor(limitMs: number) {
    super(
      `Cannot complete request: the handler sent no response within ${limitMs} ms (handlerTimeout)`,
      "TimeoutError",
    );
  }
}

/**
 * The error of a function that a handler calls, such as `upgradeWebSocket()`, if
 * the request does not suit it. It contains the response that the client gets if
 * neither the handler nor the error hook sends one.
 */
export class RequestRefusal extends TypeError {
  /** A status below 500. */
  readonly status: number;
  /** The fields of the response. */
  readonly fields: Readonly<Record<string, string>>;
  /** The body of the response. */
  readonly body: string;

  /** Creates the error for a response. */
  constructor(
    message: string,
    response: Pick<RequestRefusal, "status" | "fields" | "body">,
  ) {
    super(message);
    this.status = response.status;
    this.fields = response.fields;
    this.body = response.body;
  }
}

/** Names a request, as in `GET /x`, as long as it can be read. */
export function nameRequest(ctx: RequestContext): string {
  try {
    const target = ctx.uri.toString();
    const shown = target.slice(0, MAX_TARGET_LENGTH)
      .replace(/[^\x21-\x7e]/g, encodeURIComponent);
    return `${ctx.method} ${shown}${shown.length < target.length ? "…" : ""}`;
  } catch {
    return "the request"; // its head is gone
  }
}

/** Reports an error without the error hook, unless the peer caused it or the connection's end did. */
export function reportFailure(exchange: FailedExchange, error: unknown): void {
  const { reported } = exchange.rare();
  if (statusOf(error) < 500 || reported.includes(error)) return;
  if (isAbort(exchange, error)) return;
  reported.push(error);
  exchange.owner.context.report(error, nameRequest(exchange.ctx));
}

/** Whether the error is that of the request's signal, which the handler has passed on. */
function isAbort({ owner }: FailedExchange, error: unknown): boolean {
  const { aborted, reason } = owner.abortSignal();
  return aborted && (error === reason ||
    error instanceof DOMException && error.name === "AbortError");
}

/**
 * Calls the error hook. What the hook throws is reported, and the error that it
 * was called with too, since the hook may not have come to it.
 *
 * @returns A promise if the hook returned one; it never rejects.
 */
export function runErrorHook(
  exchange: FailedExchange,
  hook: ErrorHook,
  error: unknown,
): void | Promise<void> {
  const rare = exchange.rare();
  const failed = (thrown: unknown): void => {
    rare.isHookRunning = false;
    const { report } = exchange.owner.context;
    report(thrown, `the error hook for ${nameRequest(exchange.ctx)}`);
    rare.reported.splice(0);
    if (thrown !== error) reportFailure(exchange, error);
  };
  rare.isHookRunning = true;
  rare.reported.push(error);
  try {
    const outcome = hook(error, exchange.ctx, exchange.res);
    if (outcome instanceof Promise) {
      return outcome.then(() => void (rare.isHookRunning = false), failed);
    }
    rare.isHookRunning = false;
  } catch (thrown) {
    failed(thrown);
  }
}
