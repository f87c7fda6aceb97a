/** The public client of many origins. `agent_core.ts` does the work. */

import type { AgentCore } from "./agent_core.ts";
import {
  type AgentOptions,
  type AgentOptionsInit,
  resolveAgentOptions,
} from "./agent_options.ts";
import type { ClientResponse } from "./client_response.ts";
import { type ExchangeSources, SYSTEM_SOURCES } from "./exchanges.ts";
import type { ExchangeInit } from "./request.ts";

/**
 * Sends requests to any origin, by absolute URLs, and holds a pool of connections
 * for each of them.
 *
 * @example Exchange messages with several servers
 * ```ts
 * import { Agent, Server } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const app = Server.builder("127.0.0.1:0").get("/", (_, res) => res.ok("hi"));
 * await using one = app.build().serve();
 * await using other = app.build().serve();
 * await using agent = new Agent();
 * for (const { url } of [one, other]) {
 *   assertEquals(await (await agent.get(url)).text(), "hi");
 * }
 * ```
 */
export class Agent implements AsyncDisposable {
  #options: AgentOptions;
  #sources: ExchangeSources;
  #loading: Promise<AgentCore> | null = null;
  #core: AgentCore | null = null;
  #isClosed = false;

  /**
   * Creates an agent. It connects at the first exchange.
   *
   * @param options Limits and deadlines that differ from the defaults.
   * @throws {TypeError | RangeError} If an option is not valid.
   */
  constructor(options: AgentOptionsInit = {}) {
    this.#options = resolveAgentOptions(options);
    this.#sources = SYSTEM_SOURCES;
  }

  /** How many connections are open or being opened, including idle ones. */
  get connectionCount(): number {
    return this.#core?.connectionCount ?? 0;
  }

  /** How many origins have a pool, at most `maxOrigins` unless more of them are in use. */
  get originCount(): number {
    return this.#core?.originCount ?? 0;
  }

  /**
   * Sends a request and returns its response, of any status, once its head has arrived.
   *
   * @param method Any token but `CONNECT`.
   * @param url An absolute `http:` or `https:` URL. Its user and password are sent
   * as `Authorization: Basic`, its fragment is not sent.
   * @throws {TypeError} If method, URL or a field is not valid; nothing was sent.
   * @throws {ClientError} If the exchange failed.
   * @throws {unknown} The reason of the signal, if the signal was aborted.
   */
  async exchange(
    method: string,
    url: string | URL,
    init: ExchangeInit = {},
  ): Promise<ClientResponse> {
    const parsed = parseUrl(url);
    const core = this.#core ?? await this.#load();
    return await core.exchange(method, parsed, init);
  }

  /** Sends GET. */
  get(url: string | URL, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("GET", url, init);
  }

  /** Sends HEAD. */
  head(url: string | URL, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("HEAD", url, init);
  }

  /** Sends POST. */
  post(url: string | URL, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("POST", url, init);
  }

  /** Sends PUT. */
  put(url: string | URL, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("PUT", url, init);
  }

  /** Sends PATCH. */
  patch(url: string | URL, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("PATCH", url, init);
  }

  /** Sends DELETE. */
  delete(url: string | URL, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("DELETE", url, init);
  }

  /** Sends OPTIONS. */
  options(url: string | URL, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("OPTIONS", url, init);
  }

  /** Sends TRACE. */
  trace(url: string | URL, init?: ExchangeInit): Promise<ClientResponse> {
    return this.exchange("TRACE", url, init);
  }

  /**
   * Loads what runs the exchanges.
   *
   * @ignore
   */
  core(): Promise<AgentCore> {
    return this.#load();
  }

  /** Closes all connections; exchanges in flight fail with `CLIENT_CLOSED`. */
  close(): void {
    this.#isClosed = true;
    this.#core?.close();
  }

  /** As {@linkcode Agent.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #load(): Promise<AgentCore> {
    return this.#loading ??= import("./agent_core.ts").then(({ AgentCore }) => {
      const core = new AgentCore(this.#options, this.#sources);
      if (this.#isClosed) core.close();
      return this.#core = core;
    });
  }
}

function parseUrl(url: string | URL): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return parsed;
  const why = parsed === null
    ? 'it is not an absolute URL such as "https://host/path"'
    : `its scheme is ${parsed.protocol}, not http: or https:`;
  throw new TypeError(
    `Cannot send a request to ${
      JSON.stringify(String(url).slice(0, 64))
    }: ${why}`,
  );
}
