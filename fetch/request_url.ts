/**
 * The URL of a received request: the scheme of the transport, the authority that
 * the parser has checked, and the target as sent (RFC 9110 §7.1, RFC 9112 §3.3).
 * It is joined, not parsed: `new URL(request.url)` normalises it.
 */

import type { RequestView } from "../server/request_view.ts";

/** Returns the URL of a request. */
export function requestUrl(ctx: RequestView): string {
  const { target } = ctx;
  const scheme = ctx.isSecure ? "https://" : "http://";
  if (target.startsWith("/")) return scheme + authorityOf(ctx) + target;
  const { form, authority, pathAndQuery } = ctx.uri;
  if (form === "absolute") {
    return `${ctx.uri.scheme ?? "http"}://${authority}${pathAndQuery}`;
  }
  // CONNECT names an authority alone, and OPTIONS * the whole server.
  return form === "authority"
    ? `${scheme}${authority}`
    : `${scheme}${authorityOf(ctx)}/*`;
}

/** The authority that the client asked for, or the server's own address if it named none. */
function authorityOf(ctx: RequestView): string {
  const host = ctx.headers.get("host");
  if (host !== null && host !== "") return host;
  const addr = ctx.conn.localAddr;
  if (addr === undefined || !("hostname" in addr)) return "localhost";
  return addr.hostname.includes(":")
    ? `[${addr.hostname}]:${addr.port}`
    : `${addr.hostname}:${addr.port}`;
}
