/**
 * The request as hooks and handlers see it, as an interface: programs read
 * requests and never make them. `request_view.ts` implements it.
 */

import type { BodyReader } from "../codec/body_reader.ts";
import type { Headers } from "../codec/headers.ts";
import type { RequestTarget } from "../codec/request_target.ts";
import type { Params } from "../router/params.ts";
import type { Duplex } from "./duplex.ts";

/**
 * A request, as hooks and handlers see it (RFC 9110 §6).
 *
 * Method, target, version and fields are decoded when they are first read. Read
 * them before the handler returns, or before its promise settles. After that,
 * reading one for the first time throws a `TypeError`.
 *
 * @typeParam RouteParams The params of the route, such as `Params<"id">`. They
 * follow from the pattern when the route is added, so that another name is a type
 * error.
 *
 * @example Read a request
 * ```ts
 * import { Server } from "@khttp/khttp";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/user/:id", (ctx, res) => {
 *   const agent = ctx.headers.get("user-agent") ?? "unknown";
 *   res.ok(`${ctx.params.get("id")} by ${agent}\n`);
 * });
 * ```
 */
export interface RequestContext<RouteParams extends Params = Params> {
  /**
   * The method as it was sent; case counts (RFC 9110 §9.1). A pre-routing hook
   * may set another method, which is then used for routing.
   *
   * @throws {TypeError} If it is first read after the exchange.
   */
  method: string;

  /**
   * The request target and its parts (RFC 9112 §3.2). A pre-routing hook may
   * set another target, as a string or parsed, which is then used for routing.
   *
   * @throws {TypeError} If it is first read after the exchange, or set to a
   * string that is not a valid target for the method.
   */
  get uri(): RequestTarget;
  /**
   * @ignore Documented at the getter; `deno doc` shows a pair once.
   */
  set uri(target: RequestTarget | string);

  /**
   * The fields of the head (RFC 9110 §5). A hook may change the list; the handler
   * then sees the changes.
   *
   * @throws {TypeError} If it is first read after the exchange.
   */
  readonly headers: Headers;

  /**
   * The query's names and values, decoded: `%20` and `+` are spaces. Empty if the
   * target has no query. `uri.query` is the query as it was sent.
   *
   * @throws {TypeError} As {@linkcode RequestContext.uri}.
   *
   * @example A search with a default
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.get("/search", (ctx, res) => {
   *   const limit = Number(ctx.query.get("limit") ?? "10");
   *   res.ok(`${limit} results for ${ctx.query.get("q")}\n`);
   * });
   * ```
   */
  readonly query: URLSearchParams;

  /**
   * The cookies of the request by name, as they were sent: nothing is
   * percent-decoded, and double quotes around a value are removed (RFC 6265
   * §4.2.1). If several have the same name, the first is used. Each read parses
   * the field again.
   *
   * @throws {TypeError} As {@linkcode RequestContext.headers}.
   */
  readonly cookies: ReadonlyMap<string, string>;

  /**
   * The pattern of the route that handles the request, such as `/user/:id`, or
   * `null` if none matches. Logs and metrics can group requests by it. Each
   * read looks it up, with the current method and target.
   *
   * @throws {TypeError} As {@linkcode RequestContext.uri}.
   */
  readonly route: string | null;

  /** The values that the route's pattern captured; empty before routing. */
  readonly params: RouteParams;

  /**
   * The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1 (RFC 9112 §2.3).
   *
   * @throws {TypeError} If it is read after the exchange.
   */
  readonly httpVersion: number;

  /** The body (RFC 9110 §6.4); empty if the request has none. It can be read once. */
  readonly body: BodyReader;

  /**
   * The trailer section (RFC 9110 §6.5). It is empty until the body was read to
   * its end, or if the client sent none.
   */
  readonly trailers: Headers;

  /**
   * How many bytes of the body were received so far, without framing. Bytes
   * that the handler does not read may not be counted.
   */
  readonly bodyBytes: number;

  /** The connection, for its addresses and socket options. Reading from it or writing to it breaks the exchange. */
  readonly conn: Duplex;

  /**
   * The peer's IP address, or `null` if the connection has none. Behind a proxy, it
   * is the proxy's: {@linkcode forwardedFrom} finds the client, unless
   * {@linkcode ServerBuilder.proxyProtocol} already does.
   */
  readonly ip: string | null;

  /**
   * Aborts when the client disconnects before the response was sent. The reason
   * is the connection's error, or an `AbortError` if the client has ended its
   * direction. A client that has ended its direction may have closed, or may
   * still wait for its response; the response is sent if the handler continues.
   */
  readonly signal: AbortSignal;

  /** Whether the body is being read or was read. */
  readonly isBodyUsed: boolean;
}
