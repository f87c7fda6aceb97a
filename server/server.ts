/**
 * The public face: a builder that collects routes, hooks and options, and the
 * server that it freezes into. Mistakes of the caller are thrown at the call
 * that makes them. Both stand here because each makes the other.
 */

import { RouterBuilder } from "../router/router.ts";
import { type Address, type ListenAddress, parseAddress } from "./address.ts";
import type { Application } from "./application.ts";
import type { Listener } from "./engines/acceptor.ts";
import { Engine, type EngineEvents } from "./engines/engine.ts";
import { EpollEngine } from "./engines/epoll/engine.ts";
import { bindListener } from "./engines/listen.ts";
import type {
  ConnectionSetupHook,
  ConnectionTeardownHook,
  ErrorHook,
  Handler,
  PreRoutingHook,
} from "./hooks.ts";
import { resolveOptions, type ServerOptions } from "./options.ts";
import { ServerHandle } from "./server_handle.ts";
import { readTlsIdentity, type TlsIdentity, type TlsOptions } from "./tls.ts";
import type { Duplex } from "./transport.ts";

/** How {@linkcode Server.serve} goes about it. */
export interface ServeOptions {
  /** Ends serving, as {@linkcode ServerHandle.shutdown} does. */
  readonly signal?: AbortSignal;
  /** Told the first address, when it is bound. */
  readonly onListen?: (addr: Deno.Addr) => void;
  /** Told what a hook throws or why accepting failed; at most once a second. @default {report to the console} */
  readonly onError?: (error: unknown) => void;
}

/** How {@linkcode Server.serveEpoll} goes about it. */
export interface EpollServeOptions extends ServeOptions {
  /**
   * The C library's path, for `--allow-ffi=<path>`: both have to be the same
   * text. @default {where the loader finds it}
   */
  readonly libc?: string;
}

/** An engine that listens nowhere yet. */
interface StartedEngine {
  readonly engine: Engine;
  bind(address: ListenAddress): Listener;
}

/**
 * Collects what a server is made of.
 *
 * @example Routes, hooks, limits
 * ```ts
 * import { PreRoutingAction, Server } from "@khttp/khttp";
 *
 * const app = Server.builder("127.0.0.1:8080", { idleTimeout: 5000 });
 * app.get("/user/:id", (ctx, res) => res.ok(ctx.params.get("id")))
 *   .fallbackRoute((_, res) => res.send(404, "404"))
 *   .preRoutingHook(() => PreRoutingAction.proceed)
 *   .maxRequestHeadSize(16 * 1024);
 * ```
 */
export class ServerBuilder {
  #addresses: readonly ListenAddress[];
  #options: Partial<ServerOptions>;
  #router: RouterBuilder<Handler> = new RouterBuilder();
  #fallback: Handler | null = null;
  #connectionSetup: ConnectionSetupHook | null = null;
  #preRouting: PreRoutingHook | null = null;
  #connectionTeardown: ConnectionTeardownHook | null = null;
  #error: ErrorHook | null = null;
  #tls: TlsIdentity | null = null;

  /**
   * Begins a server; {@linkcode Server.builder} is the usual way.
   *
   * @throws {TypeError | RangeError} If an address or an option is not valid.
   */
  constructor(
    address: Address | readonly Address[],
    options: Partial<ServerOptions> = {},
  ) {
    const addresses = isList(address) ? address : [address];
    if (addresses.length === 0) {
      throw new TypeError("Cannot listen: no address was given");
    }
    this.#addresses = Object.freeze(addresses.map(parseAddress));
    this.#options = resolveOptions(options);
  }

  /**
   * Adds a route; the same shape again replaces it.
   *
   * @param method Any token; matched byte for byte.
   * @param pattern `/`-separated: literals, `:name`, `*` (one segment), `**` (the rest).
   * @throws {TypeError} If the method is no token or the pattern is wrong.
   */
  route(method: string, pattern: string, handler: Handler): this {
    checkFunction("route handler", handler);
    this.#router.add(method, pattern, handler);
    return this;
  }

  /** Adds a route for GET, which answers HEAD too. */
  get(pattern: string, handler: Handler): this {
    return this.route("GET", pattern, handler);
  }

  /** Adds a route for HEAD. */
  head(pattern: string, handler: Handler): this {
    return this.route("HEAD", pattern, handler);
  }

  /** Adds a route for POST. */
  post(pattern: string, handler: Handler): this {
    return this.route("POST", pattern, handler);
  }

  /** Adds a route for PUT. */
  put(pattern: string, handler: Handler): this {
    return this.route("PUT", pattern, handler);
  }

  /** Adds a route for PATCH. */
  patch(pattern: string, handler: Handler): this {
    return this.route("PATCH", pattern, handler);
  }

  /** Adds a route for DELETE. */
  delete(pattern: string, handler: Handler): this {
    return this.route("DELETE", pattern, handler);
  }

  /** Adds a route for OPTIONS. */
  options(pattern: string, handler: Handler): this {
    return this.route("OPTIONS", pattern, handler);
  }

  /** Sends every request that no route takes there, instead of answering 404, 405, 501, HEAD and OPTIONS. */
  fallbackRoute(handler: Handler): this {
    checkFunction("fallback handler", handler);
    this.#fallback = handler;
    return this;
  }

  /** Sets the hook that sees every accept, failed ones too. */
  connectionSetupHook(hook: ConnectionSetupHook): this {
    checkFunction("connection setup hook", hook);
    this.#connectionSetup = hook;
    return this;
  }

  /** Sets the hook that sees every request before routing. */
  preRoutingHook(hook: PreRoutingHook): this {
    checkFunction("pre-routing hook", hook);
    this.#preRouting = hook;
    return this;
  }

  /** Sets the hook that is told once how each connection ended. */
  connectionTeardownHook(hook: ConnectionTeardownHook): this {
    checkFunction("connection teardown hook", hook);
    this.#connectionTeardown = hook;
    return this;
  }

  /** Sets the hook that is told what a handler or a response's body throws. */
  errorHook(hook: ErrorHook): this {
    checkFunction("error hook", hook);
    this.#error = hook;
    return this;
  }

  /**
   * Bounds request heads, from the method to the empty line; beyond it 431 and
   * close. `maxHeaderBytes` is raised to it if it is lower.
   *
   * @param bytes An integer of at least 1. The default is 32,768.
   * @throws {RangeError} If it is not.
   */
  maxRequestHeadSize(bytes: number): this {
    const { maxHeaderBytes = 0 } = this.#options;
    this.#options = resolveOptions({
      ...this.#options,
      maxRequestHeadSize: bytes,
      maxHeaderBytes: Math.max(bytes, maxHeaderBytes),
    });
    return this;
  }

  /**
   * Bounds how many events {@linkcode Server.serveEpoll} takes from the system at once.
   *
   * @param count An integer of at least 1. The default is 512.
   * @throws {RangeError} If it is not.
   */
  epollQueueMaxEvents(count: number): this {
    this.#options = resolveOptions({
      ...this.#options,
      epollQueueMaxEvents: count,
    });
    return this;
  }

  /**
   * Serves HTTPS on the TCP addresses, with `http/1.1` as the only protocol
   * that is negotiated.
   *
   * @param options PEM text, or files of it, which are read at once.
   * @throws {TypeError} If something is missing or no PEM text.
   * @throws {Deno.errors.NotFound | Deno.errors.PermissionDenied} If a file cannot be read.
   */
  tls(options: TlsOptions): this {
    this.#tls = readTlsIdentity(options);
    return this;
  }

  /** Freezes what was collected; the builder can go on and build another. */
  build(): Server {
    const app: Application = Object.freeze({
      router: this.#router.build(),
      fallback: this.#fallback,
      hooks: Object.freeze({
        connectionSetup: this.#connectionSetup,
        preRouting: this.#preRouting,
        connectionTeardown: this.#connectionTeardown,
        error: this.#error,
      }),
      options: resolveOptions(this.#options),
      tls: this.#tls,
    });
    return new Server(app, this.#addresses);
  }
}

/**
 * An application that is ready to serve.
 *
 * @example The smallest server
 * ```ts
 * import { Server } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (_, res) => res.ok("Hello, World!"));
 * await using handle = app.build().serve();
 * const { port } = handle.addr as Deno.NetAddr;
 * const response = await fetch(`http://127.0.0.1:${port}/`);
 * assertEquals(await response.text(), "Hello, World!");
 * ```
 */
export class Server {
  #app: Application;
  #addresses: readonly ListenAddress[];
  #handling: Engine | null = null;

  /** Made by {@linkcode ServerBuilder.build}. */
  constructor(app: Application, addresses: readonly ListenAddress[]) {
    this.#app = app;
    this.#addresses = addresses;
  }

  /**
   * Begins a server.
   *
   * @param address `host:port`, `[v6]:port`, `unix:/path`, an object, or a list of those; port 0 asks for a free one.
   * @param options Limits and deadlines that differ from the defaults.
   * @throws {TypeError | RangeError} If an address or an option is not valid.
   */
  static builder(
    address: Address | readonly Address[],
    options: Partial<ServerOptions> = {},
  ): ServerBuilder {
    return new ServerBuilder(address, options);
  }

  /** The addresses that it will bind. */
  get bindAddrs(): readonly ListenAddress[] {
    return this.#addresses;
  }

  /** The limits and deadlines in force. */
  get options(): ServerOptions {
    return this.#app.options;
  }

  /**
   * Serves on the default engine, which needs only `--allow-net`.
   *
   * @returns A handle; serving has begun.
   * @throws {Error} If an address cannot be bound, or what `onListen` throws;
   * none is bound then.
   */
  serve(options: ServeOptions = {}): ServerHandle {
    const { tls } = this.#app;
    return this.#serve(options, (events) => ({
      engine: new Engine(this.#app, events),
      bind: (address) => bindListener(address, { tls }),
    }));
  }

  /**
   * Serves on Linux's epoll, by the C library: needs `--allow-ffi` beside
   * `--allow-net`, and does about half the work a request. Unix sockets go the
   * way of {@linkcode Server.serve}. Timers, promises and all other I/O of the
   * program go on as usual.
   *
   * With `--allow-net` for some addresses only, add `127.0.0.1:0`, over which
   * the runtime is told that it has I/O of its own; it is told late otherwise.
   *
   * @returns A handle; serving has begun.
   * @throws {Deno.errors.NotSupported} On another system.
   * @throws {Deno.errors.NotCapable} Without the permissions.
   * @throws {TypeError} If the application has a TLS identity.
   * @throws {Error} If an address cannot be bound, or what `onListen` throws;
   * none is bound then.
   */
  serveEpoll(options: EpollServeOptions = {}): ServerHandle {
    if (this.#app.tls !== null) {
      throw new TypeError("Cannot serve TLS with epoll: use serve()");
    }
    return this.#serve(options, (events) => {
      const epoll = new EpollEngine(this.#app, events, {
        libc: options.libc,
        maxEvents: this.#app.options.epollQueueMaxEvents,
        isShared: false,
      });
      return {
        engine: epoll.engine,
        bind: (address) => epoll.bind(address),
      };
    });
  }

  #serve(
    options: ServeOptions,
    start: (events: EngineEvents) => StartedEngine,
  ): ServerHandle {
    const { signal } = options;
    signal?.throwIfAborted();
    const finished = Promise.withResolvers<void>();
    const { engine, bind } = start({
      onFinished(error: unknown): void {
        if (error === null) finished.resolve();
        else finished.reject(error);
      },
      onError: limitRate(options.onError ?? reportError),
    });
    const addrs: Deno.Addr[] = [];
    try {
      for (const address of this.#addresses) {
        const listener = bind(address);
        addrs.push(listener.addr);
        engine.acceptFrom(listener);
      }
    } catch (error) {
      engine.closeNow();
      throw error;
    }
    const handle = new ServerHandle(engine, addrs, finished.promise);
    if (signal !== undefined) stopOn(signal, engine, finished.promise);
    try {
      options.onListen?.(handle.addr);
    } catch (error) {
      engine.closeNow(); // nobody has a handle to do it
      throw error;
    }
    return handle;
  }

  /**
   * Serves one connection that was accepted elsewhere.
   *
   * @param conn Any duplex; it is closed at the end.
   * @returns A promise that resolves when the connection ended.
   */
  async handle(conn: Duplex): Promise<void> {
    this.#handling ??= new Engine(this.#app, {
      onFinished: () => {},
      onError: limitRate(reportError),
    });
    await this.#handling.handle(conn);
  }
}

function isList(
  address: Address | readonly Address[],
): address is readonly Address[] {
  return Array.isArray(address);
}

function checkFunction(what: string, value: unknown): void {
  if (typeof value === "function") return;
  throw new TypeError(`Cannot set ${what}: it is not a function`);
}

function stopOn(
  signal: AbortSignal,
  engine: Engine,
  finished: Promise<void>,
): void {
  const stop = (): void => engine.stop();
  signal.addEventListener("abort", stop, { once: true });
  const forget = (): void => signal.removeEventListener("abort", stop);
  finished.then(forget, forget);
}

/** Errors that nobody else is told end up where uncaught ones are reported, without ending the process. */
function reportError(error: unknown): void {
  // deno-lint-ignore no-console -- the only place that prints, and only if no `onError` was given
  console.error(error);
}

/** Passes on at most one call a second, so that a storm of failures is no storm of lines. */
function limitRate(report: (error: unknown) => void): (error: unknown) => void {
  let nextMs = -Infinity;
  return (error) => {
    const nowMs = performance.now();
    if (nowMs < nextMs) return;
    nextMs = nowMs + 1000;
    try {
      report(error);
    } catch (thrown) {
      reportError(thrown); // what serves goes on, whatever its owner's function does
    }
  };
}
