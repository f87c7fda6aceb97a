/** Where a client connects: scheme, host and port, or a Unix socket. */

import { isIpv6Address, parseAuthority } from "../codec/authority.ts";

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
}

/**
 * Parses an origin: `host:port`, an `http:` or `https:` URL, or `unix:/path`.
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
    };
  }
  const isUrl = typeof origin !== "string" || /^https?:\/\//i.test(text);
  return isUrl ? originOf(toUrl(text)) : originOfAuthority(text);
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
  };
}

/** Compares scheme, host and port. The host of a Unix socket is `localhost`, as in its requests. */
export function isSameOrigin(a: Origin, b: Origin): boolean {
  return a.authority === b.authority && a.isSecure === b.isSecure;
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
