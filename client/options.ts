/** Limits, deadlines and switches of a client, with units and defaults. */

import { isToken } from "../codec/ascii.ts";
import { checkProxy, type ProxyOption } from "./proxy_address.ts";

/** Stores cookies (RFC 6265). The `CookieJar` of npm's tough-cookie has this form. */
export interface CookieJar {
  /** Returns the value of `Cookie` for a request, or an empty string. */
  getCookieString(url: string): string | Promise<string>;
  /**
   * Stores the cookie of one `Set-Cookie` line.
   *
   * @param url Where the response came from.
   * @param options Asks the jar to ignore a cookie that is not valid. What it
   * throws nevertheless fails the exchange.
   */
  setCookie(
    line: string,
    url: string,
    options: { readonly ignoreError: true },
  ): unknown;
}

/** Options of a client; sizes in bytes, times in milliseconds. */
export interface ClientOptions {
  /** The most simultaneous connections to the origin; further exchanges wait. @default {64} */
  readonly maxConnections: number;
  /**
   * How long a connection may be idle and still be reused, in ms; a server's
   * `Keep-Alive: timeout` minus 2 s overrides it, up to 60 s. @default {4000}
   */
  readonly idleTimeout: number;
  /** How long connecting may take, in ms. @default {10000} */
  readonly connectTimeout: number;
  /** How long the TLS handshake may take, in ms. @default {10000} */
  readonly tlsTimeout: number;
  /** How long the response head may take once the request was sent, in ms. @default {30000} */
  readonly headTimeout: number;
  /** How long a body may make no progress in either direction, in ms. @default {30000} */
  readonly bodyTimeout: number;
  /**
   * How long a whole exchange may take, from the call to the last byte of the
   * body, including redirects, in ms. @default {Infinity}
   */
  readonly timeout: number;
  /** How long to wait for `100 Continue` before the body is sent anyway, in ms. @default {1000} */
  readonly continueTimeout: number;
  /**
   * The most bytes of all field lines of a response, and of those of all its
   * interim responses together. @default {16384}
   */
  readonly maxHeaderBytes: number;
  /** The most field lines of a response. @default {100} */
  readonly maxHeaderCount: number;
  /** The most interim responses before the final one. @default {8} */
  readonly maxInterimResponses: number;
  /** The most bytes of a response's body, both before and after decoding. @default {Infinity} */
  readonly maxBodyBytes: number;
  /** The most bytes that `bytes()`, `text()`, `json()` and `form()` buffer. @default {67108864} */
  readonly maxBufferedBodyBytes: number;
  /** How many bytes of a closed response's body are drained to keep its connection open. @default {65536} */
  readonly drainBytes: number;
  /** How long draining may take, in ms. @default {1000} */
  readonly drainTimeout: number;
  /**
   * The most redirects that are followed. One more fails with `REDIRECT`; with
   * 0, redirects are returned as responses. @default {0}
   */
  readonly maxRedirects: number;
  /**
   * Lower-case names of the fields that follow a redirect to another origin. All
   * others are removed, since they may be secrets, such as `x-api-key`.
   * @default {`DEFAULT_CLIENT_OPTIONS.crossOriginFields`: accept, accept-encoding, accept-language, cache-control, content-encoding, content-language, content-length, content-type, idempotency-key, if-modified-since, if-none-match, pragma, prefer, priority, range, traceparent, user-agent}
   */
  readonly crossOriginFields: readonly string[];
  /**
   * The most repetitions of a request that failed, or got a status of `retryOn`.
   * Only requests that are safe to repeat are: idempotent ones whose body is not
   * a stream, and those of which the server has processed nothing. @default {0}
   */
  readonly retries: number;
  /** The statuses after which an idempotent request is repeated. @default {[408, 429, 502, 503, 504]} */
  readonly retryOn: readonly number[];
  /**
   * The longest delay before the first repetition, in ms; each further one may
   * take twice as long. The delay is random, so that clients do not return all at
   * the same time. @default {250}
   */
  readonly retryDelay: number;
  /**
   * The longest delay before any repetition, in ms. A response whose
   * `Retry-After` is longer is returned instead. @default {10000}
   */
  readonly maxRetryDelay: number;
  /** Stores the cookies of responses, and adds them to requests. tough-cookie's `CookieJar` fits. @default {null} */
  readonly cookieJar: CookieJar | null;
  /**
   * Whether `Accept-Encoding` is sent, and bodies with up to two of the codings
   * gzip, deflate and br are decoded. @default {false}
   */
  readonly decodesContent: boolean;
  /** Whether folded lines of a response are joined instead of refused (RFC 9112 §5.2). @default {false} */
  readonly unfoldResponses: boolean;
  /**
   * The HTTP proxy to use: `http://user:password@host:port`, a function that
   * chooses one for each origin, or `proxyFromEnvironment()`. `https` origins are
   * reached by a tunnel. @default {null}
   */
  readonly proxy: ProxyOption;
  /** The Unix socket that leads to the origin, instead of the host and port of its URL. @default {null} */
  readonly socketPath: string | null;
  /** Certificates to trust in addition to the system's, as PEM strings. @default {[]} */
  readonly caCerts: readonly string[];
  /** The client's own certificate chain and key, as PEM strings. @default {null} */
  readonly identity: { readonly cert: string; readonly key: string } | null;
}

/** Options that differ from the defaults. One that is `undefined` keeps its default, as if it were missing. */
export type ClientOptionsInit = {
  readonly [Name in keyof ClientOptions]?: ClientOptions[Name] | undefined;
};

/** The defaults of {@linkcode ClientOptions}. */
export const DEFAULT_CLIENT_OPTIONS: ClientOptions = Object.freeze({
  maxConnections: 64,
  idleTimeout: 4000,
  connectTimeout: 10_000,
  tlsTimeout: 10_000,
  headTimeout: 30_000,
  bodyTimeout: 30_000,
  timeout: Infinity,
  continueTimeout: 1000,
  maxHeaderBytes: 16_384,
  maxHeaderCount: 100,
  maxInterimResponses: 8,
  maxBodyBytes: Infinity,
  maxBufferedBodyBytes: 67_108_864,
  drainBytes: 65_536,
  drainTimeout: 1000,
  maxRedirects: 0,
  crossOriginFields: Object.freeze([
    ...["accept", "accept-encoding", "accept-language", "cache-control"],
    ...["content-encoding", "content-language", "content-length"],
    ...["content-type", "idempotency-key", "if-modified-since"],
    ...["if-none-match", "pragma", "prefer", "priority", "range"],
    ...["traceparent", "user-agent"],
  ]),
  retries: 0,
  retryOn: Object.freeze([408, 429, 502, 503, 504]),
  retryDelay: 250,
  maxRetryDelay: 10_000,
  cookieJar: null,
  decodesContent: false,
  unfoldResponses: false,
  proxy: null,
  socketPath: null,
  caCerts: Object.freeze([]),
  identity: null,
});

/** Longest time that a timer accepts, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Options whose value may be 0. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set([
  "maxInterimResponses",
  "maxBodyBytes",
  "maxBufferedBodyBytes",
  "drainBytes",
  "maxRedirects",
  "retries",
  "retryDelay",
  "maxRetryDelay",
]);

/**
 * Adds the defaults for options that are missing or `undefined`, and freezes the result.
 *
 * @throws {TypeError} If an option does not exist or its value has the wrong type.
 * @throws {RangeError} If a number is negative, not an integer, or 0 where 0 has no meaning.
 */
export function resolveClientOptions(
  options: ClientOptionsInit,
): ClientOptions {
  checkIsObject(options, "the options");
  const defaults = new Map<string, unknown>(
    Object.entries(DEFAULT_CLIENT_OPTIONS),
  );
  for (const [name, value] of Object.entries(options)) {
    if (!defaults.has(name)) {
      throw new TypeError(
        `Cannot set option ${JSON.stringify(name)}: no such option`,
      );
    }
    if (value === undefined) continue;
    if (name === "proxy" || name === "socketPath") continue; // checked below
    const type = typeof defaults.get(name);
    if (type !== "object" && type !== typeof value) { // objects: checked below
      throw new TypeError(`Cannot set option ${name}: not a ${type}`);
    }
    if (typeof value === "number") checkLimit(name, value);
  }
  const defined = Object.entries(options)
    .filter(([, value]) => value !== undefined);
  const resolved: ClientOptions = {
    ...DEFAULT_CLIENT_OPTIONS,
    ...Object.fromEntries(defined),
  };
  checkCertificates(resolved);
  checkLists(resolved);
  checkProxy(resolved.proxy);
  checkSocketPath(resolved.socketPath);
  return Object.freeze(resolved);
}

/**
 * Checks that options are an object that is not iterable. Any other value, such
 * as an array or a `Map`, would be taken as no options.
 *
 * @param instead What the error tells the caller to write instead.
 * @throws {TypeError} If they are not.
 */
export function checkIsObject(
  options: unknown,
  what: string,
  instead = "not an object such as { timeout: 5000 }",
): void {
  const isObject = typeof options === "object" && options !== null;
  if (isObject && !(Symbol.iterator in options)) return;
  const isList = Array.isArray(options);
  const shown = typeof options === "symbol"
    ? "a symbol"
    : isObject && !isList
    ? `a ${options.constructor.name}`
    : JSON.stringify(options);
  throw new TypeError(`Cannot set ${what} to ${shown}: ${instead}`);
}

function checkSocketPath(path: unknown): void {
  if (path === null) return;
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new TypeError("Cannot set option socketPath: not the path of a file");
  }
}

function checkLists(options: ClientOptions): void {
  const { crossOriginFields, retryOn, cookieJar } = options;
  const isName = (name: unknown): boolean =>
    typeof name === "string" && isToken(name);
  if (!Array.isArray(crossOriginFields) || !crossOriginFields.every(isName)) {
    throw new TypeError(
      "Cannot set option crossOriginFields: not an array of field names",
    );
  }
  const isStatus = (status: unknown): boolean =>
    Number.isInteger(status) && Number(status) >= 100 && Number(status) <= 999;
  if (!Array.isArray(retryOn) || !retryOn.every(isStatus)) {
    throw new TypeError("Cannot set option retryOn: not an array of statuses");
  }
  if (cookieJar === null) return;
  const { getCookieString, setCookie } = cookieJar;
  if (
    typeof getCookieString !== "function" || typeof setCookie !== "function"
  ) {
    throw new TypeError(
      "Cannot set option cookieJar: getCookieString() or setCookie() is missing",
    );
  }
}

/**
 * Checks the limits that a request sets for itself.
 *
 * @throws {TypeError | RangeError} As {@linkcode resolveClientOptions}.
 */
export function checkLimit(name: string, value: number): void {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot set option ${name}: not a number`);
  }
  const minimum = MAY_BE_ZERO.has(name) ? 0 : 1;
  const maximum = /timeout$|delay$/i.test(name)
    ? MAX_TIMER_MS
    : Number.MAX_SAFE_INTEGER;
  const isExact = Number.isInteger(value) && value >= minimum;
  if (value === Infinity || isExact && value <= maximum) return;
  throw new RangeError(
    `Cannot set option ${name} to ${value}: it must be an integer from ${minimum} to ${maximum}, or Infinity`,
  );
}

function checkCertificates({ caCerts, identity }: ClientOptions): void {
  // A name of a file or DER would fail as late as in the TLS handshake.
  const isPem = (value: unknown): boolean =>
    typeof value === "string" && value.includes("-----BEGIN ");
  if (!Array.isArray(caCerts) || !caCerts.every(isPem)) {
    throw new TypeError(
      "Cannot set option caCerts: not an array of PEM strings",
    );
  }
  if (identity === null || isPem(identity.cert) && isPem(identity.key)) {
    return;
  }
  throw new TypeError(
    "Cannot set option identity: not a cert and a key as PEM strings",
  );
}
