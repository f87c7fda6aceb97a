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
import { ClientError } from "./errors.ts";
import { type ClientOptions, resolveClientOptions } from "./options.ts";
import { originOf, parseOrigin } from "./origin.ts";
import { Pool } from "./pool.ts";
import { redirect } from "./redirect.ts";
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
    const { headTimeout, bodyTimeout, drainTimeout } = this.#options;
    this.#watch = new Watch(Math.min(headTimeout, bodyTimeout, drainTimeout));
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
    let step = {
      pool: this.#pool,
      method,
      target,
      init: this.#withCoding(init),
    };
    for (let redirects = 0;; redirects++) {
      const response = await this.#send(step);
      const { maxRedirects } = this.#options;
      if (maxRedirects === 0) return response;
      const next = redirect(response, step.method, step.init);
      if (next === null) return response;
      response.close();
      if (redirects >= maxRedirects) {
        throw new ClientError(
          `Cannot follow redirect: more than ${maxRedirects} (maxRedirects)`,
          { phase: "read", code: "REDIRECT" },
        );
      }
      const pool = this.#poolOf(next.url);
      step = {
        pool,
        method: next.method,
        target: next.url.pathname + next.url.search,
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

  #poolOf(url: URL): Pool {
    const origin = originOf(url);
    const own = this.#pool.origin;
    if (
      own.path === null && own.authority === origin.authority &&
      own.isSecure === origin.isSecure
    ) return this.#pool;
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
    { pool, method, target, init }: {
      readonly pool: Pool;
      readonly method: string;
      readonly target: string;
      readonly init: ExchangeInit;
    },
  ): Promise<ClientResponse> {
    let request = prepareRequest(method, target, init, pool.origin.authority);
    const signal = deadlineSignal(init.signal, this.#options.timeout);
    let mayRetry = true;
    for (let isFresh = false;; isFresh = true) {
      const connection = await pool.acquire(isFresh, signal);
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
        if (request.source !== null && response.body.isUsed) return response;
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
    const abort = (): void => connection.close(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const forget = (): void => signal?.removeEventListener("abort", abort);
    let head: ResponseHead;
    try {
      signal?.throwIfAborted();
      head = await connection.exchange(request, init);
    } catch (error) {
      forget();
      connection.close(error);
      throw asClientError(error, connection);
    }
    const { origin } = pool;
    const scheme = origin.isSecure ? "https" : "http";
    const url = `${scheme}://${origin.authority}${request.target}`;
    if (head.status === 101) {
      forget();
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
    const body = new ResponseBody(connection, head, this.#options, () => {
      forget();
      pool.released(connection);
    });
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

/** The caller's signal together with the deadline of the whole exchange. */
function deadlineSignal(
  signal: AbortSignal | undefined,
  timeoutMs: number,
): AbortSignal | undefined {
  if (timeoutMs === Infinity) return signal;
  const deadline = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
}

/** Says whether a kept connection turned out to be dead before it was of use. */
function isConnectionLoss(error: unknown): boolean {
  return error instanceof ClientError &&
    (error.code === "CLOSED" || error.code === "INCOMPLETE");
}

/** Failures of the system in the client's own terms; ours and a signal's reason stay. */
function asClientError(error: unknown, connection: ClientConnection): unknown {
  const isSystem = error instanceof Error && !(error instanceof ClientError) &&
    ("code" in error || error instanceof Deno.errors.UnexpectedEof ||
      error instanceof Deno.errors.BadResource);
  if (!isSystem || error instanceof DOMException) return error;
  const hasBegun = connection.hasResponseByte;
  return new ClientError(
    `Cannot read response: the connection failed ${
      hasBegun ? "inside its head" : "before it began"
    }`,
    { phase: "read", code: hasBegun ? "INCOMPLETE" : "CLOSED", cause: error },
  );
}
