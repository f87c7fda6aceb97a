/**
 * Runs one request: the pre-routing hook, the handler, and the error hook for
 * what either of them throws. This file itself answers requests that match no
 * route (RFC 9110 §9.3.7, §15.5.5, §15.5.6, §15.6.2). The exchange writes the
 * responses; the connection decides what comes after them.
 */

import { ProtocolError } from "../../codec/errors.ts";
import { UNKNOWN_ROUTE } from "../../codec/request_head.ts";
import { Status } from "../../codec/status.ts";
import {
  type Application,
  LateAnswer,
  PreRoutingAction,
  type PreRoutingHook,
} from "../hooks.ts";
import { findRoute, pathOf } from "../route_lookup.ts";
import {
  HandlerTimeout,
  reportFailure,
  RequestRefusal,
  runErrorHook,
  statusOf,
} from "../failure_report.ts";
import { toError } from "../to_error.ts";
import type { Exchange } from "./exchange.ts";

/** The result of a run whose hook dropped the request. It is a private symbol, so that no handler can return it. */
const DROPPED: unique symbol = Symbol("DROPPED");

/** The error of a handler that returned without a response. */
class NoResponse extends TypeError {}

/** What hook and handler return; a handler's own return value is ignored. */
type Outcome = void | typeof DROPPED | LateAnswer;

/** What a call of a handler returns. */
type Handled = void | Promise<void> | LateAnswer;

const { NOT_FOUND, METHOD_NOT_ALLOWED, NOT_IMPLEMENTED, OK } = Status;

/**
 * Calls the pre-routing hook, if there is one, and the handler.
 *
 * perf: rare cases are in separate functions, here and in the connection, since
 * V8 inlines the functions that each request runs only while they are short
 * (bench/machine_bench.ts).
 */
export function runExchange(exchange: Exchange): void {
  let outcome: Outcome | Promise<Outcome>;
  try {
    const hook = exchange.owner.context.app.hooks.preRouting;
    outcome = hook === null ? callHandler(exchange) : callHook(exchange, hook);
  } catch (error) {
    failExchange(exchange, error);
    return;
  }
  if (outcome === undefined && exchange.isAnswered) exchange.settle();
  else conclude(exchange, outcome);
}

function callHook(
  exchange: Exchange,
  hook: PreRoutingHook,
): Outcome | Promise<Outcome> {
  const action = hook(exchange.ctx, exchange.res);
  if (action instanceof Promise) {
    return action.then((settled) => afterHook(exchange, settled));
  }
  return afterHook(exchange, action);
}

function afterHook(
  exchange: Exchange,
  action: PreRoutingAction,
): Outcome | Promise<Outcome> {
  if (action === PreRoutingAction.drop) return DROPPED;
  if (action !== PreRoutingAction.proceed) {
    throw new TypeError(
      "Cannot route request: the pre-routing hook returned no PreRoutingAction",
    );
  }
  return callHandler(exchange);
}

function callHandler(exchange: Exchange): Handled {
  const { ctx, head } = exchange;
  if (head === null || head.route <= 0 || ctx.isRewritten) {
    return routeRequest(exchange);
  }
  // perf: the scanner that parsed the head has already found its literal route,
  // which reduces the time of a request to 0.86 times (bench/machine_bench.ts,
  // Deno 2.9).
  const handler = exchange.owner.context.handlers[head.route - 1]!; // routes count from 1
  return handler(ctx, exchange.res);
}

/** Finds the request's route and calls its handler, or the fallback. */
function routeRequest(exchange: Exchange): Handled {
  const { app, handlers, fallback, onlyHandler } = exchange.owner.context;
  const { router } = app;
  const { ctx, head, res } = exchange;
  // perf: 0.86 times the instructions of a request (bench/machine_bench.ts,
  // fetch-hello, Deno 2.9).
  if (onlyHandler !== null) return onlyHandler(ctx, res);
  const hasScannerLooked = handlers.length > 0 && head?.route !== UNKNOWN_ROUTE;
  if (
    !ctx.isRewritten && head !== null && !hasScannerLooked && head.isOriginForm
  ) {
    // perf: finds a literal route by the bytes of the path, in 0.5 to 0.6 times
    // the time that it takes with a string (bench/router_bench.ts, Deno 2.9).
    const { bytes, base } = head;
    const literal = router.matchLiteral(
      ctx.method,
      bytes,
      base + head.methodEnd + 1,
      base + head.pathEnd,
    );
    if (literal !== undefined) return literal.value(ctx, res);
  }
  const { method } = ctx;
  const path = findPath(exchange);
  const match = findRoute(app, method, path);
  if (match !== undefined) {
    exchange.params = match.params;
    return match.value(ctx, res);
  }
  if (fallback !== null) return fallback(ctx, res);
  return answerUnmatched(exchange, path);
}

/** Returns the path to match against the routes, if possible without parsing the other parts of the target. */
function findPath(exchange: Exchange): string {
  const { ctx, head } = exchange;
  if (!ctx.isRewritten && head !== null && head.isOriginForm) {
    return head.originPath;
  }
  return pathOf(ctx.uri);
}

/**
 * Answers a request that no route matches.
 *
 * Vulnerability scanners send many of them. So a plain 404 creates neither an
 * `Allow` list nor a closure, and is sent as a constant response.
 */
function answerUnmatched(
  exchange: Exchange,
  path: string,
): void | Promise<void> {
  const { app } = exchange.owner.context;
  const { ctx } = exchange;
  const { method } = ctx;
  const isOptions = method === "OPTIONS";
  if (isOptions && path === "*") {
    exchange.respond(OK, null, undefined);
    return;
  }
  const routed = app.router.methodsFor(path);
  if (isOptions && routed.length > 0) {
    exchange.respond(OK, null, { allow: allowList(routed) });
  } else if (!isOptions && !isImplemented(app, method)) {
    exchange.respond(NOT_IMPLEMENTED, NOT_IMPLEMENTED.reason, undefined);
  } else if (routed.length > 0) {
    const { reason } = METHOD_NOT_ALLOWED;
    const allow = allowList(routed);
    exchange.respond(METHOD_NOT_ALLOWED, reason, { allow });
  } else if (app.notFound !== null) {
    return app.notFound(ctx, exchange.res);
  } else exchange.respond(NOT_FOUND, NOT_FOUND.reason, undefined);
}

/** Returns whether the server implements a method; TRACE and CONNECT need a route (RFC 9110 §9.1, §9.3.6, §9.3.8). */
function isImplemented(app: Application, method: string): boolean {
  return STANDARD_METHODS.has(method) || app.router.knowsMethod(method);
}

const STANDARD_METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);

/** The value of `Allow`: the methods with a route and those that the server adds (RFC 9110 §10.2.1). */
function allowList(routed: readonly string[]): string {
  const methods = new Set(routed);
  if (methods.has("GET")) methods.add("HEAD");
  methods.add("OPTIONS");
  return [...methods].sort().join(", ");
}

/** Handles a promise, or a handler that returned without a response. */
function conclude(
  exchange: Exchange,
  outcome: Outcome | Promise<Outcome>,
): void {
  if (!(outcome instanceof Promise)) {
    finishRun(exchange, outcome);
    return;
  }
  // perf: no promise for the end of the reactions, and so no third reaction
  // (bench/machine_bench.ts, post-json, Deno 2.9).
  outcome.then(
    (settled) => conclusively(exchange, finishRun, settled),
    (error) => conclusively(exchange, failExchange, error),
  );
}

/** Takes a step at the end of a run. An internal error closes only this connection. */
function conclusively<T>(
  exchange: Exchange,
  step: (exchange: Exchange, value: T) => void,
  value: T,
): void {
  try {
    step(exchange, value);
  } catch (error) {
    exchange.owner.fail(toError(error));
  }
}

function finishRun(exchange: Exchange, outcome: Outcome): void {
  if (outcome !== undefined && outcome instanceof LateAnswer) {
    awaitAnswer(exchange, outcome);
    return;
  }
  exchange.settle();
  if (exchange.isDetached) return; // the response was complete before the handler settled
  if (exchange.isAnswered) exchange.owner.exchangeProgressed();
  else if (outcome === DROPPED) exchange.owner.abandon(exchange);
  else {
    failExchange(
      exchange,
      new NoResponse(
        "Cannot complete request: the handler sent no response; call res.ok() or another method of res, and return or await what is asynchronous",
      ),
    );
  }
}

/**
 * Answers when a promise settles.
 *
 * perf: one reaction answers and ends the exchange. If the handler had returned a
 * promise of its answer, that promise would have another reaction, and the
 * connection would continue twice: 0.97 times the instructions of a request
 * (bench/machine_bench.ts, fetch-json-post, Deno 2.9).
 */
function awaitAnswer(
  exchange: Exchange,
  { outcome, responder }: LateAnswer,
): void {
  outcome.then(
    (value) => answerWith(exchange, responder, value),
    (error) => conclusively(exchange, failExchange, error),
  );
}

/** Answers with the value of a promise. The handler counts as settled, so that the response ends the exchange, unless its answer is a promise too. */
function answerWith(
  exchange: Exchange,
  responder: LateAnswer["responder"],
  value: unknown,
): void {
  const isFirst = !exchange.isAnswered; // a second answer fails, as while the handler runs
  if (isFirst) exchange.settle();
  let outcome: void | Promise<void>;
  try {
    outcome = responder.answer(value);
  } catch (error) {
    conclusively(exchange, failExchange, error);
    return;
  }
  if (outcome instanceof Promise && isFirst) exchange.unsettle();
  conclusively(exchange, conclude, outcome);
}

/**
 * Handles what a hook, a handler or a streamed body threw: calls the error
 * hook, then answers with the status that the error means, or with 500.
 * Once the head is sent, no answer is possible.
 */
export function failExchange(exchange: Exchange, error: unknown): void {
  exchange.settle();
  exchange.retainHead();
  if (error instanceof ProtocolError || error instanceof HandlerTimeout) {
    exchange.requireClose();
  }
  // If the head of a stream is unsent, the error response replaces the stream.
  if (exchange.isAnswered && !exchange.isHeadSent) {
    exchange.retract(toError(error));
  }
  const answer = (): void => answerFailure(exchange, error);
  const rare = exchange.rare();
  // The hook is called once: its own response may fail too, and so could every
  // later one.
  const hook = rare.isHookAsked ? null : exchange.owner.context.app.hooks.error;
  if (hook === null) {
    reportFailure(exchange, error);
    return answer();
  }
  rare.isHookAsked = !exchange.isAnswered;
  const outcome = runErrorHook(exchange, hook, error);
  if (!(outcome instanceof Promise)) return answer();
  outcome.then(answer)
    .catch((failure) => exchange.owner.fail(toError(failure))); // an internal error closes only this connection
}

function answerFailure(exchange: Exchange, error: unknown): void {
  if (exchange.isTakenOver) {
    exchange.owner.fail(toError(error)); // the handler that took the connection over has failed
    return;
  }
  if (exchange.isDetached) return;
  if (!exchange.isAnswered) {
    const status = Status.of(statusOf(error));
    exchange.rare().answerReason = ` because ${reasonOf(error)}`;
    if (error instanceof RequestRefusal) {
      exchange.respond(status, error.body, error.fields);
    } else exchange.respond(status, status.reason, undefined);
  }
  exchange.owner.exchangeProgressed();
}

/** Why the server responds with an error, for the report of a response that comes too late. */
function reasonOf(error: unknown): string {
  if (error instanceof HandlerTimeout) {
    return "the handler took longer than handlerTimeout";
  }
  return error instanceof NoResponse
    ? "the handler returned without sending; return or await the promise"
    : "of an error";
}
