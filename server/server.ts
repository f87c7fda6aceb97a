/**
 * The public face: a builder that collects routes, hooks and options, and the
 * server that it freezes into. Mistakes of the caller are thrown at the call
 * that makes them. Both stand here because each makes the other.
 */

import { RouterBuilder } from "../router/router.ts";
import { type Address, type ListenAddress, parseAddress } from "./address.ts";
import type { Application } from "./application.ts";
import { ConnectionManager } from "./engines/connection_manager.ts";
import {
  type EngineStarter,
  epollStarter,
  listenStarter,
  requireClearText,
} from "./engines/start.ts";
import { errorReport } from "./error_report.ts";
import type {
  ConnectionSetupHook,
  ConnectionTeardownHook,
  ErrorHook,
  Handler,
  PreRoutingHook,
} from "./hooks.ts";
import { resolveOptions, type ServerOptions } from "./options.ts";
import type {
  EpollServeOptions,
  ServeOptions,
  ThreadedServeOptions,
} from "./serve_options.ts";
import type { ServerHandle } from "./server_handle.ts";
import { handleOf, startServing } from "./serving.ts";
import { readTlsIdentity, type TlsIdentity, type TlsOptions } from "./tls.ts";
import type { Duplex } from "./duplex.ts";
import { serveThreaded } from "./workers/threaded.ts";

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
   * Says how many workers {@linkcode Server.serveThreaded} starts.
   *
   * @param count An integer; 0, the default, is one for each core.
   * @throws {RangeError} If it is negative or no integer.
   */
  threadCount(count: number): this {
    this.#options = resolveOptions({ ...this.#options, threadCount: count });
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
  #handling: ConnectionManager | null = null;

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
    return this.#serve(options, listenStarter(this.#app, false));
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
    requireClearText(this.#app);
    const { libc } = options;
    const start = epollStarter(this.#app, { libc, descriptors: null });
    return this.#serve(options, start);
  }

  /**
   * Serves from several cores: starts workers that run the program's main
   * module again; there, this same call serves on the ports that all share.
   * The program's own thread gets a handle for all of them and serves nothing
   * itself. `isMainThread` of `node:worker_threads` tells where a program is,
   * for what should be done once.
   *
   * Ending it anywhere ends it everywhere: by the handle, the signal, a setup
   * hook. A worker gets a second to end when it has served its last request. One
   * that dies is replaced, its connections are cut, and `onError` is told; if
   * none can begin at all, `finished` rejects with the reason. The counts of
   * the handle are at most a second old.
   *
   * Needs Linux, `--allow-read` for the program's modules, and on the default
   * engine `--unstable-net`. Unix sockets cannot be shared.
   *
   * @returns A handle; connections are accepted when `onListen` is told.
   * @throws {TypeError} If an address is a path, the program is in no file, or
   * TLS is wanted with epoll.
   * @throws {RangeError} If the number of workers is none.
   * @throws {Deno.errors.NotSupported} On another system, or without `--unstable-net`.
   * @throws {Deno.errors.NotCapable} Without the permissions.
   * @throws {Error} If an address cannot be bound.
   */
  serveThreaded(options: ThreadedServeOptions = {}): ServerHandle {
    const { signal } = options;
    signal?.throwIfAborted();
    const serving = serveThreaded({
      app: this.#app,
      addresses: this.#addresses,
      options,
    });
    return handleOf(serving, signal);
  }

  #serve(options: ServeOptions, start: EngineStarter): ServerHandle {
    const { signal, onListen } = options;
    signal?.throwIfAborted();
    const serving = startServing({
      addresses: this.#addresses,
      options,
      start,
    });
    const handle = handleOf(serving, signal);
    try {
      onListen?.(handle.addr);
    } catch (error) {
      handle.closeNow(); // nobody has a handle to do it
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
    this.#handling ??= new ConnectionManager(this.#app, {
      onFinished: () => {},
      onError: errorReport(),
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
