/**
 * The public client of one origin. `exchanges.ts` does the work.
 *
 * @module
 */

import type { ClientResponse } from "./client_response.ts";
import { Exchanges } from "./exchanges.ts";
import { type ClientOptionsInit, resolveClientOptions } from "./options.ts";
import { parseBase } from "./origin.ts";
import type { ExchangeInit } from "./request.ts";

/**
 * Sends requests to one origin over HTTP/1.1, on a pool of persistent
 * connections.
 *
 * @example Exchange messages with a server
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
  #exchanges: Exchanges;

  /**
   * Creates a client. It connects at the first exchange.
   *
   * @param base `host:port`, an `http:` or `https:` URL, or `unix:/path`. The
   * path of a URL is put in front of each target: `http://host/api` and
   * `/users` result in `/api/users`. The URL's user and password are sent as
   * `Authorization: Basic`, unless a request sets that field.
   * @param options Limits and deadlines that differ from the defaults.
   * @throws {TypeError | RangeError} If the base or an option is not valid.
   */
  constructor(base: string | URL, options: ClientOptionsInit = {}) {
    const resolved = resolveClientOptions(options);
    this.#exchanges = new Exchanges(parseBase(base), resolved);
  }

  /** How many connections are open or being opened, including idle ones. */
  get connectionCount(): number {
    return this.#exchanges.connectionCount;
  }

  /**
   * Sends a request and returns its response, of any status, once its head has arrived.
   *
   * @param method Any token but `CONNECT`.
   * @param target A path with an optional query, percent-encoded; `*` for OPTIONS.
   * @throws {TypeError} If method, target or a field is not valid; nothing was sent.
   * @throws {ClientError} If the exchange failed.
   * @throws {unknown} The reason of the signal, if the signal was aborted.
   */
  exchange(
    method: string,
    target: string,
    init?: ExchangeInit,
  ): Promise<ClientResponse> {
    return this.#exchanges.exchange(method, target, init);
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

  /** Closes all connections; exchanges in flight fail with `CLIENT_CLOSED`. */
  close(): void {
    this.#exchanges.close();
  }

  /** As {@linkcode Client.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
