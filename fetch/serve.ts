/**
 * `serve()`: a server for one fetch handler, with the shape of `Deno.serve()`.
 * It only translates the settings: the server does everything else.
 */

import type {
  Addr as AnyAddr,
  NetAddr,
  UnixAddr,
} from "../codec/socket_address.ts";
import type { Address } from "../server/address.ts";
import type { ErrorHook } from "../server/hooks.ts";
import type { ServerOptionsInit } from "../server/options.ts";
import { Server } from "../server/server.ts";
import type { ServerHandle } from "../server/server_handle.ts";
import type { TlsPair } from "../server/tls.ts";
import { type FetchHandler, type FetchModule, toHandler } from "./handler.ts";
import { exchangeOf } from "./fetch_exchange.ts";
import { ResponseSender } from "./response_sender.ts";

/** Settings that every address has: those of `Deno.serve()`, the engine, and the server's limits and deadlines. */
export interface FetchServeOptions extends ServerOptionsInit {
  /** A certificate chain as PEM text; serves HTTPS. */
  readonly cert?: string | undefined;
  /** The private key of the certificate, as PEM text. */
  readonly key?: string | undefined;
  /** Ends serving when it is aborted. Requests that are running are answered first. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the response to a request whose handler has thrown. @default {prints the error, and responds with 500} */
  readonly onError?:
    | ((error: unknown) => Response | Promise<Response>)
    | undefined;
  /** Moves the bytes: the runtime's sockets, those of `node:net`, or Linux's epoll, which needs `--allow-ffi`. @default {"listen" on Deno, "node" elsewhere} */
  readonly engine?: "listen" | "node" | "epoll" | undefined;
  /** How many threads serve; each runs the program's main module. @default {the program's own thread alone} */
  readonly workers?: number | undefined;
  /** The module that each worker runs. @default {the program's main module} */
  readonly module?: string | URL | undefined;
  /** How long a worker may block its event loop, in ms; see {@linkcode ThreadedServeOptions.hangTimeout}. @default {10000} */
  readonly hangTimeout?: number | undefined;
  /** The limit for the heap of each worker, in bytes; see {@linkcode ThreadedServeOptions.maxHeapBytes}. @default {the runtime's limit} */
  readonly maxHeapBytes?: number | undefined;
  /** The C library's path; for the engine `"epoll"`. */
  readonly libc?: string | undefined;
  /** The load balancers that send PROXY headers; see {@linkcode ServerBuilder.proxyProtocol}. @default {there are none} */
  readonly proxyProtocol?: { readonly trusted: readonly string[] } | undefined;
}

/** Settings of {@linkcode serve} for a TCP port. */
export interface FetchTcpOptions extends FetchServeOptions {
  /** The port; 0 asks the system for a free one. @default {8000} */
  readonly port?: number | undefined;
  /** The address to listen on. @default {"0.0.0.0"} */
  readonly hostname?: string | undefined;
  /** Called with the address when it is bound. */
  readonly onListen?: ((addr: NetAddr) => void) | undefined;
}

/** Settings of {@linkcode serve} for a Unix socket. */
export interface FetchUnixOptions extends FetchServeOptions {
  /** The path of the socket. */
  readonly path: string;
  /** Called with the address when it is bound. */
  readonly onListen?: ((addr: UnixAddr) => void) | undefined;
}

/** The handle of a server with one address, whose kind the settings choose. */
export type FetchServerHandle<Addr extends AnyAddr = NetAddr> =
  & ServerHandle
  & { readonly addr: Addr };

/** What answers requests on some kind of address. */
type Fetch<Addr extends AnyAddr> = FetchHandler<Addr> | FetchModule<Addr>;

/** All settings, as the functions here read them. */
interface Settings extends FetchServeOptions {
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
  readonly path?: string | undefined;
  // Called with the kind of address that the other settings choose.
  readonly onListen?: ((addr: never) => void) | undefined;
  readonly handler?: Fetch<AnyAddr> | undefined;
}

/** The largest body that `text()`, `json()` and the like accept unless the settings say otherwise, in bytes. */
const MAX_BUFFERED_BODY_BYTES = 16 * 1024 * 1024;

/**
 * Serves a fetch handler, as `Deno.serve()` does: to move a program here, change
 * the call's name.
 *
 * The server's limits apply. Of these, `maxBufferedBodyBytes` is 16 MiB here
 * instead of 1 MiB: programs for other servers expect to read uploads whole.
 *
 * @param handler A function from `Request` to `Response`, or an object that has
 * it as `fetch`, such as the application of a framework.
 * @returns The handle of the server, which accepts connections already.
 * @throws {TypeError | RangeError} If a setting is unknown or its value is wrong.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {Error} If the address cannot be bound.
 *
 * @example A server
 * ```ts
 * import { serve } from "@khttp/khttp/fetch";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0 }, (request) => {
 *   const { pathname } = new URL(request.url);
 *   return new Response(`You are at ${pathname}`);
 * });
 * const response = await fetch(`${server.url}/here`);
 * assertEquals(await response.text(), "You are at /here");
 * ```
 */
export function serve(
  handler: FetchHandler | FetchModule,
): FetchServerHandle;
/** Serves a fetch handler on a Unix socket. */
export function serve(
  options: FetchUnixOptions,
  handler: FetchHandler<UnixAddr> | FetchModule<UnixAddr>,
): FetchServerHandle<UnixAddr>;
/** Serves a fetch handler on a TCP port. */
export function serve(
  options: FetchTcpOptions,
  handler: FetchHandler | FetchModule,
): FetchServerHandle;
/** Serves the fetch handler that is among the settings, on a Unix socket. */
export function serve(
  options: FetchUnixOptions & {
    readonly handler: FetchHandler<UnixAddr> | FetchModule<UnixAddr>;
  },
): FetchServerHandle<UnixAddr>;
/** Serves the fetch handler that is among the settings, on a TCP port. */
export function serve(
  options: FetchTcpOptions & { readonly handler: FetchHandler | FetchModule },
): FetchServerHandle;
export function serve(first: unknown, second?: unknown): ServerHandle {
  const [settings, handler] = readArguments(first, second);
  const { engine, workers, libc, signal, onListen, onError } = settings;
  checkNames(settings);
  checkCombinations(settings);
  checkEngine(engine);
  if (onError !== undefined && typeof onError !== "function") {
    throw new TypeError("Cannot set option onError: not a function");
  }
  const app = Server.builder(addressOf(settings), limitsOf(settings));
  app.fallbackRoute(toHandler(handler));
  if (onError !== undefined) app.errorHook(errorHook(onError));
  const { proxyProtocol } = settings;
  if (proxyProtocol !== undefined) app.proxyProtocol(proxyProtocol);
  const pair = tlsPairOf(settings);
  if (pair !== null) app.tls(pair);
  const server = app.build();
  const serving = {
    signal,
    // The settings' types pair each kind of address with its function.
    onListen: onListen as ((addr: AnyAddr) => void) | undefined,
  };
  if (workers !== undefined) {
    const { module, hangTimeout, maxHeapBytes } = settings;
    return server.serveThreaded({
      ...{ ...serving, workers, engine, libc },
      ...{ module, hangTimeout, maxHeapBytes },
    });
  }
  if (engine === "epoll") return server.serveEpoll({ ...serving, libc });
  return server.serve({ ...serving, engine });
}

/** What to do instead of settings of `Deno.serve()`, of `tls()` and of other servers. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["reusePort", "set workers to serve from several threads on one port"],
  ["tcpBacklog", "leave it out: the runtime's own is used"],
  ["automaticCompression", "compress in the handler, or in a proxy"],
  ["transport", "leave it out: path alone chooses a Unix socket"],
  ["keyFormat", "leave it out: PEM text is the only format"],
  ["certFile", "read the file, and pass its text as cert"],
  ["keyFile", "read the file, and pass its text as key"],
  ["host", "the name is hostname"],
  ["fetch", "pass the object with fetch() after the settings"],
]);

/** @throws {TypeError} If a setting is one of another server, whose equivalent is known. */
function checkNames(settings: Settings): void {
  for (const [name, value] of Object.entries(settings)) {
    const advice = ADVICE.get(name);
    if (advice === undefined || value === undefined) continue;
    throw new TypeError(`Cannot set option ${name}: no such option; ${advice}`);
  }
}

/** @throws {TypeError} If there is no such engine. */
function checkEngine(engine: unknown): void {
  const isKnown = engine === undefined || engine === "listen" ||
    engine === "node" || engine === "epoll";
  if (isKnown) return;
  throw new TypeError(
    `Cannot set option engine to ${
      typeof engine === "string" ? JSON.stringify(engine) : typeof engine
    }: neither "listen" nor "node" nor "epoll"`,
  );
}

/** @throws {TypeError} If only one of certificate and key is given. */
function tlsPairOf({ cert, key }: Settings): TlsPair | null {
  if (cert === undefined && key === undefined) return null;
  if (cert !== undefined && key !== undefined) return { cert, key };
  throw new TypeError(
    `Cannot use TLS: the option ${
      cert === undefined ? "cert" : "key"
    } is missing; give both cert and key`,
  );
}

/** Tells the settings from the handler, in any form of the call. */
function readArguments(
  first: unknown,
  second: unknown,
): [Settings, FetchHandler | FetchModule] {
  if (second !== undefined) {
    if (typeof first === "function") {
      throw new TypeError(
        "Cannot serve: the options come first, and then the handler",
      );
    }
    if (typeof first !== "object" || first === null) {
      throw new TypeError(
        `Cannot serve with ${
          JSON.stringify(first)
        }: the options are not an object such as { port: 8000 }`,
      );
    }
    return [first as Settings, second as FetchHandler]; // checked when they are used
  }
  if (
    typeof first === "object" && first !== null && "handler" in first &&
    !("fetch" in first) // an application of H3 has both
  ) {
    return [first as Settings, first.handler as FetchHandler]; // as above
  }
  checkModule(first);
  return [{}, first as FetchHandler]; // as above
}

/**
 * Refuses settings beside the `fetch` of an object, where other servers have them:
 * they would have no effect.
 *
 * @throws {TypeError} If there is one.
 */
function checkModule(module: unknown): void {
  if (typeof module !== "object" || module === null) return;
  const name = ["port", "hostname", "cert"]
    .find((setting) => Object.hasOwn(module, setting));
  if (name === undefined) return;
  throw new TypeError(
    `Cannot serve: the option ${name} has no effect beside fetch(); pass it first, as in serve({ ${name} }, { fetch })`,
  );
}

function addressOf({ port = 8000, hostname, path }: Settings): Address {
  if (path !== undefined) return { path };
  return hostname === undefined ? { port } : { hostname, port };
}

/** Settings that have an effect only together with another one, and that other one. */
const DEPENDENT: readonly (readonly [
  name: keyof Settings,
  isUsed: (settings: Settings) => boolean,
  advice: string,
])[] = [
  ["module", ({ workers }) => workers !== undefined, "set workers as well"],
  [
    "hangTimeout",
    ({ workers }) => workers !== undefined,
    "set workers as well",
  ],
  [
    "maxHeapBytes",
    ({ workers }) => workers !== undefined,
    "set workers as well",
  ],
  ["libc", ({ engine }) => engine === "epoll", 'set engine to "epoll" as well'],
  ["port", ({ path }) => path === undefined, "a Unix socket has a path alone"],
  [
    "hostname",
    ({ path }) => path === undefined,
    "a Unix socket has a path alone",
  ],
];

/** @throws {TypeError} If a setting would have no effect. */
function checkCombinations(settings: Settings): void {
  for (const [name, isUsed, advice] of DEPENDENT) {
    if (settings[name] === undefined || isUsed(settings)) continue;
    throw new TypeError(
      `Cannot set option ${name}: it has no effect here; ${advice}`,
    );
  }
}

/** The settings that are the server's own; an unknown one is refused there. */
function limitsOf(settings: Settings): ServerOptionsInit {
  const {
    port: _port,
    hostname: _hostname,
    path: _path,
    cert: _cert,
    key: _key,
    signal: _signal,
    onListen: _onListen,
    onError: _onError,
    engine: _engine,
    workers: _workers,
    module: _module,
    hangTimeout: _hangTimeout,
    maxHeapBytes: _maxHeapBytes,
    libc: _libc,
    proxyProtocol: _proxyProtocol,
    handler: _handler,
    ...limits
  } = settings;
  return { maxBufferedBodyBytes: MAX_BUFFERED_BODY_BYTES, ...limits };
}

/** Sends the response that `onError` makes, if the error came early enough for one. */
function errorHook(
  onError: (error: unknown) => Response | Promise<Response>,
): ErrorHook {
  const sender = new ResponseSender();
  return async (error, ctx, res) => {
    const response = await onError(error);
    if (!res.isSent) await sender.send(exchangeOf(ctx, res), response);
  };
}
