/**
 * The origin that a client connects to (scheme, host and port, or a Unix
 * socket), and what its URL adds to each request: a base path and credentials.
 */

import { isIpv6Address, parseAuthority } from "../codec/authority.ts";
import { basic } from "./authorization.ts";

/** A validated origin (RFC 9110 §4.3.1). */
export interface Origin {
  /** Whether connections use TLS. */
  readonly isSecure: boolean;
  /** Host for connecting; an IPv6 address without brackets. */
  readonly hostname: string;
  /** Port for connecting. */
  readonly port: number;
  /** Path of a Unix socket; `null` for TCP. */
  readonly path: string | null;
  /** The value of `Host`: no default port, no userinfo (RFC 9112 §3.2). */
  readonly authority: string;
  /** The proxy that connections lead through, or `null`. */
  readonly proxy: ProxyServer | null;
}

/** An HTTP proxy (RFC 9110 §3.7). */
export interface ProxyServer {
  readonly origin: Origin;
  /** `Proxy-Authorization` for the user and password in its URL, or `null`. */
  readonly authorization: string | null;
}

/** An origin with what its URL adds to each request. */
export interface Base {
  readonly origin: Origin;
  /** The path in front of each target, without a trailing slash; may be empty. */
  readonly path: string;
  /** `Authorization` for the URL's user and password, or `null`. */
  readonly authorization: string | null;
}

/**
 * Parses the base of a client: `host:port`, an `http:` or `https:` URL with an
 * optional path and credentials, or `unix:/path`.
 *
 * @throws {TypeError} If it is none of these, or has a query or a fragment.
 */
export function parseBase(base: string | URL): Base {
  const text = String(base);
  if (!isUrl(base)) {
    return { origin: parseOrigin(base), path: "", authorization: null };
  }
  const url = toUrl(text);
  if (url.search !== "" || url.hash !== "") {
    throw new TypeError(
      `Cannot connect to ${
        JSON.stringify(withoutUserinfo(url))
      }: a query or fragment cannot be part of every request`,
    );
  }
  return {
    origin: originOf(url),
    path: targetOf(url).replace(/\/$/, ""),
    authorization: basicOf(url),
  };
}

/**
 * Parses an origin: `host:port`, an `http:` or `https:` URL, or `unix:/path`.
 * Everything else in a URL is ignored.
 *
 * @throws {TypeError} If it is none of these.
 */
export function parseOrigin(origin: string | URL): Origin {
  const text = String(origin);
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (path === "" || path.includes("\0")) throw bad(text);
    return {
      isSecure: false,
      hostname: "",
      port: 0,
      path,
      authority: "localhost",
      proxy: null,
    };
  }
  return isUrl(origin) ? originOf(toUrl(text)) : originOfAuthority(text);
}

/**
 * The request target for a URL. A `URL` leaves some characters unescaped that
 * RFC 3986 does not allow, among them a `%` without two hex digits. Decoders
 * that accept such a `%` read it as `%25`.
 */
export function targetOf({ pathname, search }: URL): string {
  return (pathname + search).replace(
    /[\\`{}]|%(?![0-9A-Fa-f]{2})/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The scheme and authority of an origin as a URL, without a path. */
export function originUrl({ isSecure, authority }: Origin): string {
  return `${isSecure ? "https" : "http"}://${authority}`;
}

/** The origin of an absolute URL; its userinfo and fragment are dropped. */
export function originOf(url: URL): Origin {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw bad(url.href);
  }
  const isSecure = url.protocol === "https:";
  return {
    isSecure,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
    path: null,
    authority: url.host,
    proxy: null,
  };
}

/** Compares scheme, host and port. The host of a Unix socket is `localhost`, as in the `Host` field of its requests. */
export function isSameOrigin(a: Origin, b: Origin): boolean {
  return a.authority === b.authority && a.isSecure === b.isSecure;
}

function isUrl(origin: string | URL): boolean {
  return typeof origin !== "string" || /^https?:\/\//i.test(origin);
}

/**
 * Basic credentials (RFC 7617 §2), or `null` if the URL has none.
 *
 * @throws {TypeError} If they are not percent-encoded UTF-8, or the user has a colon.
 */
export function basicOf(url: URL): string | null {
  if (url.username === "" && url.password === "") return null;
  const user = percentDecoded(url.username);
  const password = percentDecoded(url.password);
  if (user === null || password === null || user.includes(":")) {
    throw new TypeError(
      `Cannot use the credentials for ${
        JSON.stringify(withoutUserinfo(url))
      }: they are not percent-encoded UTF-8, or the user has a colon`,
    );
  }
  return basic(user, password);
}

/** The text that was percent-encoded, or null if it is not UTF-8. */
function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** A URL for an error message. */
function withoutUserinfo(url: URL): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return shown.href;
}

function originOfAuthority(text: string): Origin {
  const authority = parseAuthority(text);
  if (authority === null || authority.port === 0) throw bad(text);
  const hostname = authority.host.replace(/^\[|\]$/g, "");
  const port = authority.port ?? 80;
  const shown = isIpv6Address(hostname) ? `[${hostname}]` : hostname;
  return {
    isSecure: false,
    hostname,
    port,
    path: null,
    authority: port === 80 ? shown : `${shown}:${port}`,
    proxy: null,
  };
}

function toUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw bad(text); // unlike the URL parser's error, it lists what is accepted
  }
}

function bad(text: string): TypeError {
  return new TypeError(
    `Cannot connect to ${
      JSON.stringify(text)
    }: not host:port, an http or https URL, or unix:/path`,
  );
}
