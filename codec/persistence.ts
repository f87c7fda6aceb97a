/**
 * Whether a connection may carry another message: the one place that reads
 * `Connection` (RFC 9112 §9.3, §9.6; RFC 9110 §7.6.1).
 */

import { COMMA, equalsIgnoringCase, HTAB, SP, TOKEN } from "./ascii.ts";
import { ABSENT, type KnownFields } from "./known_fields.ts";
import { ProtocolError } from "./errors.ts";
import { FIELD_STRIDE } from "./field_lines.ts";

/** `Connection` names `close`. */
export const CONNECTION_CLOSE = 1;
/** `Connection` names `keep-alive`. */
export const CONNECTION_KEEP_ALIVE = 2;
/** `Connection` names `upgrade`. */
export const CONNECTION_UPGRADE = 4;

/**
 * Reads the members of all `Connection` lines as bits; unknown ones count for
 * nothing, and empty ones are skipped (RFC 9110 §5.6.1).
 *
 * @throws {ProtocolError} `INVALID_CONNECTION` if a member is no token: a
 * garbled control field is not worth a guess.
 */
export function connectionOptions(index: KnownFields): number {
  if (index.connection === ABSENT) return 0;
  let options = readMembers(
    index,
    index.valueStart(index.connection),
    index.valueEnd(index.connection),
  );
  if (!index.hasMoreConnections) return options;
  const end = index.count * FIELD_STRIDE;
  const second = index.connection + FIELD_STRIDE;
  for (let entry = second; entry < end; entry += FIELD_STRIDE) {
    if (index.isNamed(entry, "connection")) {
      options |= readMembers(
        index,
        index.valueStart(entry),
        index.valueEnd(entry),
      );
    }
  }
  return options;
}

function readMembers(index: KnownFields, start: number, end: number): number {
  const { bytes } = index;
  let options = 0;
  let pos = start;
  while (pos < end) {
    const memberStart = pos;
    while (pos < end && TOKEN[bytes[pos]!] === 1) pos++;
    const memberEnd = pos;
    while (pos < end && (bytes[pos] === SP || bytes[pos] === HTAB)) pos++;
    if (pos < end && bytes[pos] !== COMMA) {
      if (memberEnd > memberStart || pos === memberStart) {
        throw new ProtocolError(
          "INVALID_CONNECTION",
          "Cannot parse Connection: a member is not a token",
          pos - index.base,
        );
      }
      continue; // white space before a member
    }
    options |= memberBit(bytes, memberStart, memberEnd);
    pos++;
  }
  return options;
}

function memberBit(bytes: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 5:
      return equalsIgnoringCase(bytes, start, end, "close")
        ? CONNECTION_CLOSE
        : 0;
    case 7:
      return equalsIgnoringCase(bytes, start, end, "upgrade")
        ? CONNECTION_UPGRADE
        : 0;
    case 10:
      return equalsIgnoringCase(bytes, start, end, "keep-alive")
        ? CONNECTION_KEEP_ALIVE
        : 0;
    default:
      return 0;
  }
}

/**
 * Says whether the peer's message leaves the connection open (RFC 9112 §9.3).
 *
 * @param minorVersion The message's minor version.
 * @param options Bits from {@linkcode connectionOptions}.
 * @param honorsHttp10KeepAlive Whether `keep-alive` in HTTP/1.0 counts; it
 * breaks through old proxies (RFC 9112 appendix C.2.2), so it is off by default.
 */
export function isPersistent(
  minorVersion: number,
  options: number,
  honorsHttp10KeepAlive: boolean,
): boolean {
  if ((options & CONNECTION_CLOSE) !== 0) return false;
  if (minorVersion >= 1) return true;
  return honorsHttp10KeepAlive && (options & CONNECTION_KEEP_ALIVE) !== 0;
}
