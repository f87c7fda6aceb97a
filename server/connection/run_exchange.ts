/**
 * Runs hook and handler of one exchange, now or over several turns, and turns
 * what they throw into the error hook's call and an answer.
 */

import { ProtocolError } from "../../codec/errors.ts";
import type { Application } from "../application.ts";
import { dispatch, DROPPED, type Outcome } from "./dispatch.ts";
import type { Exchange } from "./exchange.ts";
import type { EngineContext } from "./engine_context.ts";
import { toError } from "../to_error.ts";

/** What a run asks of the connection. */
export interface RunOwner {
  /** The response, the handler or the body came to an end. */
  exchangeProgressed(): void;
  /** Ends the connection: a hook dropped the request without an answer. */
  abandon(exchange: Exchange): void;
  /** Ends the connection: something of ours is broken. */
  fail(error: Error): void;
}

// perf: an import is looked up at each use, a constant is not (bench/server.ts, GET /).
const handle: typeof dispatch = dispatch;

/**
 * Calls hook and handler.
 *
 * perf: what is not the usual way stands in functions of its own, here, in
 * `dispatch.ts` and in the connection: V8 joins a request's functions to one only
 * while they are short (bench/server.ts, GET /).
 */
export function runExchange(
  context: EngineContext,
  exchange: Exchange,
  owner: RunOwner,
): void {
  let outcome: Outcome | Promise<Outcome>;
  try {
    outcome = handle(context, exchange);
  } catch (error) {
    failExchange(context.app, exchange, owner, error);
    return;
  }
  if (outcome === undefined && exchange.isAnswered) exchange.settle();
  else conclude(context.app, exchange, owner, outcome);
}

/** What a promise comes to, or a handler that has not answered. */
function conclude(
  app: Application,
  exchange: Exchange,
  owner: RunOwner,
  outcome: Outcome | Promise<Outcome>,
): void {
  if (!(outcome instanceof Promise)) {
    settle(app, exchange, owner, outcome);
    return;
  }
  outcome.then(
    (settled) => settle(app, exchange, owner, settled),
    (error) => failExchange(app, exchange, owner, error),
  ).catch((error) => owner.fail(toError(error))); // a bug of ours ends one connection
}

/** Error hook, then the status that the error carries or 500; after the head nothing can be answered. */
export function failExchange(
  app: Application,
  exchange: Exchange,
  owner: RunOwner,
  error: unknown,
): void {
  exchange.settle();
  exchange.retainHead();
  if (error instanceof ProtocolError) exchange.endConnection();
  // A stream may have been begun of which nothing was sent yet.
  if (exchange.isAnswered && !exchange.isHeadSent) {
    exchange.retract(toError(error));
  }
  const answer = (): void => answerFailure(exchange, owner, error);
  // The hook's own answer may fail as well, and so might all further ones.
  const hook = exchange.unusual.isHookAsked ? null : app.hooks.error;
  if (hook === null) return answer();
  exchange.unusual.isHookAsked = !exchange.isAnswered;
  let outcome: void | Promise<void>;
  try {
    outcome = hook(error, exchange.ctx, exchange.res);
  } catch {
    outcome = undefined; // the first error decides the answer
  }
  if (!(outcome instanceof Promise)) return answer();
  outcome.then(answer, answer) // as above
    .catch((failure) => owner.fail(toError(failure))); // a bug of ours ends one connection
}

function settle(
  app: Application,
  exchange: Exchange,
  owner: RunOwner,
  outcome: Outcome,
): void {
  exchange.settle();
  if (exchange.isDetached) return; // answered, over, and done late
  if (exchange.isAnswered) owner.exchangeProgressed();
  else if (outcome === DROPPED) owner.abandon(exchange);
  else {
    failExchange(
      app,
      exchange,
      owner,
      new TypeError("Cannot complete request: the handler sent no response"),
    );
  }
}

function answerFailure(
  exchange: Exchange,
  owner: RunOwner,
  error: unknown,
): void {
  if (exchange.isTakenOver) {
    owner.fail(toError(error)); // whoever owned the connection is gone
    return;
  }
  if (exchange.isDetached) return;
  if (!exchange.isAnswered) {
    const status = error instanceof ProtocolError && error.status < 500
      ? error.status
      : 500;
    exchange.respond(status, null, undefined);
  }
  owner.exchangeProgressed();
}
