/**
 * What sets a request's head apart, as bits of one number: 0 stands for the
 * usual one, HTTP/1.1 without a body, HEAD, CONNECT, `Connection`, `Expect` and
 * `Upgrade`, so that one look tells that none of the special rules applies.
 */

import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
} from "./persistence.ts";

/** The bits that say what `Connection` names; see `persistence.ts`. */
export const CONNECTION_BITS: number = CONNECTION_CLOSE |
  CONNECTION_KEEP_ALIVE | CONNECTION_UPGRADE;

/** The body's length is declared, 0 maybe. */
export const DECLARES_LENGTH = 8;

/** The body is chunked. */
export const IS_CHUNKED = 16;

/** The peer waits for `100 Continue` (RFC 9110 §10.1.1). */
export const EXPECTS_CONTINUE = 32;

/** The method is HEAD, whose response has no body (RFC 9110 §9.3.2). */
export const IS_HEAD = 64;

/** The method is CONNECT (RFC 9110 §9.3.6). */
export const IS_CONNECT = 128;

/** The version is HTTP/1.0. */
export const IS_HTTP_1_0 = 256;

/** Another protocol is offered in a way that may be taken (RFC 9110 §7.8). */
export const OFFERS_UPGRADE = 512;

/** The version's second number, for whoever keeps a head's flags. */
export function minorVersionOf(flags: number): 0 | 1 {
  return (flags & IS_HTTP_1_0) === 0 ? 1 : 0;
}
