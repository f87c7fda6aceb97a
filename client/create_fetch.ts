/**
 * A function with the signature of the web's `fetch`, on the pools of an agent.
 * `fetch_exchange.ts`, which is loaded with the first call, does the work.
 */

import { Agent } from "./agent.ts";
import type { AgentOptionsInit } from "./agent_options.ts";
import type { FetchExchange } from "./fetch_exchange.ts";
import { checkIsObject } from "./options.ts";
import type { FetchInit } from "./fetch_init.ts";

/** A `fetch` that holds connections until it is closed. */
export interface PooledFetch extends AsyncDisposable {
  /**
   * Sends a request, as the web's `fetch`.
   *
   * @throws {TypeError} If an argument is not valid, or the exchange failed; then
   * the cause is a `ClientError`.
   * @throws {unknown} The reason of the signal, if the signal was aborted.
   */
  (input: string | URL | Request, init?: FetchInit): Promise<Response>;
  /** The agent that holds the connections. */
  readonly agent: Agent;
  /** Closes all connections; calls in flight fail. */
  close(): void;
}

/**
 * Creates a `fetch` for servers and scripts: the web's interface, with the
 * deadlines, limits, proxies, retries and cookies of this client. Differences
 * from browsers are listed in `docs/client.md`.
 *
 * @param options As those of an agent. By default, bodies are decoded, and 20
 * redirects are followed.
 * @throws {TypeError | RangeError} If an option is not valid.
 *
 * @example Fetch from a server
 * ```ts
 * import { createFetch, Server } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const app = Server.builder("127.0.0.1:0").get("/", (_, res) => res.ok("hi"));
 * await using handle = app.build().serve();
 * await using fetch = createFetch({ headTimeout: 5000 });
 * const response = await fetch(handle.url);
 * assertEquals([response.ok, await response.text()], [true, "hi"]);
 * ```
 */
export function createFetch(options: AgentOptionsInit = {}): PooledFetch {
  checkIsObject(options, "the options");
  const agent = new Agent({
    ...options,
    decodesContent: options.decodesContent ?? true,
    maxRedirects: options.maxRedirects ?? 20,
  });
  let exchange: FetchExchange | null = null;
  const fetch = (
    input: string | URL | Request,
    init: FetchInit = {},
  ): Promise<Response> =>
    exchange === null
      ? load().then((loaded) => loaded.fetch(input, init))
      : exchange.fetch(input, init);
  const load = async (): Promise<FetchExchange> => {
    const [{ FetchExchange }, core] = await Promise.all([
      import("./fetch_exchange.ts"),
      agent.core(),
    ]);
    return exchange ??= new FetchExchange(core);
  };
  return Object.assign(fetch, {
    agent,
    close: (): void => agent.close(),
    [Symbol.asyncDispose]: (): Promise<void> => agent[Symbol.asyncDispose](),
  });
}
