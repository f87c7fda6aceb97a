/**
 * Finds, among scanned field lines, the ones that framing, routing and
 * persistence depend on, and refuses the ones that may stand only once
 * (RFC 9110 §5.3). Names are told apart by length first, so that the other
 * fields cost one look-up each.
 */

import { quoteBytes } from "./ascii.ts";
import { ProtocolError } from "./errors.ts";
import { FIELD_STRIDE } from "./field_lines.ts";

/** Marks that a `Host` line came. */
const HOST_BIT = 1;

/** The value of an index that points at no line. */
export const ABSENT = -1;

/**
 * Places of the control fields of one head: entries into the table of offsets,
 * or {@linkcode ABSENT}. One object is read again for each head.
 */
export class KnownFields {
  /** Where the offsets in the table count from. */
  base = 0;
  /** The octets of the head. */
  bytes: Uint8Array;
  /** Offsets of all lines. */
  table: Int32Array;
  /** Number of lines. */
  count = 0;
  host = ABSENT;
  contentLength = ABSENT;
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
  /** Whether no line but `Host` can matter here, as in most requests of machines. */
  isPlain = true;
  #singles = 0;

  /** Creates an index over nothing. */
  constructor(bytes: Uint8Array, table: Int32Array) {
    this.bytes = bytes;
    this.table = table;
  }

  /**
   * Looks the lines through.
   *
   * @throws {ProtocolError} `REPEATED_FIELD` for a second line of a field that
   * may stand once; `INVALID_FIELD_VALUE` for an octet above 0x7F in a control field.
   */
  read(
    bytes: Uint8Array,
    base: number,
    table: Int32Array,
    count: number,
  ): void {
    this.readScanned(bytes, base, table, count);
    this.host = ABSENT;
    this.#singles = 0;
    if (!this.isPlain) this.#forget();
    this.isPlain = false; // a fault below leaves places that the next head must not have
    let others = 0;
    const end = count * FIELD_STRIDE;
    for (let entry = 0; entry < end; entry += FIELD_STRIDE) {
      // the table has every line's offsets, here and below
      const size = table[entry + 1]! - table[entry]!;
      if (size > 19 || CONTROL_NAME_SIZES[size] === 0) continue;
      if (size === 4) {
        // perf: `Host` is in every head, and mostly alone (bench/request_head_bench.ts, 0.9 times the time of this loop, Deno 2.9)
        if (this.isNamed(entry, "host")) {
          this.host = this.#single(entry, HOST_BIT);
        }
        continue;
      }
      this.#note(entry, size);
      others++;
    }
    this.isPlain = others === 0;
  }

  /** Takes over lines of which a scanner has read all that matters here: they are a list only. */
  readScanned(
    bytes: Uint8Array,
    base: number,
    table: Int32Array,
    count: number,
  ): void {
    this.bytes = bytes;
    this.base = base;
    this.table = table;
    this.count = count;
  }

  /** Makes the table independent of whoever writes it. */
  copyTable(): void {
    this.table = this.table.slice(0, this.count * FIELD_STRIDE);
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

  /** Offset of a line's value in the octets. */
  valueStart(entry: number): number {
    return this.base + this.table[entry + 2]!; // see `read`
  }

  /** Offset behind a line's value in the octets. */
  valueEnd(entry: number): number {
    return this.base + this.table[entry + 3]!; // see `read`
  }

  /** Says whether the line at `entry` has this name. */
  isNamed(entry: number, lowerName: string): boolean {
    const start = this.base + this.table[entry]!; // see `read`
    const size = this.table[entry + 1]! - this.table[entry]!; // see `read`
    if (size !== lowerName.length) return false;
    const { bytes } = this;
    for (let i = 0; i < size; i++) {
      // One bit makes the case of a letter, and no other octet of a token
      // becomes a letter or a hyphen by it.
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
        if (this.isNamed(entry, "content-type")) this.#single(entry, 2);
        break;
      case 13:
        if (this.isNamed(entry, "authorization")) this.#single(entry, 4);
        break;
      case 14:
        if (this.isNamed(entry, "content-length")) {
          this.contentLength = this.#single(entry, 8);
        }
        break;
      case 17:
        if (this.isNamed(entry, "transfer-encoding")) {
          this.transferEncoding = this.#single(entry, 16);
        }
        break;
      case 19:
        if (this.isNamed(entry, "proxy-authorization")) this.#single(entry, 32);
        break;
    }
  }

  #single(entry: number, bit: number): number {
    if ((this.#singles & bit) !== 0) {
      const start = this.base + this.table[entry]!; // see `read`
      const end = this.base + this.table[entry + 1]!; // see `read`
      throw new ProtocolError(
        "REPEATED_FIELD",
        `Cannot accept two lines of field ${
          quoteBytes(this.bytes, start, end)
        }`,
        start - this.base,
      );
    }
    this.#singles |= bit;
    return entry;
  }

  /** Control fields are ASCII; a folded high octet could spell a keyword (RFC 9110 §5.5). */
  #requireAscii(entry: number): void {
    const end = this.valueEnd(entry);
    for (let pos = this.valueStart(entry); pos < end; pos++) {
      if (this.bytes[pos]! < 0x80) continue; // in range: pos < end
      throw new ProtocolError(
        "INVALID_FIELD_VALUE",
        "Cannot accept an octet above 0x7F in a control field",
        pos - this.base,
      );
    }
  }
}

/** One for each length that the name of a control field has. */
const CONTROL_NAME_SIZES: Uint8Array = Uint8Array.from(
  { length: 20 },
  (_, size) => [2, 4, 6, 7, 10, 12, 13, 14, 17, 19].includes(size) ? 1 : 0,
);
