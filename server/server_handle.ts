/** The handle of a running server: addresses, counts and shutdown. */

/** A running server, on one thread or several; what a {@linkcode ServerHandle} controls. */
export interface Serving {
  /** The bound addresses. */
  readonly addrs: readonly Deno.Addr[];
  /** See {@linkcode ServerHandle.finished}. */
  readonly finished: Promise<void>;
  /** Open connections. */
  readonly connectionCount: number;
  /** Requests that were started since serving began. */
  readonly requestCount: number;
  /** Stops accepting; closes idle connections and lets running requests finish. */
  stop(): void;
  /** Stops accepting and closes every connection immediately. */
  closeNow(): void;
  /** Sets whether the listeners keep the process alive. */
  setRef(isRef: boolean): void;
}

/** The longest delay that a timer takes, in ms; a longer one would fire immediately. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The loopback addresses that reach, from this machine, a server that listens on all interfaces. */
const LOOPBACK: Readonly<Record<string, string>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};

/** Settings of {@linkcode ServerHandle.shutdown}. */
export interface ShutdownOptions {
  /** How long running requests may take before their connections are cut, in ms. @default {Infinity} */
  readonly deadline?: number | undefined;
}

/**
 * A running server.
 *
 * @example Serve, then shut down
 * ```ts
 * import { Server } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (_, res) => res.ok("hi"));
 * await using handle = app.build().serve();
 * const response = await fetch(`${handle.url}/`);
 * assertEquals(await response.text(), "hi");
 * await handle.shutdown({ deadline: 1000 });
 * ```
 */
export class ServerHandle implements AsyncDisposable {
  /** The bound addresses, in the order in which they were given. */
  readonly addrs: readonly Deno.Addr[];
  /**
   * Settles when serving has ended, after the last connection's teardown hook.
   * Rejects if serving ended because accepting failed.
   */
  readonly finished: Promise<void>;
  #serving: Serving;
  #isSecure: boolean;

  /**
   * Creates a handle; only the server does this.
   *
   * @ignore
   */
  constructor(serving: Serving, isSecure: boolean) {
    this.#serving = serving;
    this.#isSecure = isSecure;
    this.addrs = serving.addrs;
    this.finished = serving.finished;
  }

  /** The first bound address. */
  get addr(): Deno.Addr {
    return this.addrs[0]!; // a server has at least one address
  }

  /**
   * The port of the first TCP address: the one that was given, or that the
   * system has chosen for port 0.
   *
   * @throws {TypeError} If the server listens on Unix sockets only.
   */
  get port(): number {
    return this.#tcpAddr("port").port;
  }

  /**
   * The URL of the first TCP address without a path, such as
   * `http://127.0.0.1:8080`. For a server on all addresses of the machine
   * (`0.0.0.0`, `::`), it contains the loopback address.
   *
   * @throws {TypeError} If the server listens on Unix sockets only.
   */
  get url(): string {
    const { hostname, port } = this.#tcpAddr("url");
    const scheme = this.#isSecure ? "https" : "http";
    const host = LOOPBACK[hostname] ?? hostname;
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  #tcpAddr(what: string): Deno.NetAddr {
    for (const addr of this.addrs) if (addr.transport === "tcp") return addr;
    throw new TypeError(
      `Cannot read ${what}: the server listens on Unix sockets only`,
    );
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#serving.connectionCount;
  }

  /** Requests that were started since serving began. */
  get requestCount(): number {
    return this.#serving.requestCount;
  }

  /**
   * Stops accepting, closes idle connections immediately, and lets running
   * requests finish with `Connection: close` (RFC 9112 §9.6).
   *
   * @returns A promise that settles with {@linkcode ServerHandle.finished}.
   * @throws {TypeError | RangeError} If there is no such option, or the deadline is
   * not a number of at least 0. The server goes on then.
   * @throws {Error} The error that `finished` rejects with.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    const { deadline = Infinity, ...unknown } = options;
    checkShutdown(deadline, unknown);
    this.#serving.stop();
    if (deadline > MAX_TIMER_MS) return await this.finished;
    const timer = setTimeout(() => this.#serving.closeNow(), deadline);
    try {
      await this.finished;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Stops accepting and closes every connection immediately. */
  closeNow(): void {
    this.#serving.closeNow();
  }

  /** Keeps the process alive while the server listens, which is the default. */
  ref(): void {
    this.#serving.setRef(true);
  }

  /** Lets the process exit while the server listens. */
  unref(): void {
    this.#serving.setRef(false);
  }

  /** Does the same as {@linkcode ServerHandle.shutdown}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}

function checkShutdown(deadline: number, unknown: object): void {
  const [name] = Object.keys(unknown);
  if (name !== undefined) {
    throw new TypeError(
      `Cannot shut down with ${JSON.stringify(name)}: no such option`,
    );
  }
  // A timer would take any other value for 0, and cut all requests.
  if (typeof deadline === "number" && deadline >= 0) return;
  throw new RangeError(
    `Cannot shut down with deadline ${
      String(deadline)
    }: a number of at least 0, in ms`,
  );
}
