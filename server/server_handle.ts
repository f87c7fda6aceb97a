/** A server that runs: where it listens, and how it is ended. */

/** What a running server offers; engines stand behind it. */
export interface RunningEngine {
  /** Connections at this moment. */
  readonly connectionCount: number;
  /** Requests that were begun since serving began. */
  readonly requestCount: number;
  /** Accepts no more; idle connections close, running requests finish. */
  stop(): void;
  /** Ends everything at once. */
  closeNow(): void;
  /** Lets the process live as long as the listeners do, or not. */
  setRef(isRef: boolean): void;
}

/** Longest time that a timer takes, in ms: a longer one would be over at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How {@linkcode ServerHandle.shutdown} goes about it. */
export interface ShutdownOptions {
  /** How long running requests may take before they are cut, in ms. @default {Infinity} */
  readonly deadline?: number;
}

/**
 * A running server.
 *
 * @example Serve, then shut down
 * ```ts
 * import { Server } from "@khttp/khttp";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (_, res) => res.ok("hi"));
 * await using handle = app.build().serve();
 * await handle.shutdown({ deadline: 1000 });
 * ```
 */
export class ServerHandle implements AsyncDisposable {
  /** The addresses that were bound. */
  readonly addrs: readonly Deno.Addr[];
  /** Settles once, after the last connection's teardown hook; rejects if accepting failed. */
  readonly finished: Promise<void>;
  #engine: RunningEngine;

  /** Made by the server. */
  constructor(
    engine: RunningEngine,
    addrs: readonly Deno.Addr[],
    finished: Promise<void>,
  ) {
    this.#engine = engine;
    this.addrs = addrs;
    this.finished = finished;
  }

  /** The first address that was bound. */
  get addr(): Deno.Addr {
    return this.addrs[0]!; // a server has at least one address
  }

  /** Connections at this moment. */
  get connectionCount(): number {
    return this.#engine.connectionCount;
  }

  /** Requests that were begun since serving began. */
  get requestCount(): number {
    return this.#engine.requestCount;
  }

  /**
   * Stops accepting, closes idle connections at once, lets running requests
   * finish with `Connection: close` (RFC 9112 §9.6).
   *
   * @returns A promise that settles with {@linkcode ServerHandle.finished}.
   * @throws {Error} What `finished` rejects with.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    const { deadline = Infinity } = options;
    this.#engine.stop();
    if (deadline > MAX_TIMER_MS) return await this.finished;
    const timer = setTimeout(() => this.#engine.closeNow(), deadline);
    try {
      await this.finished;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Stops accepting and cuts every connection. */
  closeNow(): void {
    this.#engine.closeNow();
  }

  /** Keeps the process alive while the server listens, which is the default. */
  ref(): void {
    this.#engine.setRef(true);
  }

  /** Lets the process end although the server listens. */
  unref(): void {
    this.#engine.setRef(false);
  }

  /** As {@linkcode ServerHandle.shutdown}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
