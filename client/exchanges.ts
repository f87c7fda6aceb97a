/**
 * The exchanges of one client: a plain one is a single request on the pool of
 * its origin; one with redirects, retries, cookies, progress or a body of the
 * web runs on `exchange_chain.ts`, which is loaded when it is first needed.
 */

import type { ClientResponse } from "./client_response.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import type { ConnectionContext } from "./connection.ts";
import type { ExchangeChain } from "./exchange_chain.ts";
import { createContext, ExchangeRunner } from "./exchange_runner.ts";
import { initFault } from "./init_check.ts";
import type { ClientOptions } from "./options.ts";
import type { Base } from "./origin.ts";
import { withProxy } from "./proxy_address.ts";
import type { ExchangeInit } from "./request.ts";

/** What a test controls. */
export interface ExchangeSources {
  readonly clock: Clock;
  /** As `Math.random`. */
  readonly random: () => number;
}

/** The runtime's clock and random numbers. */
export const SYSTEM_SOURCES: ExchangeSources = {
  clock: SYSTEM_CLOCK,
  random: Math.random,
};

/** A request without options. */
const NO_INIT: ExchangeInit = Object.freeze({});

/** The exchanges of one client; see the file's header. */
export class Exchanges {
  #context: ConnectionContext;
  #runner: ExchangeRunner;
  #random: () => number;
  /** Whether every exchange needs a chain. */
  #alwaysChains: boolean;
  #loading: Promise<ExchangeChain> | null = null;
  #chain: ExchangeChain | null = null;
  #isClosed = false;

  /** Creates the exchanges with an origin. Opens no connection yet. */
  constructor(base: Base, options: ClientOptions, sources = SYSTEM_SOURCES) {
    this.#context = createContext(options, sources.clock);
    this.#runner = new ExchangeRunner(reached(base, options), this.#context);
    this.#random = sources.random;
    this.#alwaysChains = options.maxRedirects > 0 || options.retries > 0 ||
      options.cookieJar !== null;
  }

  /** Connections that are open or being opened, idle ones included. */
  get connectionCount(): number {
    return this.#runner.connectionCount + (this.#chain?.connectionCount ?? 0);
  }

  /** See `Client.exchange`. */
  exchange(
    method: string,
    target: string,
    init: ExchangeInit = NO_INIT,
  ): Promise<ClientResponse> {
    const fault = init === NO_INIT ? null : initFault(init);
    if (fault !== null) return Promise.reject(new TypeError(fault));
    return this.#alwaysChains || init !== NO_INIT && needsChain(init)
      ? this.#exchangeInChain(method, target, init)
      : this.#runner.exchange(method, target, init);
  }

  /** Closes all connections; exchanges in flight fail with `CLIENT_CLOSED`. */
  close(): void {
    this.#isClosed = true;
    this.#runner.close();
    this.#chain?.close();
    this.#context.sweep.stop();
  }

  async #exchangeInChain(
    method: string,
    target: string,
    init: ExchangeInit,
  ): Promise<ClientResponse> {
    const runner = this.#runner;
    const limit = runner.startLimit(init);
    const chain = this.#chain ?? await (this.#loading ??= this.#load());
    const { response } = await chain.exchange(
      { runner, method, target: runner.withBase(target) },
      init,
      { limit, response: null },
    );
    return response;
  }

  async #load(): Promise<ExchangeChain> {
    const [{ ExchangeChain }, { RedirectOrigins }] = await Promise.all([
      import("./exchange_chain.ts"),
      import("./origins.ts"),
    ]);
    const origins = new RedirectOrigins(this.#runner, this.#context);
    const chain = new ExchangeChain(origins, this.#context, this.#random);
    if (this.#isClosed) chain.close();
    return this.#chain = chain;
  }
}

/**
 * Adds the Unix socket or the proxy of the options to a base.
 *
 * @throws {TypeError} If a socket is combined with TLS or with another one.
 */
function reached(base: Base, { proxy, socketPath }: ClientOptions): Base {
  const { origin } = base;
  if (socketPath === null) {
    return proxy === null
      ? base
      : { ...base, origin: withProxy(origin, proxy) };
  }
  if (origin.isSecure || origin.path !== null) {
    throw new TypeError(
      "Cannot set option socketPath for an https or unix origin: write the origin as http://host",
    );
  }
  return { ...base, origin: { ...origin, path: socketPath } };
}

/** Whether a request needs more than its origin's runner. */
export function needsChain(init: ExchangeInit): boolean {
  const { body } = init;
  return init.json !== undefined || init.maxRedirects !== undefined ||
    init.retries !== undefined || init.onUpload !== undefined ||
    init.onDownload !== undefined ||
    body !== undefined && body !== null && typeof body !== "string" &&
      !isPlainBody(body);
}

/** Whether a body is bytes or a stream, which can be sent as it is. */
function isPlainBody(body: unknown): boolean {
  return body instanceof Uint8Array || body instanceof ArrayBuffer ||
    typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}
