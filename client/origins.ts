/**
 * The runners of a client by origin. A client begins with one; redirects lead to
 * others. `agent_origins.ts` chooses by URL alone, and limits their number.
 */

import type { ConnectionContext } from "./connection.ts";
import { ExchangeRunner } from "./exchange_runner.ts";
import { isSameOrigin, originOf } from "./origin.ts";
import { withProxy } from "./proxy_address.ts";

/** Finds the runner of a URL's origin. */
export interface Origins {
  /** Connections that are open or being opened, except those of the first runner. */
  readonly connectionCount: number;
  /**
   * Returns the runner for a URL.
   *
   * @param current The runner of the request whose response redirects to it.
   */
  route(url: URL, current: ExchangeRunner): ExchangeRunner;
  /** Closes all connections, except those of the first runner. */
  close(): void;
}

/** The origins to which the redirects of one client lead. */
export class RedirectOrigins implements Origins {
  #first: ExchangeRunner;
  #context: ConnectionContext;
  #others: Map<string, ExchangeRunner> = new Map();
  #isClosed = false;

  /** Creates the set; it opens nothing yet. */
  constructor(first: ExchangeRunner, context: ConnectionContext) {
    this.#first = first;
    this.#context = context;
  }

  /** See {@linkcode Origins.connectionCount}. */
  get connectionCount(): number {
    let count = 0;
    for (const runner of this.#others.values()) count += runner.connectionCount;
    return count;
  }

  /**
   * See {@linkcode Origins.route}. Prefers the current runner: it may reach its
   * origin through a Unix socket, which a URL cannot express.
   */
  route(url: URL, current: ExchangeRunner): ExchangeRunner {
    const origin = originOf(url);
    for (const runner of [current, this.#first]) {
      const isReachable = runner === current || runner.origin.path === null;
      if (isReachable && isSameOrigin(runner.origin, origin)) return runner;
    }
    let runner = this.#others.get(url.origin);
    if (runner === undefined) {
      const { proxy } = this.#context.options;
      const base = {
        origin: withProxy(origin, proxy),
        path: "",
        authorization: null,
      };
      runner = new ExchangeRunner(base, this.#context);
      this.#others.set(url.origin, runner);
      if (this.#isClosed) runner.close();
    }
    return runner;
  }

  /** See {@linkcode Origins.close}. */
  close(): void {
    this.#isClosed = true;
    for (const runner of this.#others.values()) runner.close();
  }
}
