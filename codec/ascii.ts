/**
 * Named byte values, byte classes as look-up tables, and the conversions between
 * bytes and strings that HTTP messages need (RFC 9110 §5.5, §5.6.2; RFC 9112
 * §2.2). Grammar beyond single bytes belongs to the parsers.
 *
 * Each table has 256 entries, so looking up a byte always gives a value.
 * Therefore `TABLE[byte]!` has no comment of its own, here and in the other
 * files that use the tables.
 */

export const HTAB = 0x09; // \t
export const LF = 0x0a; // \n
export const CR = 0x0d; // \r
export const SP = 0x20;
export const DQUOTE = 0x22; // "
export const PERCENT = 0x25; // %
export const COMMA = 0x2c; // ,
export const SLASH = 0x2f; // /
export const DIGIT_0 = 0x30; // 0
export const COLON = 0x3a; // :
export const SEMICOLON = 0x3b; // ;
export const EQUALS = 0x3d; // =
export const QUESTION = 0x3f; // ?
export const BACKSLASH = 0x5c; // \

/** Adds each of `characters` to a class: its entry in `table` becomes `value`. */
export function mark(table: Uint8Array, characters: string, value = 1): void {
  for (let i = 0; i < characters.length; i++) {
    table[characters.charCodeAt(i)] = value;
  }
}

/** Adds the bytes `first` to `last`, both included, to a class. */
function markRange(
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

/** The entry in {@linkcode HEX_VALUE} for a byte that is not a hexadecimal digit. */
export const NOT_HEX = 0xff;

/** `ALPHA / DIGIT`. */
export const ALPHANUMERIC: Uint8Array = alphanumerics();

/** `tchar` (RFC 9110 §5.6.2). */
export const TOKEN: Uint8Array = tokenTable();

/** `field-vchar / SP / HTAB`: every byte except the control characters, which include NUL and DEL (RFC 9110 §5.5). */
export const FIELD_VALUE: Uint8Array = fieldValueTable();

/** The value of each `HEXDIG` in either case; {@linkcode NOT_HEX} for all other bytes. */
export const HEX_VALUE: Uint8Array = hexTable();

/** Returns whether a string is a token: one or more `tchar` (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f || TOKEN[unit] === 0) return false;
  }
  return text.length > 0;
}

/** Compares bytes with a lower-case ASCII string, ignoring the case of the bytes. */
export function equalsIgnoringCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  lower: string,
): boolean {
  return end - start === lower.length && isNamed(bytes, start, lower);
}

/** Returns whether the bytes at `start` begin with a name. Ignores the case of ASCII letters in both. */
export function isNamed(
  bytes: Uint8Array,
  start: number,
  name: string,
): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i]!;
    const difference = byte ^ name.charCodeAt(i);
    if (difference === 0) continue;
    const lower = byte | 0x20; // lower case, if it is a letter
    if (difference !== 0x20 || lower < 0x61 || lower > 0x7a) return false;
  }
  return true;
}

/** Compares bytes with a string, each byte with one code unit. */
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
 * Lower-cases `A` to `Z` and nothing else. `String.prototype.toLowerCase` maps
 * the Kelvin sign to `k`, so two different names would compare as equal.
 */
export function lowerCaseAscii(text: string): string {
  let isLower = true;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) {
      return text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
    }
    if (unit >= 0x41 && unit <= 0x5a) isLower = false;
  }
  return isLower ? text : text.toLowerCase();
}

/** Up to this size in bytes, a loop decodes faster than a call into the runtime. */
const SHORT_RUN_BYTES = 8;

/** The runtime's Latin-1 decoder. It accepts any `Uint8Array` as `this`. */
type Latin1Slice = (this: Uint8Array, start: number, end: number) => string;

/**
 * How many longer runs are decoded before the runtime's decoder is loaded. It
 * comes with the runtime's Node modules, which cost 8 ms and 4 MiB: more than a
 * program should pay before its first requests.
 */
const RUNS_BEFORE_LOAD = 1000;

let longRuns = 0;
let latin1Slice: Latin1Slice = decodeByParts;

/**
 * Decodes bytes as Latin-1: each byte becomes the code unit of the same value
 * (RFC 9112 §2.2). By its standard, `TextDecoder("latin1")` is windows-1252,
 * which would change the bytes 0x80 to 0x9F.
 *
 * perf: 77 ns for 110 bytes; `String.fromCharCode` over a view of them takes
 * 700 ns (bench/request_head_bench.ts with the values read, Deno 2.9).
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

/** Largest part that is given to `String.fromCharCode` at once, in bytes: each byte is an argument. */
const PART_BYTES = 4096;

/** Decodes without the runtime's decoder, and loads it when it is worth its cost. */
function decodeByParts(this: Uint8Array, start: number, end: number): string {
  if (++longRuns === RUNS_BEFORE_LOAD) loadDecoder();
  let text = "";
  for (let at = start; at < end; at += PART_BYTES) {
    const part = this.subarray(at, Math.min(at + PART_BYTES, end));
    text += String.fromCharCode(...part);
  }
  return text;
}

/** Replaces {@linkcode decodeByParts}, if the runtime has a faster decoder. */
function loadDecoder(): void {
  const { Buffer } = globalThis as {
    Buffer?: { prototype: { latin1Slice?: Latin1Slice } };
  };
  latin1Slice = Buffer?.prototype.latin1Slice ?? decodeByParts;
}

/** Writes a string whose code units are all at most 0xFF; returns the offset after it. */
export function writeLatin1(
  bytes: Uint8Array,
  offset: number,
  text: string,
): number {
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}

/** Encodes a string whose code units are all at most 0xFF. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, 0, text);
  return bytes;
}

/** Quotes a peer's bytes for an error message: escaped, and cut after 64 bytes. */
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
