/** The settings of `serve()`: their types, their checks, and the settings that the server's builder gets. */

import type { Addr, NetAddr, UnixAddr } from "../codec/socket_address.ts";
import type { Address } from "../server/address.ts";
import type { ServerOptionsInit } from "../server/options.ts";
import type { TlsPair } from "../server/tls.ts";
import type { FetchHandler, FetchModule } from "./handler.ts";

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

/** Settings of `serve()` for a TCP port. */
export interface FetchTcpOptions extends FetchServeOptions {
  /** The port; 0 asks the system for a free one. @default {8000} */
  readonly port?: number | undefined;
  /** The address to listen on. @default {"0.0.0.0"} */
  readonly hostname?: string | undefined;
  /** Called with the address when it is bound. */
  readonly onListen?: ((addr: NetAddr) => void) | undefined;
}

/** Settings of `serve()` for a Unix socket. */
export interface FetchUnixOptions extends FetchServeOptions {
  /** The path of the socket. */
  readonly path: string;
  /** Called with the address when it is bound. */
  readonly onListen?: ((addr: UnixAddr) => void) | undefined;
}

/** All settings, as the functions here read them. */
export interface Settings extends FetchServeOptions {
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
  readonly path?: string | undefined;
  // Called with the kind of address that the other settings choose.
  readonly onListen?: ((addr: never) => void) | undefined;
  readonly handler?: FetchHandler<Addr> | FetchModule<Addr> | undefined;
}

/** The largest body that `text()`, `json()` and the like accept unless the settings say otherwise, in bytes. */
const MAX_BUFFERED_BODY_BYTES = 16 * 1024 * 1024;

/** What to do instead, by settings that only `Deno.serve()`, `tls()` or other servers have. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["reusePort", "set workers to serve from several threads on one port"],
  ["tcpBacklog", "leave it out: the engine chooses the backlog"],
  ["automaticCompression", "compress in the handler, or in a proxy"],
  ["transport", "leave it out: path alone chooses a Unix socket"],
  ["keyFormat", "leave it out: PEM text is the only format"],
  ["certFile", "read the file, and pass its text as cert"],
  ["keyFile", "read the file, and pass its text as key"],
  ["host", "the name is hostname"],
  ["fetch", "pass the object with fetch() after the settings"],
]);

/** @throws {TypeError} If only other servers have a setting, and it is known what to do instead. */
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
export function tlsPairOf({ cert, key }: Settings): TlsPair | null {
  if (cert === undefined && key === undefined) return null;
  if (cert !== undefined && key !== undefined) return { cert, key };
  throw new TypeError(
    `Cannot use TLS: the option ${
      cert === undefined ? "cert" : "key"
    } is missing; give both cert and key`,
  );
}

/** Settings that have an effect only together with another one, or only without it. */
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
  ["port", ({ path }) => path === undefined, "leave out port or path"],
  [
    "hostname",
    ({ path }) => path === undefined,
    "leave out hostname or path",
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

/** @throws {TypeError} If only other servers have a setting, or it has no effect or names no engine. */
export function checkSettings(settings: Settings): void {
  checkNames(settings);
  checkCombinations(settings);
  checkEngine(settings.engine);
}

/** The address to listen on. */
export function addressOf({ port = 8000, hostname, path }: Settings): Address {
  if (path !== undefined) return { path };
  return hostname === undefined ? { port } : { hostname, port };
}

/** The settings that are the server's own; an unknown one is refused there. */
export function limitsOf(settings: Settings): ServerOptionsInit {
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
