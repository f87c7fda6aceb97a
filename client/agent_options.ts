/** Limits of an agent, and what differs between its origins. */

import {
  checkIsObject,
  checkLimit,
  type ClientOptions,
  type ClientOptionsInit,
  resolveClientOptions,
} from "./options.ts";

/** Options of one origin; those of the whole exchange are the agent's. */
export type OriginOptionsInit = Omit<
  ClientOptionsInit,
  | "timeout"
  | "maxRedirects"
  | "crossOriginFields"
  | "retries"
  | "retryOn"
  | "retryDelay"
  | "maxRetryDelay"
  | "cookieJar"
>;

/** Options of an agent: those of a client, for each of its origins, and limits for all of them. */
export interface AgentOptionsInit
  extends Omit<ClientOptionsInit, "socketPath"> {
  /**
   * How many origins are remembered. Beyond it, the one that was not used for the
   * longest time is forgotten, once it is idle. @default {256}
   */
  readonly maxOrigins?: number | undefined;
  /**
   * The most connections to all origins together. Beyond it, a connection that is
   * idle closes, or exchanges wait. @default {1024}
   */
  readonly maxTotalConnections?: number | undefined;
  /**
   * Options that differ for some origins, by origin: certificates, limits, a
   * proxy, or the path of a Unix socket.
   *
   * @example The API of Docker, at `http://docker/`
   * ```ts
   * import { Agent } from "@khttp/khttp";
   *
   * const socketPath = "/var/run/docker.sock";
   * const agent = new Agent({ origins: { "http://docker": { socketPath } } });
   * agent.close();
   * ```
   */
  readonly origins?: Readonly<Record<string, OriginOptionsInit>> | undefined;
}

/** Options that belong to exchanges, which may lead to several origins, not to one of them. */
const EXCHANGE_OPTIONS: readonly Exclude<
  keyof ClientOptionsInit,
  keyof OriginOptionsInit
>[] = [
  ...["timeout", "maxRedirects", "crossOriginFields", "retries"] as const,
  ...["retryOn", "retryDelay", "maxRetryDelay", "cookieJar"] as const,
];

/** Checked options of an agent. */
export interface AgentOptions {
  readonly maxOrigins: number;
  readonly maxTotalConnections: number;
  /** For every origin that has none of its own. */
  readonly shared: ClientOptions;
  /** By origin, as `URL.origin`. */
  readonly own: ReadonlyMap<string, ClientOptions>;
}

/**
 * Adds the defaults.
 *
 * @throws {TypeError | RangeError} If an option does not exist or has no valid value.
 */
export function resolveAgentOptions(init: AgentOptionsInit): AgentOptions {
  checkIsObject(init, "the options");
  const {
    maxOrigins = 256,
    maxTotalConnections = 1024,
    origins = {},
    ...rest
  } = init;
  checkIsObject(
    origins,
    "option origins",
    'it has options of single origins, such as { "https://a.example": { maxConnections: 4 } }, and does not limit which origins are used',
  );
  checkLimit("maxOrigins", maxOrigins);
  checkLimit("maxTotalConnections", maxTotalConnections);
  if ("socketPath" in rest && rest.socketPath !== undefined) {
    throw new TypeError(
      "Cannot set option socketPath for all origins: set it for one in the option origins",
    );
  }
  const shared = resolveClientOptions(rest);
  const own = new Map<string, ClientOptions>();
  for (const [text, options] of Object.entries(origins)) {
    own.set(originOfKey(text), resolveOwn(text, options, rest));
  }
  return { maxOrigins, maxTotalConnections, shared, own };
}

function originOfKey(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || !isBare(url)) {
    throw new TypeError(
      `Cannot set option origins: ${
        JSON.stringify(text.replace(/\/\/.*@/, "//"))
      } is not an origin such as "https://host:8443"`,
    );
  }
  return url.origin;
}

/** Whether a URL has nothing but an origin. */
function isBare(url: URL): boolean {
  return url.href === `${url.origin}/`;
}

function resolveOwn(
  text: string,
  options: OriginOptionsInit,
  shared: ClientOptionsInit,
): ClientOptions {
  checkIsObject(options, `the options of the origin ${text}`);
  for (const name of EXCHANGE_OPTIONS) {
    if (!(name in options)) continue;
    throw new TypeError(
      `Cannot set option ${name} for the origin ${text}: set it for the agent, since an exchange may lead to several origins`,
    );
  }
  if (/^https:/i.test(text) && typeof options.socketPath === "string") {
    throw new TypeError(
      `Cannot set option socketPath for the origin ${text}: a Unix socket is used without TLS, so write http://`,
    );
  }
  return resolveClientOptions({ ...shared, ...options });
}
