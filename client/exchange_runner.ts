/**
 * Runs exchanges with one origin over pooled connections: one retry where that
 * is safe (RFC 9112 §9.3.1, RFC 9110 §9.2.2), and redirects if the options
 * allow them (RFC 9110 §15.4). `client.ts` is its public interface.
 */

import { Headers } from "../codec/headers.ts";
import type { ResponseHead } from "../codec/response_parser.ts";
import type { ClientResponse } from "./client_response.ts";
import type { Clock } from "./clock.ts";
import type { ClientConnection, ConnectionContext } from "./connection.ts";
import { Connector } from "./connector.ts";
import { acceptEncoding } from "./content_coding.ts";
import { Deadline, type TimeLimit } from "./deadline.ts";
import { DeadlineSweep } from "./deadline_sweep.ts";
import { ClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import { type Base, isSameOrigin, originOf, targetOf } from "./origin.ts";
import { Pool } from "./pool.ts";
import { type Redirect, redirect } from "./redirect.ts";
import {
  type ExchangeInit,
  type PreparedRequest,
  prepareRequest,
} from "./request.ts";
import { respond } from "./respond.ts";

/** Idempotent methods, whose requests may be sent twice (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "PUT",
  "DELETE",
  "OPTIONS",
  "TRACE",
]);

/** One request to one origin; a redirect leads to the next. */
interface Hop {
  readonly pool: Pool;
  readonly method: string;
  readonly target: string;
  readonly init: ExchangeInit;
}

/** Runs the exchanges of one client. */
export class ExchangeRunner {
  #context: ConnectionContext;
  #base: Base;
  #pool: Pool;
  /** The pools of other origins, to which redirects have led. */
  #others: Map<string, Pool> = new Map();
  #isClosed = false;

  /**
   * Creates a runner. It opens no connection yet.
   *
   * @param clock The time that all deadlines are measured with.
   * @param connector Opens the connections.
   */
  constructor(
    base: Base,
    options: ClientOptions,
    clock: Clock,
    connector: Connector = new Connector(options, clock),
  ) {
    const { headTimeout, bodyTimeout, drainTimeout, idleTimeout } = options;
    const sweep = new DeadlineSweep(
      clock,
      Math.min(headTimeout, bodyTimeout, drainTimeout, idleTimeout),
    );
    this.#context = { options, clock, connector, sweep };
    this.#pool = new Pool(base.origin, this.#context);
    this.#base = base;
  }

  /** Connections that are open or being opened, idle ones included. */
  get connectionCount(): number {
    let count = this.#pool.size;
    for (const pool of this.#others.values()) count += pool.size;
    return count;
  }

  /** See `Client.exchange`. */
  async exchange(
    method: string,
    target: string,
    init: ExchangeInit,
  ): Promise<ClientResponse> {
    const { clock, options } = this.#context;
    let hop: Hop = {
      pool: this.#pool,
      method,
      // Any other target is invalid or `*`, and is not changed.
      target: target.startsWith("/") ? this.#base.path + target : target,
      init: this.#withDefaults(init),
    };
    const limit: TimeLimit = {
      startMs: options.timeout === Infinity ? 0 : clock.monotonicMs(),
      timeoutMs: options.timeout,
    };
    for (let redirects = 0;; redirects++) {
      const deadline = new Deadline(clock, limit, init.signal);
      const response = await this.#sendWithin(hop, deadline);
      const { maxRedirects } = options;
      if (maxRedirects === 0) return response;
      const next = followed(response, hop);
      if (next === null) return response;
      if (redirects >= maxRedirects) {
        throw new ClientError(
          `Cannot follow redirect: more than ${maxRedirects} (maxRedirects)`,
          { phase: "read", code: "REDIRECT" },
        );
      }
      hop = {
        pool: this.#poolOf(next.url, hop.pool),
        method: next.method,
        target: targetOf(next.url),
        init: next.init,
      };
    }
  }

  /** Closes all connections; exchanges in flight fail with `CLIENT_CLOSED`. */
  close(): void {
    this.#isClosed = true;
    this.#pool.close();
    for (const pool of this.#others.values()) pool.close();
    this.#context.sweep.stop();
  }

  /** Adds the fields that the URL and the options require. Fields of the caller take precedence. */
  #withDefaults(init: ExchangeInit): ExchangeInit {
    const { authorization } = this.#base;
    const { decodesContent } = this.#context.options;
    if (authorization === null && !decodesContent) return init;
    let headers = Headers.from(init.headers);
    if (authorization !== null && !headers.has("authorization")) {
      headers = new Headers(headers).add("authorization", authorization);
    }
    if (decodesContent) headers = acceptEncoding(headers);
    return { ...init, headers };
  }

  /** Prefers the current pool: it may reach its origin through a Unix socket, which a URL cannot express. */
  #poolOf(url: URL, current: Pool): Pool {
    const origin = originOf(url);
    for (const pool of [current, this.#pool]) {
      const isReachable = pool === current || pool.origin.path === null;
      if (isReachable && isSameOrigin(pool.origin, origin)) return pool;
    }
    let pool = this.#others.get(url.origin);
    if (pool === undefined) {
      pool = new Pool(origin, this.#context);
      this.#others.set(url.origin, pool);
      if (this.#isClosed) pool.close();
    }
    return pool;
  }

  /** As `#send`, and stops the deadline on a failure; on success the body does. */
  async #sendWithin(hop: Hop, deadline: Deadline): Promise<ClientResponse> {
    try {
      return await this.#send(hop, deadline);
    } catch (error) {
      deadline.stop();
      throw error;
    }
  }

  /** Sends a request on one connection, and once more on another if the first failed and a retry is safe. */
  async #send(hop: Hop, deadline: Deadline): Promise<ClientResponse> {
    const { pool, method, target, init } = hop;
    const { signal } = deadline;
    const { authority } = pool.origin;
    const request = prepareRequest(method, target, init, authority);
    const mayRepeat = IDEMPOTENT.has(method) && request.source === null;
    let mayRetry = true;
    for (let isFresh = false;; isFresh = true) {
      const connection = mayRepeat && !isFresh && pool.maybeIdle(signal) ||
        await this.#acquire(hop, request, isFresh, signal);
      const { isReused } = connection;
      let head: ResponseHead;
      try {
        connection.follow(signal);
        head = await connection.exchange(request, init);
      } catch (error) {
        request.source?.cancel();
        connection.close(error);
        if (signal?.aborted === true) throw signal.reason;
        const isSafe = mayRepeat && isReused &&
          !connection.reader.hasResponseByte;
        if (!mayRetry || !isSafe || !isConnectionLoss(error)) throw error;
        mayRetry = false;
        continue;
      }
      connection.responded(head);
      const context = this.#context;
      const from = { pool, connection, target, deadline, context };
      const response = respond(head, from);
      if (head.status !== 417 || !request.expectsContinue) return response;
      if (request.source !== null) return response; // its body was cancelled
      (await response).close(); // which also ends its deadline
      const again = { ...hop, init: { ...init, expectContinue: false } };
      return await this.#sendWithin(again, deadline.restart());
    }
  }

  /** Waits for a connection. If the request gets none, its body is cancelled. */
  async #acquire(
    { pool, method }: Hop,
    { source }: PreparedRequest,
    isFresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ClientConnection> {
    try {
      return IDEMPOTENT.has(method) && source === null
        ? await pool.acquire(isFresh, signal)
        : await pool.acquireChecked(isFresh, signal);
    } catch (error) {
      source?.cancel(); // there is no sender yet that would do this
      throw error;
    }
  }
}

/** Whether a reused connection turned out to be closed before the request was processed. */
function isConnectionLoss(error: unknown): boolean {
  return error instanceof ClientError &&
    (error.code === "CLOSED" || error.code === "INCOMPLETE");
}

/** Reads a redirect; closes its response unless that is returned to the caller. */
function followed(
  response: ClientResponse,
  { method, init }: Hop,
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
