/**
 * Scans complete request heads of the usual shape in WebAssembly, 16 bytes at a
 * time, in the module's memory (RFC 9112 §3, §5). For a head that it accepts,
 * the result is the same as the plain parser's; it uses the same byte classes.
 * The plain parser parses every other head from its first byte, so that faults
 * are reported in one place.
 */

import { HOST } from "../authority.ts";
import { writeLatin1 } from "../ascii.ts";
import { FIELD_STRIDE } from "../field_lines.ts";
import { CHUNKED } from "../framing.ts";
import type { HeadLimits } from "../limits.ts";
import { HEAD_OFFSET_COUNT, HeadOffset } from "../request_head.ts";
import { PLAIN, TARGET } from "../request_line.ts";
import { IS_CHUNKED } from "../request_flags.ts";
import {
  classOf,
  COPY_AT as MEMORY_COPY_AT,
  LIMITS_AT,
  MAX_FIELDS,
  maybeInstantiate,
  memoryOf,
  NO_LIMIT,
  OUT_AT,
  TABLE_AT,
} from "./scanner_memory.ts";

/** Addresses in the module's memory, in bytes; see `head_scanner.as` and `scanner_memory.ts`. */
const TARGET_CLASS_AT = 16;
const HOST_CLASS_AT = 32;
const WINDOW_AT = 16_384;
const ROUTES_AT = 86_016;
const ROUTES_END = 196_608;
const SLOTS_AT = ROUTES_END;
/** A scan may read a few bytes after the last slot. */
const SLOTS_END = 458_752 - 1024;

/** Size of one slot of the route table, in bytes. */
const SLOT_BYTES = 16;

/**
 * The most bytes that are copied at a time. Longer heads are rare, and a longer
 * buffer usually contains several heads.
 */
const MAX_COPIED_BYTES = 4096;

/** Size in bytes of the window into which an engine can receive, so that heads are scanned without a copy. */
export const WINDOW_BYTES = 65_536;

// perf: copied into a constant of this module, since V8 looks up an imported
// one at each use (bench/machine_bench.ts)
const { SCAN_FLAGS } = HeadOffset;
const COPY_AT = MEMORY_COPY_AT;

/** Index of the results in 4-byte units. The 4 bytes before them are the method's start, which is always 0. */
const OFFSETS = OUT_AT / 4 - HeadOffset.METHOD_END;
/** Index of the limits, and after them of the last slot's number, in 4-byte units. */
const LIMITS = LIMITS_AT / 4;
const LAST_SLOT = LIMITS + 5;
/** The largest integer that V8 stores without allocating. */
const MAX_INTEGER = 0x3fffffff;

/** Index of the declared body length in 8-byte units. */
const LENGTH = (OUT_AT + 24) / 8;

type Scan = (start: number, end: number) => number;
type AddRoute = (start: number, sizeBytes: number, number: number) => void;

/** A part of the scanner's memory into which an engine can receive, so that heads are scanned without a copy. */
export interface ReceiveWindow {
  /** The array that contains the window. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of the window's first byte. */
  readonly start: number;
  /** Size of the window in bytes. */
  readonly size: number;
}

/** A scanner with its own memory; its results are valid until the next scan. */
export class HeadScanner {
  /** The memory; heads in it are scanned without a copy. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The window for an engine that receives into one buffer. */
  readonly window: ReceiveWindow;
  /** A second window, for an engine that divides it into many receive buffers. */
  readonly slots: ReceiveWindow;
  /** {@linkcode FIELD_STRIDE} offsets for each field line of the last head. */
  readonly table: Int32Array;
  /** Results of the last scan; see {@linkcode RequestHead.offsets}. */
  readonly offsets: Int32Array;
  #numbers: Int32Array;
  #lengths: Float64Array;
  #scan: Scan;
  #addRoute: AddRoute;
  /** The array that {@linkcode HeadScanner.copyIn} copied from, or `null`. */
  #source: Uint8Array | null = null;
  /** The range of the copied bytes in their array. */
  #copyStart = 0;
  #copyEnd = 0;

  private constructor(exports: WebAssembly.Exports, limits: HeadLimits) {
    const buffer = memoryOf(exports);
    this.#scan = exports.scan as Scan; // declared in head_scanner.as
    this.#addRoute = exports.addRoute as AddRoute; // declared in head_scanner.as
    this.bytes = new Uint8Array(buffer);
    const { bytes } = this;
    this.window = { bytes, start: WINDOW_AT, size: WINDOW_BYTES };
    this.slots = { bytes, start: SLOTS_AT, size: SLOTS_END - SLOTS_AT };
    this.#numbers = new Int32Array(buffer);
    this.offsets = this.#numbers.subarray(OFFSETS, OFFSETS + HEAD_OFFSET_COUNT);
    this.#lengths = new Float64Array(buffer);
    this.table = new Int32Array(buffer, TABLE_AT, MAX_FIELDS * FIELD_STRIDE);
    this.bytes.set(classOf(TARGET, PLAIN), TARGET_CLASS_AT);
    this.bytes.set(classOf(HOST, 1), HOST_CLASS_AT);
    const bounds = [
      limits.maxMethodBytes,
      limits.maxTargetBytes,
      limits.maxHeaderBytes,
      limits.maxRequestHeadSize,
      Math.min(limits.maxHeaderCount, MAX_FIELDS),
    ];
    this.#numbers.set(
      bounds.map((bound) => Math.min(bound, NO_LIMIT)),
      LIMITS,
    );
  }

  /** Creates a scanner, or returns `null` if the runtime has no WebAssembly with relaxed SIMD. */
  static maybeCreate(limits: HeadLimits): HeadScanner | null {
    const exports = maybeInstantiate();
    return exports === null ? null : new HeadScanner(exports, limits);
  }

  /** The flags of the last head; see `request_flags.ts`. */
  get flags(): number {
    return this.offsets[SCAN_FLAGS]!; // the array has all entries
  }

  /** Length of the last head's body in bytes, or {@linkcode CHUNKED}; only valid if its flags say that it has one. */
  get bodyLength(): number {
    if ((this.flags & IS_CHUNKED) !== 0) return CHUNKED;
    const length = this.#lengths[LENGTH]!; // in range
    // perf: as an integer, so that V8 computes no offset of the body with
    // floating-point numbers (bench/machine_bench.ts, fetch-json-post, Deno 2.9).
    return length <= MAX_INTEGER ? length | 0 : length;
  }

  /**
   * Stores the routes to look up at the start of each head. Call it at most once.
   *
   * @param keys `METHOD SP path` of each route in ASCII, all different.
   * @returns Whether there was room; if not, nothing was stored.
   */
  learnRoutes(keys: readonly string[]): boolean {
    let slots = 2;
    while (slots < 2 * keys.length) slots *= 2;
    const start = ROUTES_AT + slots * SLOT_BYTES;
    const sizeBytes = keys.reduce((sum, { length }) => sum + length, 0);
    // the scanner compares eight bytes at a time
    if (start + sizeBytes + 8 > ROUTES_END) return false;
    this.#numbers[LAST_SLOT] = slots - 1;
    let at = start;
    for (const [index, key] of keys.entries()) {
      writeLatin1(this.bytes, at, key);
      this.#addRoute(at, key.length, index + 1);
      at += key.length;
    }
    return true;
  }

  /**
   * Scans the head at `start`.
   *
   * Bytes of another array must be copied into the memory first.
   * {@linkcode HeadScanner.copyIn} does that once for several heads. Without it, each
   * call copies, and only a head at offset 0 is scanned.
   *
   * @returns The size of the head in bytes, or 0 if the plain parser must parse it.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    return bytes === this.bytes
      ? this.#scan(start, end)
      : this.#scanCopy(bytes, start, end);
  }

  #scanCopy(bytes: Uint8Array, start: number, end: number): number {
    if (bytes !== this.#source) {
      if (start !== 0) return 0;
      this.#source = null; // the copy of its bytes is overwritten
      this.#copy(bytes, start, end);
    } else if (start >= this.#copyEnd) this.#copy(bytes, start, end);
    else if (start < this.#copyStart) return 0;
    const shift = COPY_AT - this.#copyStart;
    return this.#scan(start + shift, this.#copyEnd + shift);
  }

  /**
   * Copies bytes into the memory, as many as fit, so that all heads in them can be
   * scanned. The bytes must stay unchanged until {@linkcode HeadScanner.dropCopy} or
   * the next copy.
   */
  copyIn(bytes: Uint8Array, start: number, end: number): void {
    this.#copy(bytes, start, end);
    this.#source = bytes;
  }

  /** Forgets the copy that {@linkcode HeadScanner.copyIn} made. */
  dropCopy(): void {
    this.#source = null;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    const size = Math.min(end - start, MAX_COPIED_BYTES);
    this.#copyStart = start;
    this.#copyEnd = start + size;
    // Copying a small array whole costs less than creating a view of a part.
    const isWhole = start === 0 && bytes.length <= MAX_COPIED_BYTES;
    this.bytes.set(
      isWhole ? bytes : bytes.subarray(start, start + size),
      COPY_AT,
    );
  }
}
