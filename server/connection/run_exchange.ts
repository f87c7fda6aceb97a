/**
 * Runs one request: pre-routing hook, handler, and the error hook for what
 * either of them throws. Answers requests that no route matches itself
 * (RFC 9110 §9.3.7, §15.5.5, §15.5.6, §15.6.2). The exchange writes the
 * responses; the connection decides what comes after them.
 */

import { ProtocolError } from "../../codec/errors.ts";
import { UNKNOWN_ROUTE } from "../../codec/request_head.ts";
import { Status } from "../../codec/status.ts";
import {
  type Application,
  PreRoutingAction,
  type PreRoutingHook,
} from "../hooks.ts";
import { ParamDecodingError } from "../../router/params.ts";
import { findRoute, pathOf } from "../route_lookup.ts";
import { toError } from "../to_error.ts";
import type { Exchange } from "./exchange.ts";

/** The result of a run whose hook dropped the request. A private symbol, so that no handler returns it by mistake. */
const DROPPED: unique symbol = Symbol("DROPPED");

/** What hook and handler return; a handler's own return value is ignored. */
type Outcome = void | typeof DROPPED;

const { NOT_FOUND, METHOD_NOT_ALLOWED, NOT_IMPLEMENTED, OK } = Status;

/**
 * Calls the pre-routing hook, if there is one, and the handler.
 *
 * perf: rare cases have functions of their own, here and in the connection. V8
 * inlines the functions of a request into one only while they are short
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
): Outcome | Promise<void> {
  if (action === PreRoutingAction.drop) return DROPPED;
  if (action !== PreRoutingAction.proceed) {
    throw new TypeError(
      "Cannot go on: the pre-routing hook returned no PreRoutingAction",
    );
  }
  return callHandler(exchange);
}

function callHandler(exchange: Exchange): void | Promise<void> {
  const { ctx, head } = exchange;
  if (head === null || head.route <= 0 || ctx.isRewritten) {
    return routeRequest(exchange);
  }
  // perf: the scanner that parsed the head has already looked its literal route
  // up: 0.86 times the time of a request (bench/machine_bench.ts, Deno 2.9).
  const handler = exchange.owner.context.handlers[head.route - 1]!; // routes count from 1
  return handler(ctx, exchange.res);
}

/** Looks the request's route up and calls its handler, or the fallback. */
function routeRequest(exchange: Exchange): void | Promise<void> {
  const { app, handlers } = exchange.owner.context;
  const { router } = app;
  const { ctx, head, res } = exchange;
  const hasScannerLooked = handlers.length > 0 && head?.route !== UNKNOWN_ROUTE;
  if (
    !ctx.isRewritten && head !== null && !hasScannerLooked && head.isOriginForm
  ) {
    // perf: finds a literal route by the bytes of its path: 0.5 to 0.6 times the
    // time of making a string first (bench/router_bench.ts, Deno 2.9).
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
  if (app.fallback !== null) return app.fallback(ctx, res);
  return answerUnmatched(exchange, path);
}

/** The path to match routes with, without making the target's other parts where that is possible. */
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
 * Scanners send many of them, so a plain 404 makes no `Allow` list, and no
 * closure, and repeats as a constant response.
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
    exchange.respond(OK, "", undefined);
    return;
  }
  const routed = app.router.methodsFor(path);
  if (isOptions && routed.length > 0) {
    exchange.respond(OK, "", { allow: allowList(routed) });
  } else if (!isOptions && !isImplemented(app, method)) {
    exchange.respond(NOT_IMPLEMENTED, "", undefined);
  } else if (routed.length > 0) {
    exchange.respond(METHOD_NOT_ALLOWED, "", { allow: allowList(routed) });
  } else if (app.notFound !== null) {
    return app.notFound(ctx, exchange.res);
  } else exchange.respond(NOT_FOUND, "", undefined);
}

/** Says whether any resource may have this method; TRACE and CONNECT need a route (RFC 9110 §9.1, §9.3.6, §9.3.8). */
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

/** Handles a promise, or a handler that returned without an answer. */
function conclude(
  exchange: Exchange,
  outcome: Outcome | Promise<Outcome>,
): void {
  if (!(outcome instanceof Promise)) {
    finishRun(exchange, outcome);
    return;
  }
  outcome.then(
    (settled) => finishRun(exchange, settled),
    (error) => failExchange(exchange, error),
  ).catch((error) => exchange.owner.fail(toError(error))); // a bug of ours closes one connection
}

function finishRun(exchange: Exchange, outcome: Outcome): void {
  exchange.settle();
  if (exchange.isDetached) return; // the response was complete before the handler was
  if (exchange.isAnswered) exchange.owner.exchangeProgressed();
  else if (outcome === DROPPED) exchange.owner.abandon(exchange);
  else {
    failExchange(
      exchange,
      new TypeError("Cannot complete request: the handler sent no response"),
    );
  }
}

/**
 * Handles what a hook, a handler or a streamed body threw: calls the error
 * hook, then answers with the status that the error means, or with 500.
 * Once the head is sent, no answer is possible.
 */
export function failExchange(exchange: Exchange, error: unknown): void {
  exchange.settle();
  exchange.retainHead();
  if (error instanceof ProtocolError) exchange.requireClose();
  // A stream whose head is unsent gives way to the error's answer.
  if (exchange.isAnswered && !exchange.isHeadSent) {
    exchange.retract(toError(error));
  }
  const answer = (): void => answerFailure(exchange, error);
  const rare = exchange.rare();
  // Called once: the hook's own answer may fail too, and so may every later one.
  const hook = rare.isHookAsked ? null : exchange.owner.context.app.hooks.error;
  if (hook === null) return answer();
  rare.isHookAsked = !exchange.isAnswered;
  let outcome: void | Promise<void>;
  try {
    outcome = hook(error, exchange.ctx, exchange.res);
  } catch {
    outcome = undefined; // the first error decides the answer
  }
  if (!(outcome instanceof Promise)) return answer();
  outcome.then(answer, answer) // as above
    .catch((failure) => exchange.owner.fail(toError(failure))); // a bug of ours closes one connection
}

function answerFailure(exchange: Exchange, error: unknown): void {
  if (exchange.isTakenOver) {
    exchange.owner.fail(toError(error)); // the handler that took it over is gone
    return;
  }
  if (exchange.isDetached) return;
  if (!exchange.isAnswered) {
    exchange.respond(statusOf(error), null, undefined);
  }
  exchange.owner.exchangeProgressed();
}

/** The status that says whose fault an error is; the server's own, unless the request is known to cause it. */
function statusOf(error: unknown): number {
  if (error instanceof ParamDecodingError) return 400;
  return error instanceof ProtocolError && error.status < 500
    ? error.status
    : 500;
}
