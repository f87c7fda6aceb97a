/**
 * Parses `uri-host [ ":" port ]`, the value of `Host` and the authority of an
 * absolute-form or authority-form target (RFC 9110 §4.2.1, §7.2; RFC 3986
 * §3.2.2). `request_checks.ts` decides which of them must agree.
 *
 * Stricter than the RFC: no percent-encoding, no `,` (a list of hosts must not
 * pass as one host), no userinfo, no IPvFuture literals. An accepted authority
 * is safe to use for routing and as a cache key.
 */

import { ALPHANUMERIC, COLON, DIGIT_0, lowerCaseAscii, mark } from "./ascii.ts";

/** A host with an optional port. */
export interface Authority {
  /** The host in lower case; an IPv6 address keeps its brackets. */
  readonly host: string;
  /** The port, 0 to 65535, or `null` if it is absent or empty. */
  readonly port: number | null;
}

function hostTable(): Uint8Array {
  const table = ALPHANUMERIC.slice();
  mark(table, "-._~!$&'()*+;=");
  return table;
}

/** The bytes of a host name: `unreserved` and `sub-delims` without the comma. */
export const HOST: Uint8Array = hostTable();

const MAX_PORT = 65_535;

/** Parses an authority; returns `null` if it is invalid or its host is empty. */
export function parseAuthority(text: string): Authority | null {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(?::([0-9]*))?$/.exec(text);
  if (match === null) return null;
  const host = match[1]!; // the pattern has this group in every match
  const isValid = host.startsWith("[")
    ? isIpv6Address(host.slice(1, -1))
    : isRegisteredName(host);
  if (!isValid) return null;
  const digits = match[2] ?? "";
  const port = digits === "" ? null : Number(digits);
  if (port !== null && port > MAX_PORT) return null;
  return { host: lowerCaseAscii(host), port };
}

/**
 * Returns whether bytes are a host name with an optional port of up to four
 * digits, as nearly all are. Pass anything else to {@linkcode parseAuthority}.
 */
export function isPlainAuthority(
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  let pos = start;
  while (pos < end && HOST[bytes[pos]!] === 1) pos++;
  if (pos === start) return false;
  if (pos === end) return true;
  if (bytes[pos] !== COLON || end - pos > 5) return false;
  for (pos++; pos < end; pos++) {
    const digit = bytes[pos]! - DIGIT_0; // in range: pos < end
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

/** Compares two authorities; an absent port counts as `defaultPort`. */
export function isSameAuthority(
  a: Authority,
  b: Authority,
  defaultPort: number,
): boolean {
  return a.host === b.host &&
    (a.port ?? defaultPort) === (b.port ?? defaultPort);
}

function isRegisteredName(host: string): boolean {
  for (let i = 0; i < host.length; i++) {
    const unit = host.charCodeAt(i);
    if (unit > 0x7f || HOST[unit] === 0) return false;
  }
  return true;
}

/** Returns whether a string is an IPv6 address without brackets (RFC 3986 §3.2.2). */
export function isIpv6Address(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === "") continue;
    const isLastHalf = index === halves.length - 1;
    const parts = half.split(":");
    for (const [at, part] of parts.entries()) {
      if (isLastHalf && at === parts.length - 1 && part.includes(".")) {
        if (!isIpv4Address(part)) return false;
        groups += 2;
      } else {
        if (!/^[0-9A-Fa-f]{1,4}$/.test(part)) return false;
        groups++;
      }
    }
  }
  if (halves.length === 2) return groups <= 7;
  return groups === 8;
}

/** Returns whether a string is an IPv4 address in four decimal numbers without leading zeros (RFC 3986 §3.2.2). */
export function isIpv4Address(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 &&
    parts.every((part) =>
      /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255
    );
}
