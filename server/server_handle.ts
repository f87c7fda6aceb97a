/** The handle of a running server: addresses, counts and shutdown. */

import type { Addr, NetAddr } from "../codec/socket_address.ts";
import { shown } from "../codec/shown.ts";
import { refuseUnknown, requireOptions } from "./options.ts";

/** When the steps of ending happen. */
export interface StopTimes {
  /** How long serving continues, in ms; responses then already say that their connection closes. */
  readonly delayMs: number;
  /** How long idle connections stay open after the listeners have closed, in ms. */
  readonly graceMs: number;
}

/** A running server, on one thread or several; what a {@linkcode ServerHandle} controls. */
export interface Serving {
  /** The bound addresses. */
  readonly addrs: readonly Addr[];
  /** See {@linkcode ServerHandle.finished}. */
  readonly finished: Promise<void>;
  /** Open connections. */
  readonly connectionCount: number;
  /** Requests that were started since serving began. */
  readonly requestCount: number;
  /** See {@linkcode ServerHandle.isDraining}. */
  readonly isDraining: boolean;
  /**
   * Ends serving: after the delay, stops accepting; then closes idle connections
   * and lets running requests finish. Of several calls, the earliest times apply.
   *
   * @param times Without them, there is no delay and no grace.
   */
  stop(times?: StopTimes): void;
  /** Stops accepting and closes every connection immediately. */
  closeNow(): void;
  /** Sets whether the listeners keep the process alive. */
  setRef(isRef: boolean): void;
}

/** The longest delay that a timer takes, in ms; a longer one would fire immediately. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * How long idle connections stay open after the listeners have closed, in ms. A
 * client may have sent a request before it could know that serving ends.
 */
export const IDLE_GRACE_MS = 1000;

/** The loopback addresses that reach, from this machine, a server that listens on all interfaces. */
const LOOPBACK: Readonly<Record<string, string>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};

/** Settings of {@linkcode ServerHandle.shutdown}. */
export interface ShutdownOptions {
  /**
   * How long serving continues before the server stops accepting, in ms: the time
   * in which a load balancer sees {@linkcode ServerHandle.isDraining} by its
   * readiness check. At most 2147483647, which is 24 days. @default {0}
   */
  readonly delay?: number | undefined;
  /**
   * How long running requests may take after the delay before their connections
   * are cut, in ms. @default {Infinity}
   */
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
  readonly addrs: readonly Addr[];
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
  get addr(): Addr {
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

  #tcpAddr(what: string): NetAddr {
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
   * Whether the server is ending: `true` from the first call of
   * {@linkcode ServerHandle.shutdown} on, also during its delay. A readiness check
   * that answers 503 then makes a load balancer send its requests elsewhere.
   *
   * @example A readiness check
   * ```ts
   * import { Server } from "@khttp/khttp";
   * import { assertEquals } from "@std/assert";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.get("/ready", (_, res) =>
   *   handle.isDraining ? res.send(503, "ending") : res.ok("ready"));
   * await using handle = app.build().serve();
   * const response = await fetch(`${handle.url}/ready`);
   * assertEquals(await response.text(), "ready");
   * ```
   */
  get isDraining(): boolean {
    return this.#serving.isDraining;
  }

  /**
   * Ends serving without losing a request (RFC 9112 §9.6).
   *
   * 1. During `delay`, everything continues, but each response says
   * `Connection: close`. In its last quarter of a second, responses on new
   * connections do not, so that clients that pool connections have some when the
   * server stops listening, and need not connect.
   * 2. The server accepts the connections that are queued, and stops listening.
   * 3. For one more second, or half of a `deadline` below 2 seconds, idle
   * connections stay open for requests that are on their way. They are answered
   * with `Connection: close`. This ends at once when no connection is left.
   * 4. Running requests finish. At the deadline, the connections that are left are
   * cut.
   *
   * May be called again: of all calls, the earliest time of each step applies.
   *
   * @returns A promise that settles with {@linkcode ServerHandle.finished}.
   * @throws {TypeError | RangeError} If there is no such option, or its value is not
   * a duration. The server goes on then.
   * @throws {Error} The error that `finished` rejects with.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    requireOptions("Cannot shut down with", options, "{ deadline: 10_000 }");
    const { delay = 0, deadline = Infinity, ...unknown } = options;
    checkShutdown(delay, deadline, unknown);
    const graceMs = Math.min(IDLE_GRACE_MS, deadline / 2);
    this.#serving.stop({ delayMs: delay, graceMs });
    const cutMs = delay + deadline;
    if (cutMs > MAX_TIMER_MS) return await this.finished;
    const timer = setTimeout(() => this.#serving.closeNow(), cutMs);
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

  /**
   * For `await using`: like {@linkcode ServerHandle.shutdown}, but closes idle
   * connections at once, so that a test does not wait for them.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#serving.stop();
    await this.finished;
  }
}

/** Makes a signal end serving as {@linkcode ServerHandle.shutdown} does. */
export function stopOnAbort(
  serving: Serving,
  signal: AbortSignal | undefined,
): void {
  if (signal === undefined) return;
  const stop = (): void => serving.stop({ delayMs: 0, graceMs: IDLE_GRACE_MS });
  signal.addEventListener("abort", stop, { once: true });
  const forget = (): void => signal.removeEventListener("abort", stop);
  serving.finished.then(forget, forget);
}

function checkShutdown(delay: number, deadline: number, unknown: object): void {
  refuseUnknown("Cannot shut down with", unknown);
  // A timer would take any other value for 0, and cut all requests.
  checkDuration("delay", delay, MAX_TIMER_MS);
  checkDuration("deadline", deadline, Infinity);
}

function checkDuration(
  option: string,
  durationMs: number,
  maxMs: number,
): void {
  const isNumber = typeof durationMs === "number";
  if (isNumber && durationMs >= 0 && durationMs <= maxMs) return;
  const most = maxMs === Infinity ? "" : ` and at most ${maxMs}`;
  throw new RangeError(
    `Cannot shut down with ${option} ${
      shown(durationMs)
    }: it must be a number of at least 0${most}, in ms`,
  );
}
