/**
 * The origins of an agent, and its exchanges. Loaded with the agent's first
 * exchange.
 */

import { Headers } from "../codec/headers.ts";
import type { ClientResponse } from "./client_response.ts";
import type { AgentOptions } from "./agent_options.ts";
import type { ConnectionContext } from "./connection.ts";
import { ConnectionBudget } from "./connection_budget.ts";
import { ClientError } from "./errors.ts";
import {
  type ChainResult,
  type ChainStart,
  ExchangeChain,
} from "./exchange_chain.ts";
import type { FetchUrl } from "./fetch_url.ts";
import { createContext, ExchangeRunner } from "./exchange_runner.ts";
import { type ExchangeSources, needsChain } from "./exchanges.ts";
import { initFault } from "./init_check.ts";
import { basicOf, originOf, targetOf } from "./origin.ts";
import type { Origins } from "./origins.ts";
import type { ClientOptions } from "./options.ts";
import { withProxy } from "./proxy_address.ts";
import { isRedirect } from "./redirect.ts";
import type { ExchangeInit } from "./request.ts";

/** The origins of one agent; see the file's header. */
export class AgentCore implements Origins {
  #options: AgentOptions;
  #sources: ExchangeSources;
  #budget: ConnectionBudget;
  #shared: ConnectionContext;
  /** The contexts of origins with options of their own. */
  #contexts: Map<string, ConnectionContext> = new Map();
  /** By origin; the one that was not used for the longest time is first. */
  #runners: Map<string, ExchangeRunner> = new Map();
  /** Runners that are forgotten, but may still have a response that is being read. */
  #forgotten: Set<ExchangeRunner> = new Set();
  #chain: ExchangeChain;
  /** Whether every exchange needs a chain. */
  #alwaysChains: boolean;
  /** Whether every exchange needs a chain before its first request, for retries or cookies. */
  #mayRepeat: boolean;
  /** The runner that was used last. */
  #last: ExchangeRunner | null = null;
  #isClosed = false;

  /** Creates the core; it opens nothing yet. */
  constructor(options: AgentOptions, sources: ExchangeSources) {
    this.#options = options;
    this.#sources = sources;
    this.#budget = new ConnectionBudget(options.maxTotalConnections);
    this.#shared = this.#createContext(options.shared);
    this.#chain = new ExchangeChain(this, this.#shared, sources.random);
    const { maxRedirects, retries, cookieJar } = options.shared;
    this.#mayRepeat = retries > 0 || cookieJar !== null;
    this.#alwaysChains = this.#mayRepeat || maxRedirects > 0;
  }

  /** See {@linkcode Origins.connectionCount}. */
  get connectionCount(): number {
    let count = 0;
    for (const runner of this.#runners.values()) {
      count += runner.connectionCount;
    }
    for (const runner of this.#forgotten) count += runner.connectionCount;
    return count;
  }

  /** How many origins are remembered. */
  get originCount(): number {
    return this.#runners.size;
  }

  /** See `Agent.exchange`. */
  async exchange(
    method: string,
    url: URL,
    init: ExchangeInit,
  ): Promise<ClientResponse> {
    const fault = initFault(init);
    if (fault !== null) throw new TypeError(fault);
    const withOwner = withCredentials(url, init);
    const runner = this.#runnerOf(url.origin, url);
    if (!this.#alwaysChains && !needsChain(withOwner)) {
      return await runner.exchange(method, targetOf(url), withOwner);
    }
    return (await this.#chained(method, url, withOwner)).response;
  }

  /**
   * Sends a request of a `fetch`, and says how many redirects were followed.
   *
   * @param init Does not contain `maxRedirects`.
   * @param follows Whether redirects are followed.
   */
  async fetch(
    method: string,
    known: FetchUrl,
    init: ExchangeInit,
    follows: boolean,
  ): Promise<ChainResult> {
    const { url } = known;
    const withOwner = known.hasCredentials ? withCredentials(url, init) : init;
    if (this.#mayRepeat || needsChain(withOwner)) {
      return await this.#chained(
        method,
        url,
        follows ? withOwner : { ...withOwner, maxRedirects: 0 },
      );
    }
    const runner = this.#runnerOf(known.origin, url);
    const limit = runner.startLimit(withOwner);
    const response = await runner.send(
      method,
      known.target,
      runner.withDefaults(withOwner),
      limit,
    );
    return follows && isRedirect(response.status)
      ? await this.#chained(method, url, withOwner, { limit, response })
      : { response, redirects: 0 };
  }

  async #chained(
    method: string,
    url: URL,
    init: ExchangeInit,
    start?: ChainStart,
  ): Promise<ChainResult> {
    const runner = this.#runnerOf(url.origin, url);
    return await this.#chain.exchange(
      { runner, method, target: targetOf(url) },
      init,
      start ?? { limit: runner.startLimit(init), response: null },
    );
  }

  /**
   * See {@linkcode Origins.route}. A redirect does not lead to a Unix socket: it
   * could reach a service that only local programs may use.
   */
  route(url: URL, current: ExchangeRunner): ExchangeRunner {
    const runner = this.#runnerOf(url.origin, url);
    if (runner === current || runner.origin.path === null) return runner;
    throw new ClientError(
      `Cannot follow redirect: it leads from another origin to the Unix socket of ${url.origin}`,
      { phase: "read", code: "REDIRECT" },
    );
  }

  /** See {@linkcode Origins.close}. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const runner of this.#runners.values()) runner.close();
    for (const runner of this.#forgotten) runner.close();
    for (const { sweep } of this.#contexts.values()) sweep.stop();
    this.#shared.sweep.stop();
    this.#chain.close();
  }

  #createContext(options: ClientOptions): ConnectionContext {
    const { maxTotalConnections } = this.#options;
    const maxConnections = Math.min(
      options.maxConnections,
      maxTotalConnections,
    );
    const context = createContext(
      { ...options, maxConnections },
      this.#sources.clock,
    );
    return { ...context, budget: this.#budget };
  }

  #runnerOf(key: string, url: URL): ExchangeRunner {
    const known = this.#runners.get(key);
    if (known !== undefined) {
      if (known !== this.#last) {
        this.#runners.delete(key); // it is added again as the last one
        this.#runners.set(key, known);
        this.#last = known;
      }
      return known;
    }
    this.#forgetIdle();
    const runner = this.#createRunner(url);
    this.#runners.set(key, runner);
    this.#last = runner;
    if (this.#isClosed) runner.close();
    return runner;
  }

  #createRunner(url: URL): ExchangeRunner {
    const options = this.#options.own.get(url.origin);
    let context = this.#shared;
    if (options !== undefined) {
      context = this.#contexts.get(url.origin) ?? this.#createContext(options);
      this.#contexts.set(url.origin, context);
    }
    const { proxy, socketPath } = context.options;
    const origin = originOf(url);
    return new ExchangeRunner({
      origin: socketPath === null
        ? withProxy(origin, proxy)
        : { ...origin, path: socketPath },
      path: "",
      authorization: null,
    }, context);
  }

  /** Makes room for one more origin, if one is idle. */
  #forgetIdle(): void {
    for (const runner of this.#forgotten) {
      if (runner.connectionCount === 0) this.#forgotten.delete(runner);
    }
    for (const [key, runner] of this.#runners) {
      if (this.#runners.size < this.#options.maxOrigins) return;
      if (!runner.isIdle) continue;
      runner.closeIdle();
      this.#runners.delete(key);
      // An exchange that has only found its runner may still use it.
      this.#forgotten.add(runner);
    }
  }
}

/** Adds `Authorization` for the user and password of a URL, unless the caller set it. */
function withCredentials(url: URL, init: ExchangeInit): ExchangeInit {
  if (url.username === "" && url.password === "") return init;
  const headers = new Headers(init.headers);
  if (headers.has("authorization")) return init;
  // `basicOf` returns a value, since the URL has credentials
  headers.add("authorization", basicOf(url)!);
  return { ...init, headers };
}
