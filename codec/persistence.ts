/**
 * Reads `Connection`, and decides whether a received message lets the connection
 * carry another one (RFC 9112 §9.3, §9.6; RFC 9110 §7.6.1). No other file reads
 * this field of received messages.
 */

import { COMMA, equalsIgnoringCase, HTAB, SP, TOKEN } from "./ascii.ts";
import { ABSENT, type KnownFields } from "./known_fields.ts";
import { ProtocolError } from "./errors.ts";
import { FIELD_STRIDE } from "./field_lines.ts";

/** `Connection` contains `close`. */
export const CONNECTION_CLOSE = 1;
/** `Connection` contains `keep-alive`. */
export const CONNECTION_KEEP_ALIVE = 2;
/** `Connection` contains `upgrade`. */
export const CONNECTION_UPGRADE = 4;

/**
 * Returns the members of all `Connection` lines as bits; unknown and empty members
 * are ignored (RFC 9110 §5.6.1).
 *
 * @throws {ProtocolError} `INVALID_CONNECTION` if a member is not a token. Guessing
 * what a malformed field meant would be unsafe.
 */
export function connectionOptions(fields: KnownFields): number {
  if (fields.connection === ABSENT) return 0;
  let options = readMembers(
    fields,
    fields.valueStart(fields.connection),
    fields.valueEnd(fields.connection),
  );
  if (!fields.hasMoreConnections) return options;
  const end = fields.count * FIELD_STRIDE;
  const second = fields.connection + FIELD_STRIDE;
  for (let entry = second; entry < end; entry += FIELD_STRIDE) {
    if (fields.isNamed(entry, "connection")) {
      options |= readMembers(
        fields,
        fields.valueStart(entry),
        fields.valueEnd(entry),
      );
    }
  }
  return options;
}

function readMembers(fields: KnownFields, start: number, end: number): number {
  const { bytes } = fields;
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
          pos - fields.base,
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
 * Returns whether the peer's message keeps the connection open (RFC 9112 §9.3).
 *
 * @param minorVersion The message's minor version.
 * @param options Bits from {@linkcode connectionOptions}.
 * @param honorsHttp10KeepAlive Whether `keep-alive` is honoured in HTTP/1.0. By
 * default it is not, since old proxies forward the field without understanding
 * it (RFC 9112 appendix C.2.2).
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
