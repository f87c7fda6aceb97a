/**
 * Writes start lines and field lines (RFC 9112 §3, §4, §5); no other file does.
 * Callers decide framing and persistence first. They pass names and values that
 * {@linkcode checkFieldName} and {@linkcode checkFieldValue} have checked: a CR
 * or LF written here would start another field or message (RFC 9112 §11.1).
 */

import {
  CR,
  encodeLatin1,
  FIELD_VALUE,
  isToken,
  LF,
  SP,
  writeLatin1,
} from "./ascii.ts";

/**
 * Returns the name if it is a token (RFC 9110 §5.1).
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
 * Returns the value without surrounding white space (RFC 9110 §5.5).
 *
 * @throws {TypeError} If it contains a control character other than HTAB, or a code
 * unit above 0xFF, which could become CR or LF when it is truncated to a byte.
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

/** Removes SP and HTAB, and nothing else, from both ends (RFC 9110 §5.6.3). */
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

/** The size of a field line in bytes, with its CRLF. */
export function fieldLineSize(name: string, value: string): number {
  return name.length + value.length + 4;
}

/** Writes `name: value CRLF`; both parts must be checked. Returns the offset after the line. */
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

/** Writes CRLF; returns the offset after it. */
export function writeLineEnd(bytes: Uint8Array, offset: number): number {
  bytes[offset] = CR;
  bytes[offset + 1] = LF;
  return offset + 2;
}

/** Writes a number's decimal digits; returns the offset after them. */
export function writeDecimal(
  bytes: Uint8Array,
  offset: number,
  value: number,
): number {
  if (value > 0x3fffffff) {
    // too large for 32-bit integer division
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

const REQUEST_LINE_END = " HTTP/1.1\r\n";

/** Encodes a status line with its CRLF; the reason may be empty (RFC 9112 §4). */
export function encodeStatusLine(
  code: number,
  reason: string,
): Uint8Array<ArrayBuffer> {
  // The server's version is 1.1, whatever the request's version is (RFC 9110 §6.2).
  return encodeLatin1(`HTTP/1.1 ${code} ${reason}\r\n`);
}

/** Writes a request line with its CRLF, both parts of which must be checked (RFC 9112 §3); returns the offset after it. */
export function writeRequestLine(
  bytes: Uint8Array,
  offset: number,
  method: string,
  target: string,
): number {
  let at = writeLatin1(bytes, offset, method);
  bytes[at++] = SP;
  at = writeLatin1(bytes, at, target);
  return writeLatin1(bytes, at, REQUEST_LINE_END);
}

/** Size of a request line with its CRLF, in bytes. */
export function requestLineSize(method: string, target: string): number {
  return method.length + 1 + target.length + REQUEST_LINE_END.length;
}

/** Encodes the field lines for which `isKept` returns true, without the empty line. */
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
