/** All limits and deadlines of a server, with their units, defaults and ranges. */

import {
  type BodyLimits,
  DEFAULT_BODY_LIMITS,
  DEFAULT_HEAD_LIMITS,
  type HeadLimits,
} from "../codec/limits.ts";
import { isOptions, shown } from "../codec/shown.ts";

/** Limits, deadlines and switches of a server; sizes in bytes, times in milliseconds. */
export interface ServerOptions
  extends Omit<HeadLimits, "acceptsHttps">, BodyLimits {
  /** The largest body that `bytes()`, `text()`, `json()` and `form()` buffer, in bytes. @default {1048576} */
  readonly maxBufferedBodyBytes: number;
  /**
   * How many bytes of an unread body are drained to keep the connection open;
   * if there are more, the connection closes. @default {65536}
   */
  readonly drainBytes: number;
  /** How long draining may take, in ms. @default {2000} */
  readonly drainTimeout: number;
  /**
   * How long, in ms, a closing connection waits after its last response for the
   * client to close. Each time the client sends more bytes, which are dropped,
   * the wait starts again, up to six times this value in total. @default {5000}
   */
  readonly lingerTimeout: number;
  /**
   * How long, in ms, a handler may take to begin its response after the client
   * has ended its direction. This frees the connection of a client that has
   * disconnected. @default {30000}
   */
  readonly halfCloseTimeout: number;
  /**
   * How long, in ms, a request head may take from its first byte, and a new
   * connection may take to send that byte. @default {15000}
   */
  readonly headerTimeout: number;
  /** How long a TLS handshake may take, in ms. @default {10000} */
  readonly handshakeTimeout: number;
  /**
   * How long a connection may be idle between requests, in ms. The default is
   * longer than load balancers keep idle connections, so that they close first.
   * @default {95000}
   */
  readonly idleTimeout: number;
  /** How long, in ms, a handler's read of the request body may wait for bytes. @default {30000} */
  readonly bodyTimeout: number;
  /** How long a request may take to arrive completely, in ms. @default {300000} */
  readonly requestTimeout: number;
  /** How long, in ms, output may be pending without progress. @default {30000} */
  readonly writeTimeout: number;
  /**
   * How long a handler may take until its response begins, in ms; time in which it
   * waits for the request's body does not count. The client then gets 503,
   * `ctx.signal` aborts and the connection closes. @default {Infinity}
   */
  readonly handlerTimeout: number;
  /** The most open connections; further ones wait in the system's queue. @default {4096} */
  readonly maxConnections: number;
  /** The most requests that one connection may carry before it closes. @default {Infinity} */
  readonly maxRequestsPerConnection: number;
  /** Age after which a connection closes instead of taking a further request, in ms. @default {Infinity} */
  readonly maxConnectionAge: number;
  /** The most events that the epoll engine takes from the system in one call. @default {512} */
  readonly epollQueueMaxEvents: number;
  /** How many workers `serveThreaded` starts; 0 means one for each core. @default {0} */
  readonly threadCount: number;
  /** Whether `Connection: keep-alive` of HTTP/1.0 clients is honoured. @default {false} */
  readonly http10KeepAlive: boolean;
  /**
   * Whether request targets may use the scheme `https` although this server has
   * no TLS, because a proxy terminates it. @default {false}
   */
  readonly trustForwardedScheme: boolean;
}

/**
 * The most workers of a server. Each takes some tens of megabytes, so a higher
 * number is a mistake, such as the number of connections.
 */
const MAX_WORKERS = 1024;

/**
 * Checks a number of workers.
 *
 * @param count How many; 0 means one for each core.
 * @throws {RangeError} If it is not an integer from 0 to 1024.
 */
export function requireCount(count: number): number {
  const isCount = Number.isSafeInteger(count) && count >= 0;
  if (isCount && count <= MAX_WORKERS) return count;
  throw new RangeError(
    `Cannot serve with ${
      shown(count)
    } workers: it must be an integer from 0, for one for each core, to ${MAX_WORKERS}`,
  );
}

/** Options that differ from the defaults. One that is `undefined` keeps its default, as if it were missing. */
export type ServerOptionsInit = {
  readonly [Name in keyof ServerOptions]?: ServerOptions[Name] | undefined;
};

/** The defaults of {@linkcode ServerOptions}. */
export const DEFAULT_SERVER_OPTIONS: ServerOptions = Object.freeze({
  maxMethodBytes: DEFAULT_HEAD_LIMITS.maxMethodBytes,
  maxTargetBytes: DEFAULT_HEAD_LIMITS.maxTargetBytes,
  maxHeaderBytes: DEFAULT_HEAD_LIMITS.maxHeaderBytes,
  maxHeaderCount: DEFAULT_HEAD_LIMITS.maxHeaderCount,
  maxRequestHeadSize: DEFAULT_HEAD_LIMITS.maxRequestHeadSize,
  strictTarget: DEFAULT_HEAD_LIMITS.strictTarget,
  ...DEFAULT_BODY_LIMITS,
  maxBufferedBodyBytes: 1_048_576,
  drainBytes: 65_536,
  drainTimeout: 2000,
  lingerTimeout: 5000,
  halfCloseTimeout: 30_000,
  headerTimeout: 15_000,
  handshakeTimeout: 10_000,
  idleTimeout: 95_000,
  bodyTimeout: 30_000,
  requestTimeout: 300_000,
  handlerTimeout: Infinity,
  writeTimeout: 30_000,
  maxConnections: 4096,
  maxRequestsPerConnection: Infinity,
  maxConnectionAge: Infinity,
  epollQueueMaxEvents: 512,
  threadCount: 0,
  http10KeepAlive: false,
  trustForwardedScheme: false,
});

/** Options that may be `Infinity`; all others are finite. */
const MAY_BE_INFINITE: ReadonlySet<string> = new Set([
  "maxBodyBytes",
  "maxRequestsPerConnection",
  "maxConnectionAge",
  "idleTimeout",
  "bodyTimeout",
  "requestTimeout",
  "handlerTimeout",
  "writeTimeout",
  "headerTimeout",
  "halfCloseTimeout",
  "handshakeTimeout",
  "maxConnections",
]);

/** Options that may be zero. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set([
  "drainBytes",
  "maxBodyBytes",
  "maxBufferedBodyBytes",
  "maxTrailerBytes",
  "maxTrailerCount",
  "threadCount",
]);

/**
 * Checks options and adds the defaults for those that are missing or `undefined`.
 *
 * @throws {TypeError} If an option is unknown or of the wrong type.
 * @throws {RangeError} If a number is out of its range.
 */
export function resolveOptions(
  options: ServerOptionsInit,
): ServerOptions {
  requireOptions("Cannot set options to", options, "{ idleTimeout: 60_000 }");
  const given = Object.entries(options);
  for (const [name, value] of given) checkOption(name, value);
  const defined = given.filter(([, value]) => value !== undefined);
  return Object.freeze({
    ...DEFAULT_SERVER_OPTIONS,
    ...Object.fromEntries(defined),
  });
}

function checkOption(name: string, value: unknown): void {
  const standard = Object.entries(DEFAULT_SERVER_OPTIONS)
    .find(([known]) => known === name)?.[1];
  if (standard === undefined) {
    throw new TypeError(
      `Cannot set option ${JSON.stringify(name)}: no such option`,
    );
  }
  if (value === undefined) return;
  if (typeof standard !== typeof value) {
    throw new TypeError(
      `Cannot set option ${name} to a value of type ${typeof value}: not a ${typeof standard}`,
    );
  }
  if (typeof value !== "number") return;
  const minimum = MAY_BE_ZERO.has(name) ? 0 : 1;
  if (name === "threadCount") return void requireCount(value);
  const isAllowed = value === Infinity
    ? MAY_BE_INFINITE.has(name)
    : Number.isSafeInteger(value) && value >= minimum;
  if (isAllowed) return;
  throw new RangeError(
    `Cannot set option ${name} to ${value}: it must be an integer of at least ${minimum}${
      MAY_BE_INFINITE.has(name) ? ", or Infinity" : ""
    }`,
  );
}

/**
 * Derives the codec's limits for request heads.
 *
 * @param isSecure Whether the connections use TLS.
 */
export function headLimits(
  options: ServerOptions,
  isSecure: boolean,
): HeadLimits {
  return { ...options, acceptsHttps: isSecure || options.trustForwardedScheme };
}

/**
 * Checks that options are an object.
 *
 * @param action What cannot be done, as in `Cannot set options to 5: not an object`.
 * @param example Options as a program writes them.
 * @throws {TypeError} If they are not.
 */
export function requireOptions(
  action: string,
  options: unknown,
  example: string,
): void {
  if (isOptions(options)) return;
  throw new TypeError(
    `${action} ${shown(options)}: not an object such as ${example}`,
  );
}

/**
 * Refuses the options that a call has not taken out.
 *
 * @param action What cannot be done, as in `Cannot set option "x": no such option`.
 * @param advice What to do instead, by wrong names that programs are likely to use.
 * @throws {TypeError} If there is one.
 */
export function refuseUnknown(
  action: string,
  unknown: object,
  advice?: ReadonlyMap<string, string>,
): void {
  const [name] = Object.keys(unknown);
  if (name === undefined) return;
  const instead = advice?.get(name);
  throw new TypeError(
    `${action} ${JSON.stringify(name)}: no such option${
      instead === undefined ? "" : `; ${instead}`
    }`,
  );
}
