/**
 * From a parsed request to its handler: pre-routing hook, router, and the
 * answers for what no route takes (RFC 9110 §9.1, §15.5.5, §15.5.6, §15.6.2).
 */

import { UNKNOWN_ROUTE } from "../../codec/request_head.ts";
import type { Application } from "../application.ts";
import type { Exchange } from "./exchange.ts";
import {
  type Handler,
  PreRoutingAction,
  type PreRoutingHook,
} from "../hooks.ts";
import type { EngineContext } from "./engine_context.ts";

/** Says that a hook dropped the request; no handler can return it by mistake. */
export const DROPPED: unique symbol = Symbol("DROPPED");

/** What hook and handler came to; a handler's own result means nothing. */
export type Outcome = void | typeof DROPPED;

/**
 * Runs hook and handler.
 *
 * @returns A promise if one of them gave one; {@linkcode DROPPED} if a hook dropped the request.
 * @throws {unknown} What hook or handler throws.
 */
export function dispatch(
  context: EngineContext,
  exchange: Exchange,
): Outcome | Promise<Outcome> {
  const hook = context.app.hooks.preRouting;
  return hook === null
    ? runHandler(context, exchange)
    : runHook(context, exchange, hook);
}

function runHook(
  context: EngineContext,
  exchange: Exchange,
  hook: PreRoutingHook,
): Outcome | Promise<Outcome> {
  const action = hook(exchange.ctx, exchange.res);
  if (action instanceof Promise) {
    return action.then((settled) => afterHook(context, exchange, settled));
  }
  return afterHook(context, exchange, action);
}

function afterHook(
  context: EngineContext,
  exchange: Exchange,
  action: PreRoutingAction,
): Outcome | Promise<void> {
  if (action === PreRoutingAction.drop) return DROPPED;
  if (action !== PreRoutingAction.proceed) {
    throw new TypeError(
      "Cannot go on: the pre-routing hook returned no PreRoutingAction",
    );
  }
  return runHandler(context, exchange);
}

function runHandler(
  context: EngineContext,
  exchange: Exchange,
): void | Promise<void> {
  const { ctx, head } = exchange;
  // perf: the scanner that found the head found its literal route as well: 0.86
  // times the time of a request without its I/O (bench/server.ts, GET /, Deno 2.9).
  const handler = head !== null && head.route > 0 && !ctx.isRewritten
    ? context.handlers[head.route - 1]! // routes are numbered from 1 on
    : findHandler(context, exchange);
  return handler(ctx, exchange.res);
}

function findHandler(context: EngineContext, exchange: Exchange): Handler {
  const { app, handlers } = context;
  const { router } = app;
  const { ctx, head } = exchange;
  const isLookedFor = handlers.length > 0 && head?.route !== UNKNOWN_ROUTE;
  if (
    !ctx.isRewritten && head !== null && !isLookedFor && head.isOriginForm
  ) {
    // perf: a literal route is found by the request's octets; a string as key
    // costs 1,050 instructions (bench/server.ts, GET /).
    const { bytes, base } = head;
    const literal = router.matchLiteralOctets(
      bytes,
      base + head.methodStart,
      base + head.pathEnd,
    );
    if (literal !== undefined) return literal.value;
  }
  const { method } = ctx;
  const path = findPath(exchange);
  const match = router.match(method, path) ??
    (method === "HEAD" && app.fallback === null
      ? router.match("GET", path)
      : undefined);
  if (match === undefined) return app.fallback ?? unmatched(app, path);
  exchange.params = match.params;
  return match.value;
}

/** The path that routes are compared with: `*` for the asterisk form, which no wildcard takes, and `/` for a tunnel. */
function findPath(exchange: Exchange): string {
  const { ctx, head } = exchange;
  if (!ctx.isRewritten && head !== null && head.isOriginForm) {
    return head.originPath;
  }
  const { uri } = ctx;
  if (uri.form === "asterisk") return "*";
  return uri.form === "authority" ? "/" : uri.path;
}

/** The handler of a request that no route takes. */
function unmatched(app: Application, path: string): Handler {
  return (ctx, res) => {
    const { method } = ctx;
    const allowed = allowedMethods(app, path);
    const allow = { allow: allowed.join(", ") };
    if (method === "OPTIONS" && path === "*") res.ok();
    else if (method === "OPTIONS" && allowed.length > 0) res.ok(null, allow);
    else if (!STANDARD_METHODS.has(method) && !app.router.knowsMethod(method)) {
      res.send(501);
    } else if (allowed.length > 0) res.send(405, null, allow);
    else res.send(404);
  };
}

/** Methods that a path answers, with those that the library adds. */
function allowedMethods(app: Application, path: string): string[] {
  const methods = new Set(app.router.methodsFor(path));
  if (methods.size === 0) return [];
  if (methods.has("GET")) methods.add("HEAD");
  methods.add("OPTIONS");
  return [...methods].sort();
}

/** Methods that are understood, route or none; TRACE and CONNECT only by a route (RFC 9110 §9.3.6, §9.3.8). */
const STANDARD_METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);
