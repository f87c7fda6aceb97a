/**
 * Finds the client of a request behind proxies that speak HTTP. What a hop says
 * about the one before it is believed only if that hop is trusted, beginning with
 * the connection's peer, so a client cannot pass as another one.
 */

import type { Addr } from "../../codec/socket_address.ts";
import { parseAuthority } from "../../codec/authority.ts";
import {
  forwardedForHops,
  forwardedHops,
  lastElement,
} from "../../codec/forwarded.ts";
import {
  formatIpAddress,
  parseIpAddress,
  withoutMapping,
} from "../../codec/ip_address.ts";
import { refuseUnknown } from "../options.ts";
import { requireSettings, TrustedPeers } from "./trusted_peers.ts";

/** The most proxies that are followed. */
const MAX_HOPS = 64;

/** Settings of {@linkcode forwardedFrom}. */
export interface ForwardedOptions {
  /**
   * The proxies: IP addresses, blocks such as `10.0.0.0/8` or `2001:db8::/32`, and
   * `unix` for all peers that connect through a Unix socket.
   */
  readonly trusted: readonly string[];
  /**
   * The fields that the proxies write: `X-Forwarded-For`, `X-Forwarded-Proto` and
   * `X-Forwarded-Host`, or `Forwarded` (RFC 7239). The others are ignored, because
   * proxies pass on what clients send there. @default {"x-forwarded"}
   */
  readonly fields?: "x-forwarded" | "forwarded" | undefined;
}

/** What {@linkcode forwardedFrom} needs of a request; a {@linkcode RequestContext} has it. */
export interface ForwardedRequest {
  /** The fields. */
  readonly headers: { get(name: string): string | null };
  /** The connection. */
  readonly conn: { readonly remoteAddr?: Addr | undefined };
  /** Whether the connection uses TLS. @default {false} */
  readonly isSecure?: boolean;
}

/** The client of a request, and what it asked for. */
export interface Forwarded {
  /**
   * The IP address of the client: of the hop nearest to the server that is not
   * trusted, or of the first hop if all are. `null` if a proxy hides it, or if the
   * connection has no IP address. An IPv4-mapped IPv6 address is given as IPv4.
   */
  readonly address: string | null;
  /** The protocol that the client used. */
  readonly protocol: "http" | "https";
  /** The host that the client asked for, with its port if it named one. */
  readonly host: string | null;
}

/**
 * Makes a function that finds the client of a request, from fields that trusted
 * proxies have added.
 *
 * The proxies' elements are read from the last to the first, beginning with the
 * connection's peer, until one names an address that is not trusted. What comes
 * before is the client's own, and is ignored. Reading also ends at an element
 * that is not valid, with the hop that has sent it, and after 64 hops.
 *
 * Of `X-Forwarded-Proto` and `X-Forwarded-Host`, the last element is used: proxies
 * disagree on whether to append or to replace, but the last is never the client's
 * if the nearest proxy writes the field. Of `Forwarded`, those of the farthest
 * trusted proxy are used.
 *
 * @throws {TypeError} If there is no such option, the list is empty, or an entry
 * or a value is not valid. The returned function throws it for an argument that
 * is not a request with its connection.
 *
 * @example The client behind a load balancer
 * ```ts
 * import { forwardedFrom, Server } from "@khttp/khttp";
 *
 * const forwarded = forwardedFrom({ trusted: ["10.0.0.0/8", "unix"] });
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (ctx, res) => {
 *   const { address, protocol, host } = forwarded(ctx);
 *   res.ok(`${address} asked for ${protocol}://${host}\n`);
 * });
 * ```
 */
export function forwardedFrom(
  options: ForwardedOptions,
): (request: ForwardedRequest) => Forwarded {
  requireSettings("Cannot use forwardedFrom()", options);
  const { trusted, fields = "x-forwarded", ...unknown } = options;
  checkOptions(fields, unknown);
  const peers = new TrustedPeers("Cannot use forwardedFrom()", trusted);
  const read = fields === "forwarded" ? readForwarded : readXForwarded;
  return (request) => {
    if (!isRequest(request)) throw notRequest();
    const { conn, headers, isSecure = false } = request;
    const own: Forwarded = {
      address: addressOf(conn.remoteAddr),
      protocol: isSecure ? "https" : "http",
      host: headers.get("host"),
    };
    return peers.has(conn.remoteAddr) ? read(own, headers, peers) : own;
  };
}

/** Whether an argument has the necessary parts. A web `Request` lacks the connection. */
function isRequest(request: Partial<ForwardedRequest> | undefined): boolean {
  return typeof request?.conn === "object" && request.headers !== undefined;
}

function notRequest(): TypeError {
  return new TypeError(
    "Cannot find the client of a request: pass the handler's context, or in a fetch handler { headers: request.headers, conn: info.connection }",
  );
}

function readForwarded(
  own: Forwarded,
  headers: ForwardedRequest["headers"],
  peers: TrustedPeers,
): Forwarded {
  let { address, protocol, host } = own;
  let count = 0;
  for (const hop of forwardedHops(headers.get("forwarded") ?? "")) {
    if (hop === null || ++count > MAX_HOPS) break;
    protocol = protocolOf(hop.protocol) ?? protocol;
    host = hostOf(hop.host) ?? host;
    address = textOf(hop.address);
    if (hop.address === null || !peers.hasAddress(hop.address)) break;
  }
  return { address, protocol, host };
}

function readXForwarded(
  own: Forwarded,
  headers: ForwardedRequest["headers"],
  peers: TrustedPeers,
): Forwarded {
  let { address } = own;
  let count = 0;
  for (const hop of forwardedForHops(headers.get("x-forwarded-for") ?? "")) {
    if (hop === null || ++count > MAX_HOPS) break;
    address = textOf(hop.address);
    if (hop.address === null || !peers.hasAddress(hop.address)) break;
  }
  const last = (name: string): string | null =>
    lastElement(headers.get(name) ?? "");
  return {
    address,
    protocol: protocolOf(last("x-forwarded-proto")) ?? own.protocol,
    host: hostOf(last("x-forwarded-host")) ?? own.host,
  };
}

function addressOf(addr: Addr | undefined): string | null {
  if (addr === undefined || !("hostname" in addr)) return null;
  const bytes = parseIpAddress(addr.hostname);
  return bytes === null ? addr.hostname : textOf(bytes);
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : formatIpAddress(withoutMapping(bytes));
}

function protocolOf(text: string | null): "http" | "https" | null {
  const lower = text?.toLowerCase();
  return lower === "http" || lower === "https" ? lower : null;
}

function hostOf(text: string | null): string | null {
  return text !== null && parseAuthority(text) !== null ? text : null;
}

function checkOptions(fields: string, unknown: object): void {
  refuseUnknown("Cannot use forwardedFrom() with", unknown);
  if (fields === "x-forwarded" || fields === "forwarded") return;
  throw new TypeError(
    `Cannot use forwardedFrom() with fields ${
      JSON.stringify(fields)
    }: neither "x-forwarded" nor "forwarded"`,
  );
}
