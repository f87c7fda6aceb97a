/**
 * Runs an exchange that may take several requests: with redirects (RFC 9110
 * §15.4), retries and cookies. Loaded with the first such exchange, so that a
 * program without them does not pay for them.
 */

import { Headers } from "../codec/headers.ts";
import type { ClientResponse } from "./client_response.ts";
import type { ConnectionContext } from "./connection.ts";
import type { TimeLimit } from "./deadline.ts";
import { ClientError } from "./errors.ts";
import { type ExchangeRunner, IDEMPOTENT } from "./exchange_runner.ts";
import type { Origins } from "./origins.ts";
import { checkLimit } from "./options.ts";
import { originUrl, targetOf } from "./origin.ts";
import { observed } from "./progress.ts";
import { redirect } from "./redirect.ts";
import type { ExchangeInit } from "./request.ts";
import {
  NO_CONTENT,
  prepareContent,
  type RequestContent,
} from "./request_content.ts";
import { RetryPlan } from "./retry.ts";

/** The request line, and where it is sent. */
export interface ChainRequest {
  readonly runner: ExchangeRunner;
  readonly method: string;
  readonly target: string;
}

/** The response to the first request, if that was sent already. */
export interface ChainStart {
  readonly limit: TimeLimit;
  readonly response: ClientResponse | null;
}

/** One request of a chain. */
interface Hop extends ChainRequest {
  readonly headers: Headers;
  readonly content: RequestContent;
}

/** What all requests of one exchange share. */
interface Shared {
  readonly init: ExchangeInit;
  readonly limit: TimeLimit;
  readonly retries: RetryPlan;
  readonly isIdempotent: boolean | undefined;
}

/** A response, and how it was reached. */
export interface ChainResult {
  readonly response: ClientResponse;
  /** How many redirects led to it. */
  readonly redirects: number;
}

/** Runs the exchanges of one client that need more than one request. */
export class ExchangeChain {
  readonly #origins: Origins;
  readonly #context: ConnectionContext;
  readonly #random: () => number;
  readonly #crossOriginFields: ReadonlySet<string>;
  /** Ends each delay that is being waited for. */
  readonly #delays: Set<() => void> = new Set();

  /**
   * Creates a chain.
   *
   * @param origins Finds the runners for redirects.
   * @param random Spreads the delays of retries, as `Math.random`.
   */
  constructor(
    origins: Origins,
    context: ConnectionContext,
    random: () => number = Math.random,
  ) {
    this.#origins = origins;
    this.#context = context;
    this.#random = random;
    this.#crossOriginFields = new Set(
      context.options.crossOriginFields.map((name) => name.toLowerCase()),
    );
  }

  /** See {@linkcode Origins.connectionCount}. */
  get connectionCount(): number {
    return this.#origins.connectionCount;
  }

  /** See {@linkcode Origins.close}. */
  close(): void {
    this.#origins.close();
    for (const end of this.#delays) end();
  }

  /**
   * Sends a request, and those that redirects and retries require.
   *
   * @param start The time for all of them, and the first response if it is there.
   */
  async exchange(
    { runner, method, target }: ChainRequest,
    init: ExchangeInit,
    { limit, response: first }: ChainStart,
  ): Promise<ChainResult> {
    const { options, clock } = this.#context;
    const maxRedirects = init.maxRedirects ?? options.maxRedirects;
    const maxRetries = init.retries ?? options.retries;
    checkLimit("maxRedirects", maxRedirects);
    checkLimit("retries", maxRetries);
    const { headers, content } = await prepareContent(
      runner.withDefaults(init),
    );
    const retries = new RetryPlan(
      { options, clock, random: this.#random },
      maxRetries,
      limit,
    );
    const shared: Shared = {
      init,
      limit,
      retries,
      isIdempotent: init.idempotent,
    };
    let hop: Hop = { runner, method, target, headers, content };
    for (let redirects = 0;; redirects++) {
      const response = first !== null && redirects === 0
        ? first
        : await this.#sendWithRetries(hop, shared);
      const next = maxRedirects === 0 ? null : this.#followed(response, hop);
      if (next === null) {
        return { response: observed(response, init, options), redirects };
      }
      if (redirects >= maxRedirects) {
        throw new ClientError(
          `Cannot follow redirect: more than ${maxRedirects} (maxRedirects), the last one to ${
            urlOf(next).replace(/\?.*/, "")
          }`,
          { phase: "read", code: "REDIRECT" },
        );
      }
      hop = next;
    }
  }

  async #sendWithRetries(hop: Hop, shared: Shared): Promise<ClientResponse> {
    const { retries } = shared;
    const request = {
      isIdempotent: shared.isIdempotent ?? IDEMPOTENT.has(hop.method),
      isRepeatable: hop.content.isRepeatable &&
        shared.init.upgrade === undefined,
    };
    for (;;) {
      let delayMs: number | null;
      try {
        const response = await this.#send(hop, shared);
        delayMs = retries.delayAfter(response, request);
        if (delayMs === null) return response;
        response.close();
      } catch (error) {
        shared.init.signal?.throwIfAborted();
        delayMs = retries.delayAfterError(error, request);
        if (delayMs === null) throw error;
      }
      await this.#wait(delayMs, shared.init.signal);
    }
  }

  /** Sends one request, with the cookies for its URL. */
  async #send(hop: Hop, { init, limit }: Shared): Promise<ClientResponse> {
    const { runner, method, target, content } = hop;
    const { cookieJar } = this.#context.options;
    const jar = init.omitsCookies === true ? null : cookieJar;
    const headers = jar === null
      ? hop.headers
      : await withCookies(hop.headers, await jar.getCookieString(urlOf(hop)));
    const { body: _, ...rest } = init;
    const sent = { ...rest, headers, body: content.open() };
    const response = await runner.send(method, target, sent, limit);
    if (jar === null) return response;
    try {
      for (const line of response.headers.getSetCookie()) {
        // A cookie that is not valid is ignored, as browsers do.
        await jar.setCookie(line, response.url, { ignoreError: true });
      }
    } catch (error) {
      response.close();
      throw error;
    }
    return response;
  }

  /** Returns the request that follows a redirect; closes the response unless that is returned to the caller. */
  #followed(response: ClientResponse, hop: Hop): Hop | null {
    const { content } = hop;
    try {
      const next = redirect(
        response,
        { ...hop, isRepeatable: content.isRepeatable },
        this.#crossOriginFields,
      );
      if (next === null) return null;
      const { url, method, headers } = next;
      response.close();
      return {
        runner: this.#origins.route(url, hop.runner),
        method,
        target: targetOf(url),
        headers,
        content: next.keepsBody ? content : NO_CONTENT,
      };
    } catch (error) {
      response.close();
      throw error;
    }
  }

  async #wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const stopTimer = this.#context.clock.after(delayMs, resolve);
    this.#delays.add(resolve);
    try {
      signal?.throwIfAborted();
      await promise;
    } finally {
      stopTimer();
      this.#delays.delete(resolve);
      signal?.removeEventListener("abort", abort);
    }
  }
}

/** Adds the cookies, unless the caller set the field. */
function withCookies(headers: Headers, cookies: string): Headers {
  if (cookies === "" || headers.has("cookie")) return headers;
  return new Headers(headers).add("cookie", cookies);
}

/** The URL of a request, for the cookie jar. */
function urlOf({ runner, target }: Hop): string {
  return originUrl(runner.origin) + (target === "*" ? "/" : target);
}
