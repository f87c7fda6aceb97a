/**
 * Runs exchanges with one origin over pooled connections, and sends a request
 * once more where a reused connection was closed and that is safe (RFC 9112
 * §9.3.1, RFC 9110 §9.2.2). `exchange_chain.ts` adds redirects, retries and
 * cookies.
 */

import { Headers } from "../codec/headers.ts";
import type { ReceivedResponseHead } from "../codec/response_head.ts";
import { ByteArena } from "./byte_arena.ts";
import { ClientResponse } from "./client_response.ts";
import type { Clock } from "./clock.ts";
import type { ClientConnection, ConnectionContext } from "./connection.ts";
import { Connector } from "./connector.ts";
import { acceptEncoding } from "./content_coding.ts";
import { Deadline, NO_DEADLINE, NO_LIMIT, type TimeLimit } from "./deadline.ts";
import { DeadlineSweep } from "./deadline_sweep.ts";
import { ClientError } from "./errors.ts";
import { checkLimit, type ClientOptions } from "./options.ts";
import type { Base, Origin } from "./origin.ts";
import { Pool } from "./pool.ts";
import {
  type ExchangeInit,
  type PreparedRequest,
  prepareRequest,
  type RequestLine,
} from "./request.ts";
import { respond } from "./respond.ts";
import { SharedScanner } from "./shared_scanner.ts";

/** Idempotent methods, whose requests may be sent twice (RFC 9110 §9.2.2). */
export const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "PUT",
  "DELETE",
  "OPTIONS",
  "TRACE",
]);

/** One request to the origin. */
interface Hop extends RequestLine {
  readonly init: ExchangeInit;
}

/**
 * Creates what the connections of a client share.
 *
 * @param clock The time that all deadlines are measured with.
 * @param connector Opens the connections.
 */
export function createContext(
  options: ClientOptions,
  clock: Clock,
  connector: Connector = new Connector(options, clock),
): ConnectionContext {
  const { headTimeout, bodyTimeout, drainTimeout, idleTimeout } = options;
  const sweep = new DeadlineSweep(
    clock,
    Math.min(headTimeout, bodyTimeout, drainTimeout, idleTimeout),
  );
  const scanner = new SharedScanner(options);
  return { options, clock, connector, sweep, scanner, budget: null };
}

/** Runs the exchanges with one origin. */
export class ExchangeRunner {
  #context: ConnectionContext;
  #base: Base;
  #pool: Pool;
  #arena = new ByteArena();

  /** Creates a runner. It opens no connection yet. */
  constructor(base: Base, context: ConnectionContext) {
    this.#context = context;
    this.#pool = new Pool(base.origin, context);
    this.#base = base;
  }

  /** Where its connections lead. */
  get origin(): Origin {
    return this.#base.origin;
  }

  /** Connections that are open or being opened, idle ones included. */
  get connectionCount(): number {
    return this.#pool.size;
  }

  /** Whether no exchange uses it. */
  get isIdle(): boolean {
    return this.#pool.isIdle;
  }

  /** Closes all connections that are idle. */
  closeIdle(): void {
    this.#pool.closeIdle();
  }

  /** See `Client.exchange`; follows no redirect. */
  exchange(
    method: string,
    target: string,
    init: ExchangeInit,
  ): Promise<ClientResponse> {
    try {
      const limit = this.startLimit(init);
      const complete = this.withDefaults(init);
      return this.send(method, this.withBase(target), complete, limit);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends one request as it is: without the base path and the fields that the
   * URL and the options add.
   *
   * @param limit The time for the exchange that this request is a part of.
   */
  send(
    method: string,
    target: string,
    init: ExchangeInit,
    limit: TimeLimit,
  ): Promise<ClientResponse> {
    const deadline = limit === NO_LIMIT && init.signal === undefined
      ? NO_DEADLINE
      : new Deadline(this.#context.clock, limit, init.signal);
    return this.#send({ method, target, init }, deadline);
  }

  /** Puts the base path in front of a target. */
  withBase(target: string): string {
    // Any other target is invalid or `*`, and is not changed.
    return target.startsWith("/") ? this.#base.path + target : target;
  }

  /** Adds the fields that the URL and the options require. Fields of the caller take precedence. */
  withDefaults(init: ExchangeInit): ExchangeInit {
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

  /** Starts the time of an exchange. */
  startLimit(init: ExchangeInit): TimeLimit {
    const { clock, options } = this.#context;
    if (init.timeout !== undefined) checkLimit("timeout", init.timeout);
    const timeoutMs = init.timeout ?? options.timeout;
    if (timeoutMs === Infinity) return NO_LIMIT;
    return { startMs: clock.monotonicMs(), timeoutMs };
  }

  /** Closes all connections; exchanges in flight fail with `CLIENT_CLOSED`. */
  close(): void {
    this.#pool.close();
  }

  /**
   * Sends a request on one connection, and once more on another if the first
   * failed and a retry is safe. A failure stops the deadline; after a success,
   * the end of the body does.
   */
  async #send(hop: Hop, deadline: Deadline): Promise<ClientResponse> {
    let response: ClientResponse;
    try {
      const { init } = hop;
      const pool = this.#pool;
      const request = prepareRequest(hop, init, pool.origin, this.#arena);
      const mayRepeat = IDEMPOTENT.has(hop.method) && request.source === null;
      for (let isFresh = false;; isFresh = true) {
        const connection =
          mayRepeat && !isFresh && pool.maybeIdle(deadline.signal) ||
          await this.#acquire(hop, request, isFresh, deadline.signal);
        const { isReused } = connection;
        let head: ReceivedResponseHead;
        try {
          connection.follow(deadline.signal);
          head = await connection.exchange(request, init);
        } catch (error) {
          request.source?.cancel();
          connection.close(error);
          if (deadline.signal?.aborted === true) throw deadline.signal.reason;
          const isSafe = mayRepeat && isReused && !isFresh &&
            !connection.reader.hasResponseByte;
          if (!isSafe || !isConnectionLoss(error)) throw error;
          continue;
        }
        connection.responded(head);
        const { target } = hop;
        const context = this.#context;
        const from = { pool, connection, target, deadline, context };
        const responding = respond(head, from);
        response = responding instanceof ClientResponse
          ? responding
          : await responding;
        if (head.status !== 417 || !request.expectsContinue) return response;
        if (request.source !== null) return response; // its body was cancelled
        break;
      }
    } catch (error) {
      deadline.stop();
      throw error;
    }
    response.close(); // which also ends its deadline
    const init = { ...hop.init, expectContinue: false };
    return await this.#send({ ...hop, init }, deadline.restart());
  }

  /** Waits for a connection. If the request gets none, its body is cancelled. */
  async #acquire(
    { method }: Hop,
    { source }: PreparedRequest,
    isFresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ClientConnection> {
    try {
      return IDEMPOTENT.has(method) && source === null
        ? await this.#pool.acquire(isFresh, signal)
        : await this.#pool.acquireChecked(isFresh, signal);
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
