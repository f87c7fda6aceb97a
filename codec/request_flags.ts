/**
 * The flags of a request head, as bits of one number. It is 0 for the usual
 * request: HTTP/1.1 without a body, `Connection`, `Expect` or `Upgrade`, and
 * neither HEAD nor CONNECT. One comparison then shows that no special rule
 * applies. `request_checks.ts` and the head scanner set the bits.
 */

import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
} from "./persistence.ts";

/** The bits for the members of `Connection`; see `persistence.ts`. */
export const CONNECTION_BITS: number = CONNECTION_CLOSE |
  CONNECTION_KEEP_ALIVE | CONNECTION_UPGRADE;

/** The body's length is declared; it may be 0. */
export const DECLARES_LENGTH = 8;

/** The body is chunked. */
export const IS_CHUNKED = 16;

/** The client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). */
export const EXPECTS_CONTINUE = 32;

/** The method is HEAD, whose response has no body (RFC 9110 §9.3.2). */
export const IS_HEAD = 64;

/** The method is CONNECT (RFC 9110 §9.3.6). */
export const IS_CONNECT = 128;

/** The version is HTTP/1.0. */
export const IS_HTTP_1_0 = 256;

/** The client offers another protocol, and the server may accept it (RFC 9110 §7.8). */
export const OFFERS_UPGRADE = 512;

/** Returns the minor version that a head's flags contain. */
export function minorVersionOf(flags: number): 0 | 1 {
  return (flags & IS_HTTP_1_0) === 0 ? 1 : 0;
}
