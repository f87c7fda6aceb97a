/**
 * Octets by name, classes of octets by table, and the few conversions between
 * octets and text that a message needs (RFC 9110 §5.5, §5.6.2; RFC 9112 §2.2).
 *
 * A table has one entry for each of the 256 octets, so a look-up by an octet
 * is always defined: `TABLE[octet]!` is the one place where `!` stands without
 * a comment of its own, here and in every file that uses these tables.
 */

import { Buffer } from "node:buffer";

export const HTAB = 0x09; // \t
export const LF = 0x0a; // \n
export const CR = 0x0d; // \r
export const SP = 0x20;
export const DQUOTE = 0x22; // "
export const PERCENT = 0x25; // %
export const ASTERISK = 0x2a; // *
export const COMMA = 0x2c; // ,
export const SLASH = 0x2f; // /
export const DIGIT_0 = 0x30; // 0
export const COLON = 0x3a; // :
export const SEMICOLON = 0x3b; // ;
export const EQUALS = 0x3d; // =
export const QUESTION = 0x3f; // ?
export const BACKSLASH = 0x5c; // \

/** Puts the octets of `characters` into the class `value` of `table`. */
export function mark(table: Uint8Array, characters: string, value = 1): void {
  for (let i = 0; i < characters.length; i++) {
    table[characters.charCodeAt(i)] = value;
  }
}

/** Puts the octets `first` to `last`, both included, into the class `value`. */
export function markRange(
  table: Uint8Array,
  first: number,
  last: number,
  value = 1,
): void {
  table.fill(value, first, last + 1);
}

function alphanumerics(): Uint8Array {
  const table = new Uint8Array(256);
  markRange(table, 0x30, 0x39);
  markRange(table, 0x41, 0x5a);
  markRange(table, 0x61, 0x7a);
  return table;
}

function tokenTable(): Uint8Array {
  const table = alphanumerics();
  mark(table, "!#$%&'*+-.^_`|~");
  return table;
}

function fieldValueTable(): Uint8Array {
  const table = new Uint8Array(256);
  markRange(table, 0x20, 0x7e);
  markRange(table, 0x80, 0xff);
  table[HTAB] = 1;
  return table;
}

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(NOT_HEX);
  for (let digit = 0; digit < 10; digit++) table[DIGIT_0 + digit] = digit;
  for (let digit = 10; digit < 16; digit++) {
    table[0x41 + digit - 10] = digit;
    table[0x61 + digit - 10] = digit;
  }
  return table;
}

/** What {@linkcode HEX_VALUE} holds for an octet that is no hexadecimal digit. */
export const NOT_HEX = 0xff;

/** `ALPHA / DIGIT`. */
export const ALPHANUMERIC: Uint8Array = alphanumerics();

/** `tchar` (RFC 9110 §5.6.2). */
export const TOKEN: Uint8Array = tokenTable();

/** `field-vchar / SP / HTAB`: no other control octet, NUL and DEL included (RFC 9110 §5.5). */
export const FIELD_VALUE: Uint8Array = fieldValueTable();

/** The value of a `HEXDIG` of either case, or {@linkcode NOT_HEX}. */
export const HEX_VALUE: Uint8Array = hexTable();

/** Says whether `text` is a token: one or more `tchar` (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f || TOKEN[unit] === 0) return false;
  }
  return text.length > 0;
}

/** Compares octets with lower-case ASCII text, the octets' case aside. */
export function equalsIgnoringCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  lower: string,
): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    let octet = bytes[start + i]!;
    if (octet >= 0x41 && octet <= 0x5a) octet |= 0x20;
    if (octet !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** Compares octets with text of which every code unit stands for one octet. */
export function equalsLatin1(
  bytes: Uint8Array,
  start: number,
  end: number,
  text: string,
): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * Lower-cases `A` to `Z` and nothing else. `String.prototype.toLowerCase` folds
 * the Kelvin sign to `k`, which would make two names equal that are not.
 */
export function lowerCaseAscii(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) {
      return text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
    }
  }
  return text.toLowerCase();
}

/** Longest run of octets that is cheaper to decode unit by unit than by a call. */
const SHORT_RUN_BYTES = 8;

/** The runtime's own decoder, which takes any array of octets as `this`; its types leave it out. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/**
 * Decodes octets one to one: the code unit is the octet (RFC 9112 §2.2).
 * `TextDecoder("latin1")` would be windows-1252 and change 0x80 to 0x9F.
 *
 * perf: 77 ns for 110 octets, where `String.fromCharCode` over a view of them
 * takes 700 ns (bench/request_head_bench.ts with the values read, Deno 2.9).
 */
export function decodeLatin1(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  if (end - start > SHORT_RUN_BYTES) {
    return latin1Slice.call(bytes, start, end);
  }
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/** Writes text whose code units are all octets; returns the offset behind it. */
export function writeLatin1(
  bytes: Uint8Array,
  offset: number,
  text: string,
): number {
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}

/** Gives text whose code units are all octets as new bytes. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, 0, text);
  return bytes;
}

/** Shows at most 64 octets of a peer's bytes in a message, escaped and cut short. */
export function quoteBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  const cut = Math.min(end, start + 64);
  const text = JSON.stringify(decodeLatin1(bytes, start, cut))
    .replace(
      /[\x7f-\xff]/g,
      (unit) => "\\x" + unit.charCodeAt(0).toString(16),
    );
  return cut < end ? `${text}…` : text;
}
