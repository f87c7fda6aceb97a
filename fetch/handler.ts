/**
 * Fetch handlers: functions from `Request` to `Response`, alone or as the `fetch`
 * of an object, and the handler of the server that calls one.
 */

import type { Addr, NetAddr } from "../codec/socket_address.ts";
import {
  type DirectCall,
  type Handler,
  LateAnswer,
  type RouteCheckingHandler,
} from "../server/hooks.ts";
import { FetchInfo } from "./fetch_info.ts";
import { LazyExchange, requestOf } from "./lazy_request.ts";
import { RequestUrls } from "./request_url.ts";
import { ResponseSender } from "./response_sender.ts";

/** Answers a request, as the handler of `Deno.serve()` does. */
export type FetchHandler<SocketAddr extends Addr = NetAddr> = (
  request: Request,
  info: FetchInfo<SocketAddr>,
) => Response | Promise<Response>;

/** An object that answers requests: the application of a framework, or the default export of a module for `deno serve`. */
export interface FetchModule<SocketAddr extends Addr = NetAddr> {
  /** Answers a request; called as a method of the object. */
  readonly fetch: FetchHandler<SocketAddr>;
}

/**
 * Makes a handler for a route, or the fallback, of an application, so that
 * web-standard code and the application's own handlers live in one server.
 *
 * What the fetch handler throws is handled as what any handler throws: by the
 * application's error hook, or else with a 500.
 *
 * @param fetch The function, or an object that has it.
 * @throws {TypeError} If it is neither.
 *
 * @example A framework beside a route
 * ```ts
 * import { Server } from "@khttp/khttp";
 * import { toHandler } from "@khttp/khttp/fetch";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/health", (_, res) => res.ok("ok"));
 * app.fallbackRoute(toHandler((request) => new Response(request.url)));
 * ```
 */
export function toHandler<SocketAddr extends Addr = NetAddr>(
  fetch: FetchHandler<SocketAddr> | FetchModule<SocketAddr>,
): Handler {
  const sender = new ResponseSender();
  const urls = new RequestUrls();
  const handle = handlerOf(fetch);
  const direct: DirectCall = (ctx, res) => {
    const exchange = new LazyExchange(ctx, res, sender, urls);
    const outcome: unknown = handle(
      requestOf(exchange),
      new FetchInfo<SocketAddr>(exchange),
    );
    // perf: `instanceof` takes more instructions (bench/machine_bench.ts,
    // fetch-hello, Deno 2.9).
    return outcome?.constructor === Promise
      ? new LateAnswer(outcome as Promise<unknown>, exchange) // as its constructor says
      : sender.send(exchange, outcome);
  };
  const handler: Handler = (ctx, res) => {
    const answer = direct(ctx, res);
    return answer instanceof LateAnswer
      ? answer.outcome.then((response) => answer.responder.answer(response))
      : answer;
  };
  const { checkRoute } = (hasFetch(fetch) ? fetch.fetch : fetch) as Partial<
    RouteCheckingHandler
  >; // a function may have it
  return Object.assign(
    handler,
    checkRoute === undefined ? { direct } : { direct, checkRoute },
  );
}

/** Returns the function of a fetch handler. */
export function handlerOf<SocketAddr extends Addr>(
  fetch: FetchHandler<SocketAddr> | FetchModule<SocketAddr>,
): FetchHandler<SocketAddr> {
  // A function may have `fetch` too: the handlers of files do.
  if (hasFetch(fetch)) return (request, info) => fetch.fetch(request, info);
  if (typeof fetch === "function") return fetch;
  const advice = isApplication(fetch)
    ? "; it is an application of this package: call its own serve() after build(), or pass the result of toFetch(app.build())"
    : "";
  throw new TypeError(
    `Cannot serve: the handler is neither a function nor an object with fetch()${advice}`,
  );
}

/** Whether a value is an application of this package, or its builder. Each has a method that frameworks do not have. */
function isApplication(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    ("serveThreaded" in value || "threadCount" in value);
}

function hasFetch<SocketAddr extends Addr>(
  value: FetchHandler<SocketAddr> | FetchModule<SocketAddr>,
): value is FetchModule<SocketAddr> {
  return typeof (value as Partial<FetchModule<SocketAddr>> | null)?.fetch ===
    "function";
}
