/**
 * The public entry: a builder that collects routes, hooks and options, and the
 * immutable server that it builds. A wrong argument throws from the call that
 * receives it. Both classes are in this file because each creates the other.
 */

import { RouterBuilder } from "../router/router.ts";
import { type Address, type ListenAddress, parseAddresses } from "./address.ts";
import {
  type ConnectionManager,
  startHandling,
  startServing,
} from "./engines/connection_manager.ts";
import type { Engine } from "./engines/engine.ts";
import {
  defaultEngine,
  engineOf,
  epollEngine,
  requireClearText,
  sharedEngine,
  sharePorts,
} from "./engines/start.ts";
import { HookLists } from "./hook_chains.ts";
import type {
  Application,
  ConnectionSetupHook,
  ConnectionTeardownHook,
  ErrorHook,
  Handler,
  PreRoutingHook,
  RefusalHook,
  RouteHandler,
} from "./hooks.ts";
import { checkFunction, checkRoute, twoFallbacks } from "./hooks.ts";
import {
  resolveOptions,
  type ServerOptions,
  type ServerOptionsInit,
} from "./options.ts";
import {
  checkServeOptions,
  type EpollServeOptions,
  type ServeOptions,
  type ThreadedServeOptions,
} from "./serve_options.ts";
import { ServerHandle, stopOnAbort } from "./server_handle.ts";
import {
  type ProxyProtocolOptions,
  readProxyProtocol,
  type TrustedPeers,
} from "./proxies/trusted_peers.ts";
import { readTlsIdentity, type TlsIdentity, type TlsOptions } from "./tls.ts";
import type { Duplex } from "./duplex.ts";
import { serveThreaded } from "./workers/threaded.ts";

/**
 * Collects the routes, hooks and options of a server.
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
  #options: ServerOptionsInit;
  #router: RouterBuilder<Handler> = new RouterBuilder();
  #fallback: Handler | null = null;
  #notFound: Handler | null = null;
  #hooks: HookLists = new HookLists();
  #tls: TlsIdentity | null = null;
  #proxies: TrustedPeers | null = null;

  /**
   * Creates a builder; {@linkcode Server.builder} is the usual way.
   *
   * @throws {TypeError | RangeError} If an address or an option is not valid.
   */
  constructor(
    address: Address | readonly Address[],
    options: ServerOptionsInit = {},
  ) {
    this.#addresses = parseAddresses(address);
    this.#options = resolveOptions(options);
  }

  /**
   * Adds a route. A second route with the same method and shape replaces the first.
   *
   * @param method Any token; compared byte for byte.
   * @param pattern Segments separated by `/`: literals, `:name`, `*` (one segment),
   * `**` (the rest). From a string literal, the types of the handler's params follow.
   * @throws {TypeError} If the method is not a token or is a standard method in
   * lower case, the pattern is not valid, or the handler is not a function or
   * does not fit the pattern.
   */
  route<Pattern extends string>(
    method: string,
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    checkRoute(method, pattern, handler);
    // The router gives the handler the params of this pattern alone.
    this.#router.add(method, pattern, handler as Handler);
    return this;
  }

  /** Adds a route for GET, which also serves HEAD. */
  get<Pattern extends string>(
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    return this.route("GET", pattern, handler);
  }

  /** Adds a route for HEAD. */
  head<Pattern extends string>(
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    return this.route("HEAD", pattern, handler);
  }

  /** Adds a route for POST. */
  post<Pattern extends string>(
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    return this.route("POST", pattern, handler);
  }

  /** Adds a route for PUT. */
  put<Pattern extends string>(
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    return this.route("PUT", pattern, handler);
  }

  /** Adds a route for PATCH. */
  patch<Pattern extends string>(
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    return this.route("PATCH", pattern, handler);
  }

  /** Adds a route for DELETE. */
  delete<Pattern extends string>(
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    return this.route("DELETE", pattern, handler);
  }

  /** Adds a route for OPTIONS. */
  options<Pattern extends string>(
    pattern: Pattern,
    handler: RouteHandler<Pattern>,
  ): this {
    return this.route("OPTIONS", pattern, handler);
  }

  /**
   * Sets the handler of requests whose path matches no route, instead of the
   * built-in 404. HEAD of GET routes, OPTIONS, 405 and 501 stay automatic.
   *
   * @throws {TypeError} If the handler is not a function, or a fallback route is
   * set, which handles these requests already.
   *
   * @example A custom page
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.notFound((ctx, res) => res.send(404, `Nothing at ${ctx.uri.path}\n`));
   * ```
   */
  notFound(handler: Handler): this {
    checkFunction("not-found handler", handler);
    if (this.#fallback !== null) throw twoFallbacks();
    this.#notFound = handler;
    return this;
  }

  /**
   * Sets the handler of all requests that match no route. It replaces the
   * built-in 404, 405 and 501 and the responses to HEAD and OPTIONS;
   * {@linkcode ServerBuilder.notFound} replaces the 404 alone.
   *
   * @throws {TypeError} If the handler is not a function, or a not-found handler
   * is set, which would never be called.
   */
  fallbackRoute(handler: Handler): this {
    checkFunction("fallback handler", handler);
    if (this.#notFound !== null) throw twoFallbacks();
    this.#fallback = handler;
    return this;
  }

  /**
   * Adds a hook that is called after each accept, including a failed one. Several
   * run in this order, each with the connection of the one before, until one drops it.
   */
  connectionSetupHook(hook: ConnectionSetupHook): this {
    checkFunction("connection setup hook", hook);
    this.#hooks.connectionSetup.push(hook);
    return this;
  }

  /**
   * Adds a hook that is called for each request before routing. Several run in
   * this order until one drops the request.
   */
  preRoutingHook(hook: PreRoutingHook): this {
    checkFunction("pre-routing hook", hook);
    this.#hooks.preRouting.push(hook);
    return this;
  }

  /** Adds a hook that is called once at the end of each connection. All are called, in this order. */
  connectionTeardownHook(hook: ConnectionTeardownHook): this {
    checkFunction("connection teardown hook", hook);
    this.#hooks.connectionTeardown.push(hook);
    return this;
  }

  /**
   * Adds a hook for each request that is refused before a handler or another hook
   * sees it: it is malformed, too large or too slow (400, 408, 413, 414, 417, 421,
   * 431, 501, 505). All are called, in this order, before the response is sent.
   *
   * @example Log refused requests
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.refusalHook(({ code, status }, res) => {
   *   console.log(status, code);
   *   res.headers.set("cache-control", "no-store");
   *   res.body = `This request cannot be served (${code})\n`;
   * });
   * ```
   */
  refusalHook(hook: RefusalHook): this {
    checkFunction("refusal hook", hook);
    this.#hooks.refusal.push(hook);
    return this;
  }

  /**
   * Adds a hook for what a handler, a pre-routing hook or a response's body throws.
   * All are called, in this order; the first response counts. Without one, errors are printed.
   */
  errorHook(hook: ErrorHook): this {
    checkFunction("error hook", hook);
    this.#hooks.error.push(hook);
    return this;
  }

  /**
   * Limits the size of request heads, from the method to the empty line. A
   * larger head gets 431, and the connection closes. Raises `maxHeaderBytes` to
   * this value if it is lower.
   *
   * @param bytes An integer of at least 1. The default is 32,768.
   * @throws {RangeError} If the number is not such an integer.
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
   * Limits how many events {@linkcode Server.serveEpoll} takes from the system in one call.
   *
   * @param count An integer of at least 1. The default is 512.
   * @throws {RangeError} If the number is not such an integer.
   */
  epollQueueMaxEvents(count: number): this {
    this.#options = resolveOptions({
      ...this.#options,
      epollQueueMaxEvents: count,
    });
    return this;
  }

  /**
   * Sets how many workers {@linkcode Server.serveThreaded} starts.
   *
   * @param count An integer from 0 to 1024. The default, 0, means one for each core.
   * @throws {RangeError} If the number is not such an integer.
   */
  threadCount(count: number): this {
    this.#options = resolveOptions({ ...this.#options, threadCount: count });
    return this;
  }

  /**
   * Serves HTTPS on the TCP addresses. `http/1.1` is the only protocol that is
   * negotiated. Other options choose certificates by name, and ask clients for theirs.
   * @param options PEM text, or paths of PEM files, which this call reads.
   * @throws {TypeError} If a certificate or key is missing or is not valid PEM text,
   * if the two do not belong together, or if another option is wrong.
   * @throws {Deno.errors.NotFound | Deno.errors.PermissionDenied} If a file cannot be read.
   */
  tls(options: TlsOptions): this {
    this.#tls = readTlsIdentity(options);
    return this;
  }

  /**
   * Expects a PROXY header, version 1 or 2, from load balancers that forward TCP,
   * before TLS. Hooks and handlers then see the client's address. A connection is
   * closed if its peer is not trusted, before anything is read from it, or if its
   * header is not valid or takes longer than `headerTimeout`. No hook sees such a
   * connection; the first one in a minute is reported.
   *
   * @param options The peers that send the header.
   * @throws {TypeError} If the list of peers is empty, or an entry is not valid.
   *
   * @example Behind a load balancer
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.proxyProtocol({ trusted: ["10.0.0.0/8"] });
   * app.get("/", (ctx, res) => res.ok(`You are ${ctx.ip}`));
   * ```
   */
  proxyProtocol(options: ProxyProtocolOptions): this {
    this.#proxies = readProxyProtocol(options);
    return this;
  }

  /** Builds an immutable server. The builder can be changed further and build another one. */
  build(): Server {
    const app: Application = Object.freeze({
      router: this.#router.build(),
      fallback: this.#fallback,
      notFound: this.#notFound,
      hooks: this.#hooks.join(),
      options: resolveOptions(this.#options),
      tls: this.#tls,
      proxies: this.#proxies,
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
 * const response = await fetch(handle.url);
 * assertEquals(await response.text(), "Hello, World!");
 * ```
 */
export class Server {
  #app: Application;
  #addresses: readonly ListenAddress[];
  #handling: ConnectionManager | null = null;

  /**
   * Creates a server; only {@linkcode ServerBuilder.build} does this.
   *
   * @ignore
   */
  constructor(app: Application, addresses: readonly ListenAddress[]) {
    this.#app = app;
    this.#addresses = addresses;
  }

  /**
   * Creates a builder.
   *
   * @param address `host:port`, `[v6]:port`, `unix:/path`, an object, or a list
   * of those. A number is a port on all IPv4 addresses of the machine, as
   * containers need it; `"127.0.0.1:8080"` can be reached from the machine itself
   * only. Port 0 asks the system for a free port. `"fd:3"` is a socket that the
   * program inherited, for {@linkcode Server.serveEpoll}.
   * @param options Limits and deadlines that differ from the defaults.
   * @throws {TypeError | RangeError} If an address or an option is not valid.
   */
  static builder(
    address: Address | readonly Address[],
    options: ServerOptionsInit = {},
  ): ServerBuilder {
    return new ServerBuilder(address, options);
  }

  /** The addresses to bind. */
  get bindAddrs(): readonly ListenAddress[] {
    return this.#addresses;
  }

  /** The limits and deadlines in force. */
  get options(): ServerOptions {
    return this.#app.options;
  }

  /**
   * Serves on the runtime's own sockets, or on those of `node:net`. Both need
   * only `--allow-net`.
   *
   * @returns The handle of the server, which accepts connections already.
   * @throws {TypeError} If there is no such option, or its value is wrong.
   * @throws {Error} If an address cannot be bound, or the error that `onListen`
   * throws. No address stays bound then.
   */
  serve(options: ServeOptions = {}): ServerHandle {
    checkServeOptions("serve", options);
    return this.#serve(options, () => engineOf(this.#app, options.engine));
  }

  /**
   * Serves on Linux's epoll through the C library. Needs `--allow-ffi` in
   * addition to `--allow-net`. A small request takes about three quarters of the
   * CPU time that it takes with {@linkcode Server.serve}. Timers, promises and all other I/O of
   * the program run as usual. Connections of Unix sockets, and those whose
   * methods a setup hook replaced, are served through the runtime or those
   * methods instead.
   *
   * An inherited socket (`"fd:3"`) must be a TCP socket that listens, and
   * `--allow-net` must permit its address. The server owns the descriptor then and
   * closes it at the end; a parent that keeps the socket keeps its queue.
   *
   * If `--allow-net` names addresses, add `127.0.0.1:0`. The engine connects
   * the process to itself there, to notice I/O of the runtime. Without this
   * permission, that I/O is delayed.
   *
   * In a `Worker` of the program, close the handle before `terminate()`: the
   * runtime does not know the sockets of this engine, and a terminated worker
   * cannot close them, so they would stay open until the process ends.
   *
   * @returns The handle of the server, which accepts connections already.
   * @throws {Deno.errors.NotSupported} If the system is not Linux.
   * @throws {Deno.errors.NotCapable} If a permission is missing.
   * @throws {TypeError} If the application has a TLS identity, there is no such
   * option, or its value is wrong.
   * @throws {Error} If an address cannot be bound, or the error that `onListen`
   * throws. No address stays bound then.
   */
  serveEpoll(options: EpollServeOptions = {}): ServerHandle {
    checkServeOptions("serveEpoll", options);
    return this.#serve(options, () => epollEngine(this.#app, options.libc));
  }

  /**
   * Serves on several cores. Starts workers that run the program's main module
   * again; in a worker, this same call serves the ports that all workers share.
   * The program's own thread gets a handle for all workers and serves nothing
   * itself. `isMainThread` of `node:worker_threads` tells a program which thread
   * it is on, for work that should be done once.
   *
   * When a handle, the signal or a setup hook ends serving, on any thread, all
   * workers end it. Each worker then has one second after its last request to
   * exit. A worker that dies, runs out of memory or hangs is replaced; its
   * connections are cut, and `onError` is called. If no worker can start,
   * `finished` rejects with the reason. The handle's counts are at most one second
   * old.
   *
   * Needs Linux; on Deno also `--allow-read` for the program's modules, and on
   * the default engine `--unstable-net`. Unix sockets cannot be shared.
   *
   * @returns The handle of the server, which accepts connections when `onListen` is called.
   * @throws {TypeError} If an address is a path, the program has no module file,
   * TLS is combined with epoll, there is no such option, or its value is wrong.
   * @throws {RangeError} If the number of workers or another number is not valid.
   * @throws {Deno.errors.NotSupported} If the system or the runtime cannot do it, or `--unstable-net` is missing.
   * @throws {Deno.errors.NotCapable} If a permission is missing.
   * @throws {Error} If an address cannot be bound.
   */
  serveThreaded(options: ThreadedServeOptions = {}): ServerHandle {
    checkServeOptions("serveThreaded", options);
    const { signal, engine = defaultEngine(), libc, onError } = options;
    signal?.throwIfAborted();
    const app = this.#app;
    if (engine === "epoll") requireClearText(app);
    const serving = serveThreaded({
      addresses: this.#addresses,
      engine,
      options,
      threadCount: app.options.threadCount,
      sharePorts: (addresses, threadCount) =>
        sharePorts(addresses, { engine, threadCount, libc }),
      serve: ({ addresses, descriptors }) =>
        startServing(
          app,
          sharedEngine(app, { engine, libc, descriptors }),
          addresses,
          onError,
        ),
    });
    stopOnAbort(serving, signal);
    return new ServerHandle(serving, app.tls !== null);
  }

  #serve(
    options: Omit<ServeOptions, "engine">,
    makeEngine: () => Engine,
  ): ServerHandle {
    const { signal, onListen, onError } = options;
    signal?.throwIfAborted();
    const app = this.#app;
    const serving = startServing(app, makeEngine(), this.#addresses, onError);
    stopOnAbort(serving, signal);
    const handle = new ServerHandle(serving, app.tls !== null);
    try {
      onListen?.(handle.addr);
    } catch (error) {
      handle.closeNow(); // the caller gets no handle to do this itself
      throw error;
    }
    return handle;
  }

  /**
   * Serves one connection that the caller has accepted. The setup hook is
   * called as for any other connection.
   *
   * @param conn Any duplex; the server closes it at the end.
   * @returns A promise that resolves when the connection has ended.
   */
  async handle(conn: Duplex): Promise<void> {
    // A setup hook can stop a manager; later connections get another one.
    if (this.#handling?.isStopping !== false) {
      this.#handling = startHandling(this.#app, engineOf(this.#app));
    }
    await this.#handling.handle(conn);
  }
}
