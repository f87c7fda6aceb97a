/** One call of a `fetch`: from its arguments to a response of the web, or a `TypeError`. */

import type { AgentCore } from "./agent_core.ts";
import type { FetchInit } from "./fetch_init.ts";
import { ClientError } from "./errors.ts";
import { FetchUrls } from "./fetch_url.ts";
import { type FetchRequest, readFetchRequest } from "./fetch_request.ts";
import { toWebResponse } from "./fetch_response.ts";
import { isRedirect } from "./redirect.ts";

/** The calls of one `fetch`. */
export class FetchExchange {
  #core: AgentCore;
  #urls = new FetchUrls();

  /** Creates the calls on an agent. */
  constructor(core: AgentCore) {
    this.#core = core;
  }

  /** See `PooledFetch`. Rejects at once for what is wrong at once. */
  fetch(
    input: string | URL | Request,
    init: FetchInit,
  ): Promise<Response> {
    let request: FetchRequest;
    try {
      request = readFetchRequest(input, init ?? {}, this.#urls);
    } catch (error) {
      return Promise.reject(error);
    }
    const { url, signal } = request;
    if (signal?.aborted === true) {
      request.cancelBody(signal.reason);
      return Promise.reject(signal.reason);
    }
    return url.isLocal
      ? globalThis.fetch(input, init)
      : this.#exchange(request);
  }

  async #exchange(request: FetchRequest): Promise<Response> {
    const { method, url, signal, redirect } = request;
    try {
      const made = request.exchangeInit();
      const init = made instanceof Promise ? await made : made;
      signal?.throwIfAborted();
      const { response, redirects } = await this.#core.fetch(
        method,
        url,
        signal === undefined ? init : { ...init, signal },
        redirect === "follow",
      );
      if (redirect === "error" && isRedirect(response.status)) {
        response.close();
        throw new TypeError(
          `the response is a redirect (${response.status}), which the option redirect does not allow`,
        );
      }
      return toWebResponse(response, {
        isRedirected: redirects > 0,
        isBodyless: method === "HEAD",
        signal,
      });
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw fetchError(url.url, error);
    }
  }
}

/** The web reports every failure as a `TypeError`; the cause says more. */
function fetchError(url: URL, error: unknown): unknown {
  const isOurs = error instanceof ClientError || error instanceof TypeError;
  if (!isOurs) return error; // of a cookie jar or a callback
  const where = `${url.origin}${url.pathname}`;
  return new TypeError(`Cannot fetch ${where}: ${error.message}`, {
    cause: error,
  });
}
