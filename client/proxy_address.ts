/** Reads the option `proxy`: which proxy serves which origin, and with which credentials (RFC 9110 §11.7). */

import { basicOf, type Origin, originOf, type ProxyServer } from "./origin.ts";

/** A proxy's URL such as `http://user:password@host:3128`, a function that chooses one for each origin, or none. */
export type ProxyOption =
  | string
  | URL
  | null
  | ((origin: URL) => string | URL | null);

/**
 * Checks the option, as far as it is known before there is an origin.
 *
 * @throws {TypeError} If it is a URL that is not one of an HTTP proxy.
 */
export function checkProxy(proxy: ProxyOption): void {
  if (proxy === null || typeof proxy === "function") return;
  parseProxy(proxy);
}

/**
 * Returns an origin with its proxy. A Unix socket has none.
 *
 * @throws {TypeError} If a function returns a value that is not a proxy's URL.
 */
export function withProxy(origin: Origin, proxy: ProxyOption): Origin {
  if (proxy === null || origin.path !== null) return origin;
  const scheme = origin.isSecure ? "https" : "http";
  const chosen = typeof proxy === "function"
    ? proxy(new URL(`${scheme}://${origin.authority}`))
    : proxy;
  return chosen === null ? origin : { ...origin, proxy: parseProxy(chosen) };
}

function parseProxy(proxy: string | URL): ProxyServer {
  const isText = typeof proxy === "string";
  if (!isText && !(proxy instanceof URL)) throw badProxy("it is not a URL");
  const text = isText && !/^[a-z][a-z0-9+.-]*:\/\//i.test(proxy)
    ? `http://${proxy}` // as curl reads `host:port`
    : String(proxy);
  // A message never quotes the URL, since it may contain a password.
  if (!URL.canParse(text)) throw badProxy("it is not a URL");
  const url = new URL(text);
  if (/^socks/.test(url.protocol)) {
    throw badProxy(`SOCKS is not supported (${url.protocol}//)`);
  }
  if (!/^https?:$/.test(url.protocol)) {
    throw badProxy(`its scheme is ${url.protocol}//, not http:// or https://`);
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw badProxy("it has a path, a query or a fragment");
  }
  return { origin: originOf(url), authorization: basicOf(url) };
}

function badProxy(why: string): TypeError {
  return new TypeError(
    `Cannot set option proxy: ${why}; write it as "http://user:password@host:port"`,
  );
}
