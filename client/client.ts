/**
 * The public client of one origin: exchanges over pooled connections, one
 * retry where that is safe, redirects if asked for (RFC 9112 §9.3.1, RFC 9110
 * §9.2.2, §15.4).
 *
 * @module
 */

import { BodyReader } from "../codec/body_reader.ts";
import { Headers } from "../codec/headers.ts";
import type { ResponseHead } from "../codec/response_parser.ts";
import { ClientResponse } from "./client_response.ts";
import type { ClientConnection } from "./connection.ts";
import { acceptEncoding, decodeContent } from "./content_coding.ts";
import { Deadline } from "./deadline.ts";
import { ClientError } from "./errors.ts";
import { type ClientOptions, resolveClientOptions } from "./options.ts";
import { isSameOrigin, originOf, parseOrigin } from "./origin.ts";
import { Pool } from "./pool.ts";
import { type Redirect, redirect, targetOf } from "./redirect.ts";
import {
  type ExchangeInit,
  type PreparedRequest,
  prepareRequest,
} from "./request.ts";
import { ResponseBody } from "./response_body.ts";
import { Watch } from "./watch.ts";

/** Methods that may be sent twice (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "PUT",
  "DELETE",
  "OPTIONS",
  "TRACE",
]);

/**
 * Speaks HTTP/1.1 with one origin over a pool of kept connections.
 *
 * @example Exchange with a server
 * ```ts
 * import { Client, Server } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.post("/echo", (ctx, res) => res.ok(ctx.body));
 * await using handle = app.build().serve();
 * const { port } = handle.addr as Deno.NetAddr;
 * await using client = new Client(`127.0.0.1:${port}`);
 * const response = await client.post("/echo", { body: "hello" });
 * assertEquals(await response.body.text(), "hello");
 * ```
 */
export class Client implements AsyncDisposable {
  #options: ClientOptions;
  #watch: Watch;
  #pool: Pool;
  /** Pools of other origins that redirects led to. */
  #others: Map<string, Pool> = new Map();
  #isClosed = false;

  /**
   * Creates a client; nothing is connected yet.
   *
   * @param origin `host:port`, an `http:` or `https:` URL, or `unix:/path`.
   * @param options Limits and deadlines that differ from the defaults.
   * @throws {TypeError | RangeError} If the origin or an option is not valid.
   */
  constructor(origin: string | URL, options: Partial<ClientOptions> = {}) {
    this.#options = resolveClientOptions(options);
    const { headTimeout, bodyTimeout, drainTimeout, idleTimeout } =
      this.#options;
    this.#watch = new Watch(
      Math.min(headTimeout, bodyTimeout, drainTimeout, idleTimeout),
    );
    this.#pool = new Pool(parseOrigin(origin), this.#options, this.#watch);
  }

  /** Connections at this moment, idle ones too. */
  get connectionCount(): number {
    let count = this.#pool.size;
    for (const pool of this.#others.values()) count += pool.size;
    return count;
  }

  /**
   * Sends a request and gives its response, of any status, once its head came.
   *
   * @param method Any token but `CONNECT`.
   * @param target A path with an optional query, percent-encoded; `*` for OPTIONS.
   * @throws {TypeError} If method, target or a field is not valid; nothing was sent.
   * @throws {ClientError} If the exchange failed.
   * @throws {unknown} The reason of the signal, if that was aborted.
   */
  async exchange(
    method: string,
    target: string,
    init: ExchangeInit = {},
  ): Promise<ClientResponse> {
    using deadline = new Deadline(this.#options.timeout, init.signal);
    const { signal } = deadline;
    let step = {
      pool: this.#pool,
      method,
      target,
      init: this.#withCoding(init),
    };
    for (let redirects = 0;; redirects++) {
      const response = await this.#send({ ...step, signal });
      const { maxRedirects } = this.#options;
      if (maxRedirects === 0) return response;
      const next = followed(response, step.method, step.init);
      if (next === null) return response;
      if (redirects >= maxRedirects) {
        throw new ClientError(
          `Cannot follow redirect: more than ${maxRedirects} (maxRedirects)`,
          { phase: "read", code: "REDIRECT" },
        );
      }
      const pool = this.#poolOf(next.url, step.pool);
      step = {
        pool,
        method: next.method,
        target: targetOf(next.url),
        init: next.init,
      };
    }
  }

  /** Sends GET. */
  get(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("GET", target, init);
  }

  /** Sends HEAD. */
  head(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("HEAD", target, init);
  }

  /** Sends POST. */
  post(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("POST", target, init);
  }

  /** Sends PUT. */
  put(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("PUT", target, init);
  }

  /** Sends PATCH. */
  patch(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("PATCH", target, init);
  }

  /** Sends DELETE. */
  delete(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("DELETE", target, init);
  }

  /** Sends OPTIONS. */
  options(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("OPTIONS", target, init);
  }

  /** Sends TRACE. */
  trace(target: string, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("TRACE", target, init);
  }

  /** Closes all connections; running exchanges fail with `CLIENT_CLOSED`. */
  close(): void {
    this.#isClosed = true;
    this.#pool.close();
    for (const pool of this.#others.values()) pool.close();
    this.#watch.stop();
  }

  /** As {@linkcode Client.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #withCoding(init: ExchangeInit): ExchangeInit {
    if (!this.#options.decodesContent) return init;
    return { ...init, headers: acceptEncoding(Headers.from(init.headers)) };
  }

  /** The present pool is asked first: an origin behind a Unix socket has no other way to it. */
  #poolOf(url: URL, present: Pool): Pool {
    const origin = originOf(url);
    for (const pool of [present, this.#pool]) {
      const isReachable = pool === present || pool.origin.path === null;
      if (isReachable && isSameOrigin(pool.origin, origin)) return pool;
    }
    let pool = this.#others.get(url.origin);
    if (pool === undefined) {
      pool = new Pool(origin, this.#options, this.#watch);
      this.#others.set(url.origin, pool);
      if (this.#isClosed) pool.close();
    }
    return pool;
  }

  /** One request on one connection, and once more where that is safe. */
  async #send(
    { pool, method, target, init, signal }: {
      readonly pool: Pool;
      readonly method: string;
      readonly target: string;
      readonly init: ExchangeInit;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<ClientResponse> {
    let request = prepareRequest(method, target, init, pool.origin.authority);
    let mayRetry = true;
    for (let isFresh = false;; isFresh = true) {
      const connection = await pool.acquire(isFresh, signal).catch((error) => {
        request.source?.cancel(); // nobody else will
        throw error;
      });
      const { isReused } = connection;
      try {
        const response = await this.#exchange(
          pool,
          connection,
          { request, init, signal },
        );
        if (response.status !== 417 || !request.expectsContinue || !mayRetry) {
          return response;
        }
        if (request.source !== null) return response; // it was cancelled, and is gone
        response.close();
        mayRetry = false;
        request = prepareRequest(
          method,
          target,
          { ...init, expectContinue: false },
          pool.origin.authority,
        );
      } catch (error) {
        const isSafe = isReused && !connection.hasResponseByte &&
          IDEMPOTENT.has(method) && request.source === null;
        if (!mayRetry || !isSafe || !isConnectionLoss(error)) throw error;
        mayRetry = false;
      }
    }
  }

  async #exchange(
    pool: Pool,
    connection: ClientConnection,
    { request, init, signal }: {
      readonly request: PreparedRequest;
      readonly init: ExchangeInit;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<ClientResponse> {
    let head: ResponseHead;
    try {
      connection.follow(signal);
      head = await connection.exchange(request, init);
    } catch (error) {
      request.source?.cancel();
      connection.close(error);
      throw signal?.aborted === true ? signal.reason : error;
    }
    const { origin } = pool;
    const scheme = origin.isSecure ? "https" : "http";
    const path = request.target === "*" ? "" : request.target;
    const url = `${scheme}://${origin.authority}${path}`;
    if (head.status === 101) {
      const unread = connection.takeOver();
      return new ClientResponse({
        head,
        url,
        body: emptyBody(),
        trailers: () => null,
        upgraded: { conn: connection.conn, unread },
        close: () => connection.close(),
      });
    }
    const body = new ResponseBody(
      connection,
      head,
      this.#options,
      () => pool.released(connection),
    );
    const { maxBufferedBodyBytes, decodesContent } = this.#options;
    const feed = decodesContent ? decodeContent(head, body) : body;
    return new ClientResponse({
      head,
      url,
      body: new BodyReader(feed, maxBufferedBodyBytes),
      trailers: () => body.trailers,
      upgraded: null,
      close: () => body.cancel(),
    });
  }
}

function emptyBody(): BodyReader {
  return new BodyReader(
    { remainingBytes: 0, pull: () => null, cancel: () => {} },
    0,
  );
}

/** Says whether a kept connection turned out to be dead before it was of use. */
function isConnectionLoss(error: unknown): boolean {
  return error instanceof ClientError &&
    (error.code === "CLOSED" || error.code === "INCOMPLETE");
}

/** Reads a redirect, and lets go of its response in any case. */
function followed(
  response: ClientResponse,
  method: string,
  init: ExchangeInit,
): Redirect | null {
  let next: Redirect | null = null;
  try {
    next = redirect(response, method, init);
  } catch (error) {
    response.close();
    throw error;
  }
  if (next !== null) response.close();
  return next;
}
