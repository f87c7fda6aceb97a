/** The settings of each way of serving, and their check. */

import type { Addr } from "../codec/socket_address.ts";
import { isOptions, shown } from "../codec/shown.ts";
import { refuseUnknown } from "./options.ts";

/** Settings of {@linkcode Server.serve}. One that is `undefined` keeps its default. */
export interface ServeOptions {
  /**
   * Moves the bytes: `"listen"`, the runtime's own sockets, or `"node"`, those of
   * `node:net`, which share the thread more evenly among hundreds of busy
   * connections. Node.js and Bun have `"node"` alone.
   *
   * @default {"listen" on Deno, "node" elsewhere}
   */
  readonly engine?: "listen" | "node" | undefined;
  /** Ends serving when it is aborted, as {@linkcode ServerHandle.shutdown} does. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the first address when all addresses are bound. */
  readonly onListen?: ((addr: Addr) => void) | undefined;
  /**
   * Called with what a connection hook throws and with failures of accept, at most
   * once a second. Without an error hook, also with the errors of handlers and of
   * responses' bodies, at most ten a second; `what` is then their request, such as
   * `GET /x`. An error hook that throws is reported as well.
   *
   * @default {prints to the console}
   */
  readonly onError?: ((error: unknown, what?: string) => void) | undefined;
}

/** Settings of {@linkcode Server.serveEpoll}. */
export interface EpollServeOptions extends Omit<ServeOptions, "engine"> {
  /**
   * The C library's path. With `--allow-ffi=<path>`, both must be the same
   * string. @default {the loader finds the library}
   */
  readonly libc?: string | undefined;
}

/** Settings of {@linkcode Server.serveThreaded}. */
export interface ThreadedServeOptions extends Omit<ServeOptions, "engine"> {
  /** How many workers serve, at most 1024. @default {the option `threadCount`} */
  readonly workers?: number | undefined;
  /**
   * The engine of the workers: one of {@linkcode Server.serve}, or `"epoll"` for
   * that of {@linkcode Server.serveEpoll}. Deno has `"listen"` and `"epoll"`,
   * Node.js and Bun have only `"node"`.
   *
   * @default {"listen" on Deno, "node" elsewhere}
   */
  readonly engine?: "listen" | "epoll" | "node" | undefined;
  /** The C library's path; see {@linkcode EpollServeOptions.libc}. */
  readonly libc?: string | undefined;
  /** The module that each worker runs, and that calls `serveThreaded` there. @default {the program's main module} */
  readonly module?: string | URL | undefined;
  /**
   * How long a worker may block its event loop, in ms, as an endless loop does. A
   * worker that takes longer is ended and replaced, and `onError` is called. Set
   * `Infinity` to use a debugger, or raise it if handlers compute for long.
   * @default {10000}
   */
  readonly hangTimeout?: number | undefined;
  /**
   * The limit for the JavaScript heap of each worker, in bytes. A worker that needs
   * more is ended and replaced, and `onError` is called; the others go on. Memory of
   * array buffers is not part of the heap. Bun has no such limit.
   * @default {the runtime's limit}
   */
  readonly maxHeapBytes?: number | undefined;
  /** Called with the first address when all workers listen; only on the program's own thread. */
  readonly onListen?: ((addr: Addr) => void) | undefined;
  /** Like {@linkcode ServeOptions.onError}, and also called when a worker dies or hangs. @default {prints to the console} */
  readonly onError?: ((error: unknown, what?: string) => void) | undefined;
}

/** The ways of serving that take settings. */
export type ServeMethod = "serve" | "serveEpoll" | "serveThreaded";

const SHARED_SETTINGS = ["signal", "onListen", "onError"];

/** The settings that each way of serving has. */
const SETTINGS: Readonly<Record<ServeMethod, readonly string[]>> = {
  serve: [...SHARED_SETTINGS, "engine"],
  serveEpoll: [...SHARED_SETTINGS, "libc"],
  serveThreaded: [
    ...[...SHARED_SETTINGS, "workers", "engine", "libc", "module"],
    ...["hangTimeout", "maxHeapBytes"],
  ],
};

/** What to do instead, for settings that belong to another call. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["engine", "call serve(), or serveThreaded() for several cores"],
  ["workers", "call serveThreaded()"],
  ["hangTimeout", "call serveThreaded()"],
  ["maxHeapBytes", "call serveThreaded()"],
  ["port", "give the address to Server.builder()"],
  ["hostname", "give the address to Server.builder()"],
  ["path", "give the address to Server.builder()"],
  ["cert", "call tls() of the builder"],
  ["key", "call tls() of the builder"],
]);

/** Checks of setting values, for settings where a wrong value would not fail by itself. */
const CHECKS: Readonly<
  Record<string, readonly [isRight: (value: unknown) => boolean, what: string]>
> = {
  signal: [(value) => value instanceof AbortSignal, "not an AbortSignal"],
  onListen: [(value) => typeof value === "function", "not a function"],
  onError: [(value) => typeof value === "function", "not a function"],
  libc: [(value) => typeof value === "string", "not a path"],
};

/** The engines that a call can name, and the message about others. */
const ENGINES: Readonly<
  Partial<Record<ServeMethod, readonly [names: readonly string[], why: string]>>
> = {
  serve: [
    ["listen", "node"],
    'neither "listen" nor "node"; call serveEpoll() for epoll',
  ],
  serveThreaded: [
    ["listen", "epoll", "node"],
    'neither "listen" nor "epoll" nor "node"',
  ],
};

/** The check of one setting's value. */
function checkOf(
  method: ServeMethod,
  name: string,
): (typeof CHECKS)[string] | undefined {
  const engines = name === "engine" ? ENGINES[method] : undefined;
  if (engines === undefined) return CHECKS[name];
  const [names, why] = engines;
  return [(value) => names.some((known) => known === value), why];
}

/**
 * Checks the settings of a call.
 *
 * @throws {TypeError} If the call has no such setting, or a value is wrong.
 */
export function checkServeOptions(
  method: ServeMethod,
  options: object,
): void {
  if (!isOptions(options)) {
    throw notOptions(method, options);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!SETTINGS[method].includes(name)) {
      refuseUnknown(`Cannot call ${method}() with`, { [name]: value }, ADVICE);
    }
    const check = checkOf(method, name);
    if (check === undefined || value === undefined || check[0](value)) continue;
    throw new TypeError(
      `Cannot set option ${name} to ${shown(value)}: ${check[1]}`,
    );
  }
}

/** Returns the error for options that are not an object, with advice on where the value belongs. */
function notOptions(method: ServeMethod, value: unknown): TypeError {
  const [what, advice] = typeof value === "function"
    ? ["a function", "serve() of the entry ./fetch takes a handler"]
    : [JSON.stringify(value), "give an address to Server.builder()"];
  return new TypeError(
    `Cannot call ${method}() with ${what}: the options are not an object; ${advice}`,
  );
}
