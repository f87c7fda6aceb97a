/**
 * The request as hooks and handlers see it: lazy views of the head, the body and
 * the connection (RFC 9110 §6). Nothing is decoded before it is read. The
 * exchange holds the state; `codec/request_head.ts` decodes the head.
 */

import { type BodyFeed, BodyReader } from "../codec/body_reader.ts";
import { parseCookies } from "../codec/cookies.ts";
import { Headers } from "../codec/headers.ts";
import type { RequestHead } from "../codec/request_head.ts";
import { RequestTarget } from "../codec/request_target.ts";
import type { Params } from "../router/params.ts";
import type { Duplex } from "./duplex.ts";
import { findRoute, pathOf, type RoutedApplication } from "./route_lookup.ts";

/** A request's body on its way in, as far as the context needs it. */
export interface ReceivedBody extends BodyFeed {
  /** The trailer section, or `null` before the body was read to its end. */
  readonly trailers: Headers | null;
  /** Payload bytes received so far. */
  readonly receivedBytes: number;
}

/** The state that a context reads. An exchange provides it, and removes the head when it ends. */
export interface RequestState {
  /** The head, or `null` once its bytes are gone. */
  head: RequestHead | null;
  /** The values that the route's pattern captured. */
  params: Params;
  /** The body, or `null` if there is none. */
  readonly body: ReceivedBody | null;
  /** The connection, whose application has the routes. */
  readonly owner: {
    readonly context: { readonly app: RoutedApplication<unknown> };
  };
  /** The server's options, of which the body's helpers need one. */
  readonly options: { readonly maxBufferedBodyBytes: number };
  /** The connection. */
  readonly conn: Duplex;
  /** Returns the signal that aborts when the client goes away. */
  abortSignal(): AbortSignal;
}

/**
 * A request, as hooks and handlers see it (RFC 9110 §6).
 *
 * Method, target, version and fields are decoded when they are first read. Read
 * them before the handler returns, or before its promise settles: after that,
 * what was not read is gone, and reading it throws a `TypeError`.
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
export class RequestContext {
  #state: RequestState;
  #method: string | null = null;
  #uri: RequestTarget | null = null;
  #headers: Headers | null = null;
  #body: BodyReader | null = null;
  #isRewritten = false;

  /** Creates the view of one exchange. */
  constructor(state: RequestState) {
    this.#state = state;
  }

  /**
   * The method as it was sent; case counts (RFC 9110 §9.1). A pre-routing hook may
   * set another method, which then finds the route.
   *
   * @throws {TypeError} If it is first read after the exchange.
   */
  get method(): string {
    return this.#method ??= this.#head().method;
  }

  set method(method: string) {
    this.#method = method;
    this.#isRewritten = true;
  }

  /**
   * The request target and its parts (RFC 9112 §3.2). A pre-routing hook may set
   * another target, as a string or parsed, which then finds the route.
   *
   * @throws {TypeError} If it is first read after the exchange, or set to a
   * string that is not a target of the method.
   */
  get uri(): RequestTarget {
    return this.#uri ??= this.#head().uri;
  }

  set uri(target: RequestTarget | string) {
    this.#uri = typeof target === "string"
      ? RequestTarget.parse(target, this.method)
      : target;
    this.#isRewritten = true;
  }

  /**
   * Whether a hook changed method or target, so that the bytes of the head no
   * longer say which route matches.
   *
   * @internal
   */
  get isRewritten(): boolean {
    return this.#isRewritten;
  }

  /**
   * The fields of the head (RFC 9110 §5). A hook may change the list; the handler
   * then sees the changes.
   *
   * @throws {TypeError} If it is first read after the exchange.
   */
  get headers(): Headers {
    return this.#headers ??= this.#head().headers;
  }

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
  get query(): URLSearchParams {
    return this.uri.searchParams;
  }

  /**
   * The cookies of the request by name, as they were sent: nothing is
   * percent-decoded, and double quotes around a value are removed (RFC 6265
   * §4.2.1). Of several with one name, the first is kept. Each read parses the
   * field again.
   *
   * @throws {TypeError} As {@linkcode RequestContext.headers}.
   */
  get cookies(): ReadonlyMap<string, string> {
    return parseCookies(this.headers.get("cookie") ?? "");
  }

  /**
   * The pattern of the route that handles the request, such as `/user/:id`, or
   * `null` if none matches. Logs and metrics can group requests by it. It is
   * found when it is read, by the method and target of that moment.
   *
   * @throws {TypeError} As {@linkcode RequestContext.uri}.
   */
  get route(): string | null {
    const { app } = this.#state.owner.context;
    return findRoute(app, this.method, pathOf(this.uri))?.pattern ?? null;
  }

  /** The values that the route's pattern captured; empty before routing. */
  get params(): Params {
    return this.#state.params;
  }

  /**
   * The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1 (RFC 9112 §2.3).
   *
   * @throws {TypeError} If it is read after the exchange.
   */
  get httpVersion(): number {
    return this.#head().minorVersion;
  }

  /** The body (RFC 9110 §6.4); empty if the request has none. It can be read once. */
  get body(): BodyReader {
    return this.#body ??= new BodyReader(
      this.#state.body ?? NO_BODY,
      this.#state.options.maxBufferedBodyBytes,
    );
  }

  /** The trailer section (RFC 9110 §6.5). It is empty until the body was read to its end, and if none was sent. */
  get trailers(): Headers {
    return this.#state.body?.trailers ?? Headers.empty;
  }

  /** Bytes of the body that were received so far, without framing. Bytes that the handler does not read may be missing. */
  get bodyBytes(): number {
    return this.#state.body?.receivedBytes ?? 0;
  }

  /** The connection, for its addresses and socket options. Reading from it or writing to it breaks the exchange. */
  get conn(): Duplex {
    return this.#state.conn;
  }

  /** The peer's IP address, or `null` if the connection has none. Behind a proxy, it is the proxy's. */
  get ip(): string | null {
    const addr = this.#state.conn.remoteAddr;
    return addr?.transport === "tcp" ? addr.hostname : null;
  }

  /**
   * Aborts when the client goes away before the response was sent. Its reason is
   * the connection's error, or an `AbortError` if the client has ended its
   * direction. A client that closes looks the same as one that still waits for
   * its response, which is sent if the handler goes on.
   */
  get signal(): AbortSignal {
    return this.#state.abortSignal();
  }

  /** Whether the body is being read or was read. */
  get isBodyUsed(): boolean {
    return this.#body !== null && this.#body.isUsed;
  }

  /**
   * Detaches the context from bytes that are about to be overwritten.
   *
   * @internal
   */
  release(): void {
    this.#headers?.release();
  }

  #head(): RequestHead {
    const { head } = this.#state;
    if (head !== null) return head;
    throw new TypeError(
      "Cannot read the request after its handler returned: read it before, or return a promise that lasts as long",
    );
  }
}

/** The body of a request without one. */
const NO_BODY = Object.freeze({
  remainingBytes: 0,
  pull: () => null,
  cancel: () => {},
});
