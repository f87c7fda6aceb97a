/**
 * Scans complete response heads of the usual shape in WebAssembly, 16 bytes at a
 * time (RFC 9112 §4, §5). For a head that it accepts, the result is the same as
 * the plain parser's; it uses the same byte classes. The plain parser parses
 * every other head from its first byte.
 */

import { FIELD_STRIDE } from "../field_lines.ts";
import { CHUNKED, UNTIL_CLOSE } from "../framing.ts";
import type { HeadLimits } from "../limits.ts";
import {
  COPY_AT,
  LIMITS_AT,
  MAX_FIELDS,
  maybeInstantiate,
  memoryOf,
  NO_LIMIT,
  OUT_AT,
  TABLE_AT,
} from "./scanner_memory.ts";

/** Bits of a response's flags: how its body is framed, and whether it has a `Keep-Alive` field. */
const HAS_LENGTH = 8;
const IS_CHUNKED = 16;
const HAS_KEEP_ALIVE = 64;
/** The bits of `Connection`, which are those of `persistence.ts`. */
const CONNECTION_BITS = 3;

/** The most bytes of a head. Longer heads are rare. */
const MAX_COPIED_BYTES = 4096;

/** Copying fewer bytes one by one costs less than a view of them. */
const SHORT_BYTES = 96;

/** Indexes of the results in 4-byte units. */
const REASON_START = OUT_AT / 4;
const REASON_END = REASON_START + 1;
const STATUS = REASON_START + 2;
const COUNT = REASON_START + 3;
const FLAGS = REASON_START + 4;
const MINOR_VERSION = REASON_START + 5;
const TABLE = TABLE_AT / 4;
/** Index of the declared body length in 8-byte units. */
const LENGTH = (OUT_AT + 24) / 8;

/** Size of an array in which the offsets of many heads are stored. */
const STORED_OFFSETS = 4096;

type Scan = (start: number, end: number) => number;

/** Scans heads; its results are valid until the next scan. One scanner serves all connections of a client. */
export class ResponseScanner {
  /** The array that has the offsets of the last head's field lines, once they are stored. */
  table: Int32Array = new Int32Array(STORED_OFFSETS);
  /** Index in {@linkcode ResponseScanner.table} of the first of them. */
  tableStart = 0;
  #tableEnd = 0;
  #bytes: Uint8Array;
  #numbers: Int32Array;
  #lengths: Float64Array;
  #scan: Scan;

  private constructor(
    exports: WebAssembly.Exports,
    limits: Pick<HeadLimits, "maxHeaderBytes" | "maxHeaderCount">,
  ) {
    const buffer = memoryOf(exports);
    this.#scan = exports.scanResponse as Scan; // declared in head_scanner.as
    this.#bytes = new Uint8Array(buffer);
    this.#numbers = new Int32Array(buffer);
    this.#lengths = new Float64Array(buffer);
    const { maxHeaderBytes, maxHeaderCount } = limits;
    const bounds = [maxHeaderBytes, 0, Math.min(maxHeaderCount, MAX_FIELDS)];
    this.#numbers.set(
      bounds.map((bound) => Math.min(bound, NO_LIMIT)),
      LIMITS_AT / 4 + 2, // the first two limits are those of a request line
    );
  }

  /** Creates a scanner, or returns `null` if the runtime has no WebAssembly with relaxed SIMD. */
  static maybeCreate(
    limits: Pick<HeadLimits, "maxHeaderBytes" | "maxHeaderCount">,
  ): ResponseScanner | null {
    const exports = maybeInstantiate();
    return exports === null ? null : new ResponseScanner(exports, limits);
  }

  /** The status code. */
  get status(): number {
    return this.#numbers[STATUS]!; // in range, here and below
  }

  /** 0 or 1. */
  get minorVersion(): number {
    return this.#numbers[MINOR_VERSION]!;
  }

  /** Offset of the reason phrase from the head's first byte. */
  get reasonStart(): number {
    return this.#numbers[REASON_START]!;
  }

  /** Offset after the reason phrase. */
  get reasonEnd(): number {
    return this.#numbers[REASON_END]!;
  }

  /** Number of field lines. */
  get count(): number {
    return this.#numbers[COUNT]!;
  }

  /** The members of `Connection`; see `persistence.ts`. */
  get connectionOptions(): number {
    return this.#numbers[FLAGS]! & CONNECTION_BITS;
  }

  /** Whether there is a `Keep-Alive` field. */
  get hasKeepAlive(): boolean {
    return (this.#numbers[FLAGS]! & HAS_KEEP_ALIVE) !== 0;
  }

  /** The length that the fields declare, for a response that may have a body: a number of bytes, {@linkcode CHUNKED} or {@linkcode UNTIL_CLOSE}. */
  get declaredLength(): number {
    const flags = this.#numbers[FLAGS]!;
    if ((flags & HAS_LENGTH) !== 0) return this.#lengths[LENGTH]!;
    return (flags & IS_CHUNKED) !== 0 ? CHUNKED : UNTIL_CLOSE;
  }

  /**
   * Scans the head at `start`.
   *
   * @returns The size of the head in bytes, or 0 if the plain parser must parse it.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    const size = Math.min(end - start, MAX_COPIED_BYTES);
    const memory = this.#bytes;
    if (size > SHORT_BYTES) {
      memory.set(bytes.subarray(start, start + size), COPY_AT);
    } else {
      for (let at = 0; at < size; at++) {
        memory[COPY_AT + at] = bytes[start + at]!; // in range: below end
      }
    }
    return this.#scan(COPY_AT, COPY_AT + size);
  }

  /**
   * Copies the offsets of the last head's field lines to
   * {@linkcode ResponseScanner.table}, where they stay unchanged. The heads of
   * many responses share one array, since creating one takes longer than a scan.
   */
  storeTable(): void {
    const size = this.count * FIELD_STRIDE;
    if (this.#tableEnd + size > this.table.length) {
      this.table = new Int32Array(STORED_OFFSETS);
      this.#tableEnd = 0;
    }
    const { table } = this;
    const numbers = this.#numbers;
    const start = this.#tableEnd;
    for (let at = 0; at < size; at++) table[start + at] = numbers[TABLE + at]!; // the table has room for all lines
    this.tableStart = start;
    this.#tableEnd = start + size;
  }
}
