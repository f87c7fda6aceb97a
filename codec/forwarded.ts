/**
 * Reads what proxies say about the client of a request: `Forwarded` (RFC 7239)
 * and `X-Forwarded-For`. Each proxy appends an element for the peer that it got
 * the request from. The client can send any elements of its own before them, so
 * both are read from the last element to the first: how far to go is the
 * caller's decision, and nothing before that point has an effect.
 *
 * Laxer than the RFC: spaces around `;`, which some proxies write.
 */

import { parseIpAddress } from "./ip_address.ts";

/** What one proxy says. */
export interface ForwardedHop {
  /** The IP address of the proxy's peer, as 4 or 16 bytes; `null` if the proxy hides or does not know it. */
  readonly address: Uint8Array | null;
  /** The protocol of the request that the proxy got; `null` if it does not say. */
  readonly protocol: string | null;
  /** The host of the request that the proxy got; `null` if it does not say. */
  readonly host: string | null;
}

/** A name for a proxy's peer that is not an address, with an optional port (RFC 7239 §6). */
const HIDDEN = /^(?:unknown|_[\w.-]+)(?::(?:[0-9]{1,5}|_[\w.-]+))?$/i;
/** An address with an optional port (RFC 7239 §6). */
const ADDRESS =
  /^(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::(?:[0-9]{1,5}|_[\w.-]+))?$/;
/** The pair of an element at a position (RFC 7239 §4). */
const PAIR =
  /([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\uffff]|\\[\t\x20-\x7e\x80-\uffff])*)")/y;

/**
 * Yields the elements of `Forwarded` from the last to the first; `null` for one
 * that is not valid.
 */
export function* forwardedHops(value: string): Generator<ForwardedHop | null> {
  for (let end = value.length; end >= 0;) {
    const start = elementStart(value, end);
    const element = value.slice(start, end).trim();
    if (element !== "") yield parseElement(element); // a list may have empty elements (RFC 9110 §5.6.1.2)
    end = start - 1;
  }
}

/**
 * Yields the elements of `X-Forwarded-For` from the last to the first; `null` for
 * one that is not valid. IPv6 addresses may lack their brackets, unless a port
 * follows.
 */
export function* forwardedForHops(
  value: string,
): Generator<ForwardedHop | null> {
  for (let end = value.length; end >= 0;) {
    const start = end === 0 ? 0 : value.lastIndexOf(",", end - 1) + 1;
    const element = value.slice(start, end).trim();
    if (element !== "") yield hopOf(element, parseIpAddress(element));
    end = start - 1;
  }
}

/** Returns the last element of a list that is not empty, or `null` if there is none. */
export function lastElement(list: string): string | null {
  for (let end = list.length; end > 0;) {
    const start = list.lastIndexOf(",", end - 1) + 1;
    const element = list.slice(start, end).trim();
    if (element !== "") return element;
    end = start - 1;
  }
  return null;
}

/** Finds where the element that ends at `end` begins: after a comma outside of quoted strings, or at 0. */
function elementStart(value: string, end: number): number {
  let isQuoted = false;
  for (let at = end - 1; at >= 0; at--) {
    const char = value[at];
    if (char === '"') {
      if (!isEscaped(value, at)) isQuoted = !isQuoted;
    } else if (char === "," && !isQuoted) return at + 1;
  }
  return 0;
}

/** Whether an odd number of backslashes precedes a position. */
function isEscaped(value: string, at: number): boolean {
  let start = at;
  while (value[start - 1] === "\\") start--;
  return (at - start) % 2 === 1;
}

function parseElement(element: string): ForwardedHop | null {
  const pairs = new Map<string, string>();
  for (let at = 0; at < element.length; at++) {
    at = skipSpaces(element, at);
    if (element[at] === ";") continue; // no pair between two `;` is allowed
    PAIR.lastIndex = at;
    const [, name, token, quoted = ""] = PAIR.exec(element) ?? [];
    if (name === undefined || pairs.has(name.toLowerCase())) return null;
    pairs.set(name.toLowerCase(), token ?? quoted.replace(/\\(.)/g, "$1"));
    at = skipSpaces(element, PAIR.lastIndex);
    if (at < element.length && element[at] !== ";") return null;
  }
  const hop = hopOf(pairs.get("for") ?? "unknown", null);
  if (hop === null) return null;
  const [protocol = null, host = null] = [
    pairs.get("proto"),
    pairs.get("host"),
  ];
  return { address: hop.address, protocol, host };
}

function skipSpaces(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\t") at++;
  return at;
}

/**
 * Reads a node (RFC 7239 §6).
 *
 * @param bare The whole node as an address, if it is one.
 */
function hopOf(node: string, bare: Uint8Array | null): ForwardedHop | null {
  const rest = { protocol: null, host: null };
  if (bare !== null) return { address: bare, ...rest };
  if (HIDDEN.test(node)) return { address: null, ...rest };
  const [, ipv4, ipv6 = ""] = ADDRESS.exec(node) ?? [];
  const address = parseIpAddress(ipv4 ?? ipv6);
  return address === null ? null : { address, ...rest };
}
