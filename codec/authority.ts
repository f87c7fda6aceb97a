/**
 * `uri-host [ ":" port ]`, as it stands in `Host`, in an absolute-form target
 * and in an authority-form target (RFC 9110 §4.2.1, §7.2; RFC 3986 §3.2.2).
 *
 * Stricter than the text: no percent-encoding, no `,` (a list of hosts must not
 * pass as one), no userinfo, no future IP literals. What is left can go into
 * routing and caches without another look.
 */

import { ALPHANUMERIC, COLON, DIGIT_0, lowerCaseAscii, mark } from "./ascii.ts";

/** A host and, if one is written, a port. */
export interface Authority {
  /** The host in lower case; an IPv6 address stands in brackets. */
  readonly host: string;
  /** The port, 0 to 65535, or `null` if none is written. */
  readonly port: number | null;
}

function hostTable(): Uint8Array {
  const table = ALPHANUMERIC.slice();
  mark(table, "-._~!$&'()*+;=");
  return table;
}

/** `unreserved` and `sub-delims` without the comma. */
export const HOST: Uint8Array = hostTable();

const MAX_PORT = 65_535;

/** Parses an authority; `null` if it is none, an empty host included. */
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
 * Says at once whether octets are a name with an optional port of up to four
 * digits, which nearly all are; anything else wants {@linkcode parseAuthority}.
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

/** Compares two authorities, an absent port standing for `defaultPort`. */
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

/** Says whether text is an IPv6 address (RFC 3986 §3.2.2). */
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

function isIpv4Address(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 &&
    parts.every((part) =>
      /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255
    );
}
