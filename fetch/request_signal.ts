/**
 * The `signal` of one request. The connection's signal also aborts when a client
 * closes after its response, and is the same for all requests of the connection.
 * This one belongs to a request, and never aborts after its response was sent.
 */

import type { FetchExchange } from "./fetch_exchange.ts";

/** Makes a signal that aborts if the client leaves before its response was sent. */
export function requestSignal({ ctx, res }: FetchExchange): AbortSignal {
  const connection = ctx.signal;
  const controller = new AbortController();
  if (connection.aborted) {
    if (!res.isSent) controller.abort(connection.reason);
    return controller.signal;
  }
  let isSent = false;
  // The response may be sent and the client gone before a promise says so, so
  // that the promise is given a turn to do it first.
  const abort = (): void =>
    queueMicrotask(() => {
      if (!isSent) controller.abort(connection.reason);
    });
  connection.addEventListener("abort", abort, { once: true });
  const forget = (): void => connection.removeEventListener("abort", abort);
  res.sent.then(() => {
    isSent = true;
    forget();
  }, forget);
  return controller.signal;
}
