/**
 * Runs exchanges with one origin over pooled connections. `exchange_attempt.ts`
 * sends a request once more where a reused connection was closed and that is
 * safe (RFC 9112 §9.3.1, RFC 9110 §9.2.2). `exchange_chain.ts` adds redirects,
 * retries and cookies.
 */

import { Headers } from "../codec/headers.ts";
import type { OutgoingFields } from "../codec/outgoing_fields.ts";
import { BlockPool } from "./block_pool.ts";
import type { ClientResponse } from "./client_response.ts";
import type { Clock } from "./clock.ts";
import type { ClientConnection, ConnectionContext } from "./connection.ts";
import { Connector } from "./connector.ts";
import { acceptEncoding } from "./content_coding.ts";
import { Deadline, NO_DEADLINE, NO_LIMIT, type TimeLimit } from "./deadline.ts";
import { DeadlineSweep } from "./deadline_sweep.ts";
import {
  type AttemptOwner,
  ExchangeAttempt,
  type SentRequest,
} from "./exchange_attempt.ts";
import { checkLimit, type ClientOptions } from "./options.ts";
import type { Base, Origin } from "./origin.ts";
import { Pool } from "./pool.ts";
import type { ExchangeInit, PreparedRequest, RequestLine } from "./request.ts";
import { RequestCache } from "./request_cache.ts";
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
  const blocks = new BlockPool();
  return { options, clock, connector, sweep, scanner, blocks, budget: null };
}

/** Runs the exchanges with one origin. */
export class ExchangeRunner implements AttemptOwner {
  #base: Base;
  /** See {@linkcode AttemptOwner.pool}. */
  readonly pool: Pool;
  /** See {@linkcode AttemptOwner.context}. */
  readonly context: ConnectionContext;
  #requests = new RequestCache();
  #accepted: {
    readonly fields: OutgoingFields;
    readonly complete: Headers;
  } | null = null;

  /** Creates a runner. It opens no connection yet. */
  constructor(base: Base, context: ConnectionContext) {
    this.context = context;
    this.pool = new Pool(base.origin, context);
    this.#base = base;
  }

  /** Where its connections lead. */
  get origin(): Origin {
    return this.#base.origin;
  }

  /** Connections that are open or being opened, idle ones included. */
  get connectionCount(): number {
    return this.pool.size;
  }

  /** Whether no exchange uses it. */
  get isIdle(): boolean {
    return this.pool.isIdle;
  }

  /** Closes all connections that are idle. */
  closeIdle(): void {
    this.pool.closeIdle();
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
      : new Deadline(this.context.clock, limit, init.signal);
    return this.#send({ method, target, init }, deadline);
  }

  /** Puts the base path in front of a target. */
  withBase(target: string): string {
    // Any other target is invalid or `*`, and is not changed.
    return typeof target === "string" && target.startsWith("/")
      ? this.#base.path + target
      : target;
  }

  /** Adds the fields that the URL and the options require. Fields of the caller take precedence. */
  withDefaults(init: ExchangeInit): ExchangeInit {
    const { authorization } = this.#base;
    const { decodesContent } = this.context.options;
    if (authorization === null && !decodesContent) return init;
    let headers = Headers.from(init.headers);
    if (authorization !== null && !headers.has("authorization")) {
      headers = new Headers(headers).add("authorization", authorization);
    }
    if (decodesContent) headers = this.#accepting(headers);
    return { ...init, headers };
  }

  /** Adds `Accept-Encoding`. Programs often send one list many times, which stays the same object. */
  #accepting(headers: Headers): Headers {
    const fields = headers.outgoing(); // another object if the list has changed
    if (this.#accepted?.fields !== fields) {
      this.#accepted = { fields, complete: acceptEncoding(headers) };
    }
    return this.#accepted.complete;
  }

  /** Starts the time of an exchange. */
  startLimit(init: ExchangeInit): TimeLimit {
    const { clock, options } = this.context;
    if (init.timeout !== undefined) checkLimit("timeout", init.timeout);
    const timeoutMs = init.timeout ?? options.timeout;
    if (timeoutMs === Infinity) return NO_LIMIT;
    return { startMs: clock.monotonicMs(), timeoutMs };
  }

  /** Closes all connections; exchanges in flight fail with `CLIENT_CLOSED`. */
  close(): void {
    this.pool.close();
  }

  /** A failure stops the deadline; after a success, the end of the body does. */
  #send(hop: Hop, deadline: Deadline): Promise<ClientResponse> {
    const { method, target, init } = hop;
    let request: PreparedRequest;
    try {
      request = this.#requests.prepare(hop, init, this.#base.origin);
    } catch (error) {
      deadline.stop();
      return Promise.reject(error);
    }
    const mayRepeat = request.source === null && IDEMPOTENT.has(method);
    const sent: SentRequest = { request, init, target, deadline, mayRepeat };
    const connection = mayRepeat ? this.pool.maybeIdle(deadline.signal) : null;
    return connection === null
      ? this.#sendWhenConnected(sent, false)
      : new ExchangeAttempt(this, sent, connection, false).run();
  }

  /** See {@linkcode AttemptOwner.repeat}. */
  repeat(sent: SentRequest): Promise<ClientResponse> {
    sent.deadline.reconnects();
    return this.#sendWhenConnected(sent, true);
  }

  /** See {@linkcode AttemptOwner.repeatUnexpecting}. */
  async repeatUnexpecting(
    { request: { method }, target, init, deadline }: SentRequest,
    response: ClientResponse,
  ): Promise<ClientResponse> {
    response.close(); // which also ends its deadline
    const hop = { method, target, init: { ...init, expectContinue: false } };
    return await this.#send(hop, deadline.restart());
  }

  /** @param isRepetition Whether it is sent again, which needs a new connection. */
  async #sendWhenConnected(
    sent: SentRequest,
    isRepetition: boolean,
  ): Promise<ClientResponse> {
    const { deadline, mayRepeat, request } = sent;
    let connection: ClientConnection;
    try {
      connection = mayRepeat
        ? await this.pool.acquire(isRepetition, deadline.signal)
        : await this.pool.acquireChecked(isRepetition, deadline.signal);
    } catch (error) {
      request.source?.cancel(); // there is no sender yet that would do this
      deadline.stop();
      throw error;
    }
    return await new ExchangeAttempt(this, sent, connection, isRepetition)
      .run();
  }
}
