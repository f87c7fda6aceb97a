/**
 * Finds the field lines that framing, routing and persistence depend on, and
 * refuses a second line of a field that may occur once (RFC 9110 §5.3).
 * `framing.ts`, `persistence.ts` and `request_checks.ts` decide what their
 * values mean.
 *
 * Names are compared only if their length matches, so that other fields cost one
 * table look-up each.
 */

import { quoteBytes } from "./ascii.ts";
import { ProtocolError } from "./errors.ts";
import { FIELD_STRIDE, type Offsets } from "./field_lines.ts";

/** The bit in `#seen` for `Host`. */
const HOST_BIT = 1;

/** The entry of a field that has no line. */
export const ABSENT = -1;

/**
 * The lines of one head that the library acts on: for each field its entry, an
 * index into the table of offsets, or {@linkcode ABSENT}. One object is reused
 * for all heads of a parser.
 */
export class KnownFields {
  /** Offset in `bytes` from which the offsets in the table count. */
  base = 0;
  /** The bytes that contain the head. */
  bytes: Uint8Array;
  /** Offsets of all lines; see `field_lines.ts`. */
  table: Offsets;
  /** Number of lines. */
  count = 0;
  /** The `Host` line. */
  host = ABSENT;
  /** The `Content-Length` line. */
  contentLength = ABSENT;
  /** The `Transfer-Encoding` line. */
  transferEncoding = ABSENT;
  /** The first `Connection` line; there may be more. */
  connection = ABSENT;
  /** Whether there is a second `Connection` line. */
  hasMoreConnections = false;
  /** The first `Expect` line. */
  expect = ABSENT;
  /** Whether there is a second `Expect` line. */
  hasMoreExpectations = false;
  /** The first `Upgrade` line. */
  upgrade = ABSENT;
  /** Whether `Host` is the only known line, as in most requests of programs. */
  isPlain = true;
  /** One bit for each field found so far that may occur once. */
  #seen = 0;

  /** Creates an object without lines. */
  constructor(bytes: Uint8Array, table: Offsets) {
    this.bytes = bytes;
    this.table = table;
  }

  /**
   * Finds the known lines of a head.
   *
   * @throws {ProtocolError} `REPEATED_FIELD` for a second line of a field that may
   * occur once; `INVALID_FIELD_VALUE` for a byte above 0x7F in a field whose value
   * is compared with keywords.
   */
  read(
    bytes: Uint8Array,
    base: number,
    table: Offsets,
    count: number,
  ): void {
    this.readScanned(bytes, base, table, count);
    this.host = ABSENT;
    this.#seen = 0;
    if (!this.isPlain) this.#forget();
    this.isPlain = false; // set first: if a fault throws below, the next call must reset the entries
    let others = 0;
    const end = count * FIELD_STRIDE;
    for (let entry = 0; entry < end; entry += FIELD_STRIDE) {
      // the table has the offsets of every line, here and below
      const size = table[entry + 1]! - table[entry]!;
      if (size > 19 || KNOWN_NAME_SIZES[size] === 0) continue;
      if (size === 4) {
        // perf: `Host` is in every head, and often the only known field.
        // Testing it here reduces the time of the loop to 0.9 times
        // (bench/request_head_bench.ts, Deno 2.9).
        if (this.isNamed(entry, "host")) {
          this.host = this.#once(entry, HOST_BIT);
        }
        continue;
      }
      this.#note(entry, size);
      others++;
    }
    this.isPlain = others === 0;
  }

  /** Sets the lines of a head whose known fields a scanner has already found. */
  readScanned(
    bytes: Uint8Array,
    base: number,
    table: Offsets,
    count: number,
  ): void {
    this.bytes = bytes;
    this.base = base;
    this.table = table;
    this.count = count;
  }

  #forget(): void {
    this.contentLength = ABSENT;
    this.transferEncoding = ABSENT;
    this.connection = ABSENT;
    this.hasMoreConnections = false;
    this.expect = ABSENT;
    this.hasMoreExpectations = false;
    this.upgrade = ABSENT;
  }

  /** Offset in `bytes` of a line's value. */
  valueStart(entry: number): number {
    return this.base + this.table[entry + 2]!; // see `read`
  }

  /** Offset in `bytes` after a line's value. */
  valueEnd(entry: number): number {
    return this.base + this.table[entry + 3]!; // see `read`
  }

  /** Returns whether the line at `entry` has this name. */
  isNamed(entry: number, lowerName: string): boolean {
    const start = this.base + this.table[entry]!; // see `read`
    const size = this.table[entry + 1]! - this.table[entry]!; // see `read`
    if (size !== lowerName.length) return false;
    const { bytes } = this;
    for (let i = 0; i < size; i++) {
      // Setting this bit lower-cases a letter. It turns no other byte of a
      // token into a letter or a hyphen.
      if ((bytes[start + i]! | 0x20) !== lowerName.charCodeAt(i)) return false;
    }
    return true;
  }

  #note(entry: number, size: number): void {
    switch (size) {
      case 2:
        if (this.isNamed(entry, "te")) this.#requireAscii(entry);
        break;
      case 6:
        if (!this.isNamed(entry, "expect")) break;
        this.#requireAscii(entry);
        if (this.expect === ABSENT) this.expect = entry;
        else this.hasMoreExpectations = true;
        break;
      case 7:
        if (this.isNamed(entry, "upgrade")) {
          this.#requireAscii(entry);
          if (this.upgrade === ABSENT) this.upgrade = entry;
        } else if (this.isNamed(entry, "trailer")) this.#requireAscii(entry);
        break;
      case 10:
        if (!this.isNamed(entry, "connection")) break;
        if (this.connection === ABSENT) this.connection = entry;
        else this.hasMoreConnections = true;
        break;
      case 12:
        if (this.isNamed(entry, "content-type")) this.#once(entry, 2);
        break;
      case 13:
        if (this.isNamed(entry, "authorization")) this.#once(entry, 4);
        break;
      case 14:
        if (this.isNamed(entry, "content-length")) {
          this.contentLength = this.#once(entry, 8);
        }
        break;
      case 17:
        if (this.isNamed(entry, "transfer-encoding")) {
          this.transferEncoding = this.#once(entry, 16);
        }
        break;
      case 19:
        if (this.isNamed(entry, "proxy-authorization")) this.#once(entry, 32);
        break;
    }
  }

  /** Returns `entry`, or refuses the second line of its field. */
  #once(entry: number, bit: number): number {
    if ((this.#seen & bit) !== 0) {
      const start = this.base + this.table[entry]!; // see `read`
      const end = this.base + this.table[entry + 1]!; // see `read`
      throw new ProtocolError(
        "REPEATED_FIELD",
        `Cannot accept more than one line of field ${
          quoteBytes(this.bytes, start, end)
        }`,
        start - this.base,
      );
    }
    this.#seen |= bit;
    return entry;
  }

  /** Refuses bytes above 0x7F: lower-casing by one bit could turn one into a keyword's letter (RFC 9110 §5.5). */
  #requireAscii(entry: number): void {
    const end = this.valueEnd(entry);
    for (let pos = this.valueStart(entry); pos < end; pos++) {
      if (this.bytes[pos]! < 0x80) continue; // in range: pos < end
      throw new ProtocolError(
        "INVALID_FIELD_VALUE",
        "Cannot accept a byte above 0x7F in a field that is compared with keywords",
        pos - this.base,
      );
    }
  }
}

/** 1 for each length that the name of a known field has, otherwise 0. */
const KNOWN_NAME_SIZES: Uint8Array = Uint8Array.from(
  { length: 20 },
  (_, size) => [2, 4, 6, 7, 10, 12, 13, 14, 17, 19].includes(size) ? 1 : 0,
);
