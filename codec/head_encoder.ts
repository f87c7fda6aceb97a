/**
 * The only place that writes a start line and a field line (RFC 9112 §3, §4,
 * §5). Callers decide framing and persistence first and hand the outcome over;
 * names and values come here checked, by {@linkcode checkFieldName} and
 * {@linkcode checkFieldValue}, because a CR or LF that got here would be a
 * field or a message of its own on the wire (RFC 9112 §11.1).
 */

import { CR, FIELD_VALUE, isToken, LF, writeLatin1 } from "./ascii.ts";

/**
 * Gives the name back if it is a token (RFC 9110 §5.1).
 *
 * @throws {TypeError} If it is not.
 */
export function checkFieldName(name: string): string {
  if (isToken(name)) return name;
  throw new TypeError(
    `Cannot use field name ${JSON.stringify(name)}: it is not a token`,
  );
}

/**
 * Gives the value back without white space around it (RFC 9110 §5.5).
 *
 * @throws {TypeError} If a code unit is a control character other than HTAB or
 * above 0xFF, which would be cut to a byte and could become CR or LF.
 */
export function checkFieldValue(name: string, value: string): string {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit > 0xff || FIELD_VALUE[unit] === 0) {
      throw new TypeError(
        `Cannot use value of field ${
          JSON.stringify(name)
        }: character ${i} is U+${
          unit.toString(16).padStart(4, "0").toUpperCase()
        }`,
      );
    }
  }
  return trimOptionalWhiteSpace(value);
}

/** Takes SP and HTAB, and nothing else, off both ends (RFC 9110 §5.6.3). */
export function trimOptionalWhiteSpace(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isOptionalWhiteSpace(value, start)) start++;
  while (end > start && isOptionalWhiteSpace(value, end - 1)) end--;
  return end - start === value.length ? value : value.slice(start, end);
}

function isOptionalWhiteSpace(value: string, index: number): boolean {
  const unit = value.charCodeAt(index);
  return unit === 0x20 || unit === 0x09;
}

/** Bytes that one field line takes. */
export function fieldLineSize(name: string, value: string): number {
  return name.length + value.length + 4;
}

/** Writes `name: value CRLF` of checked parts; returns the offset behind it. */
export function writeFieldLine(
  bytes: Uint8Array,
  offset: number,
  name: string,
  value: string,
): number {
  let at = writeLatin1(bytes, offset, name);
  at = writeLatin1(bytes, at, ": ");
  at = writeLatin1(bytes, at, value);
  return writeLineEnd(bytes, at);
}

/** Writes CRLF; returns the offset behind it. */
export function writeLineEnd(bytes: Uint8Array, offset: number): number {
  bytes[offset] = CR;
  bytes[offset + 1] = LF;
  return offset + 2;
}

/** Writes a number's decimal digits; returns the offset behind them. */
export function writeDecimal(
  bytes: Uint8Array,
  offset: number,
  value: number,
): number {
  if (value > 0x3fffffff) {
    // beyond the integers that divide without a detour through doubles
    return writeLatin1(bytes, offset, String(value));
  }
  let digits = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++;
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    const next = (rest / 10) | 0;
    bytes[at] = 0x30 + rest - next * 10;
    rest = next;
  }
  return offset + digits;
}

/** Encodes a status line with its CRLF; the reason may be empty (RFC 9112 §4). */
export function encodeStatusLine(
  code: number,
  reason: string,
): Uint8Array<ArrayBuffer> {
  // The server's version is 1.1 whatever the request's was (RFC 9110 §6.2).
  return encodeLine(`HTTP/1.1 ${code} ${reason}\r\n`);
}

/** Encodes a request line with its CRLF of checked parts (RFC 9112 §3). */
export function encodeRequestLine(
  method: string,
  target: string,
): Uint8Array<ArrayBuffer> {
  return encodeLine(`${method} ${target} HTTP/1.1\r\n`);
}

function encodeLine(line: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(line.length);
  writeLatin1(bytes, 0, line);
  return bytes;
}

/** Encodes the field lines of which `isKept` says yes, without the empty line. */
export function encodeFieldLines(
  names: readonly string[],
  values: readonly string[],
  isKept: (index: number) => boolean,
): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (let i = 0; i < names.length; i++) {
    // both lists have an entry for each field
    if (isKept(i)) size += fieldLineSize(names[i]!, values[i]!);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < names.length; i++) {
    // both lists have an entry for each field
    if (isKept(i)) at = writeFieldLine(bytes, at, names[i]!, values[i]!);
  }
  return bytes;
}
