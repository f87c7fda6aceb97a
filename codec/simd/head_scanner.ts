/**
 * Scans complete request heads of the usual shape in WebAssembly, 16 octets at
 * a step. What it does not take, the plain parser looks at from the beginning,
 * so that faults are decided in one place; what it takes, it takes exactly as
 * the plain parser does, from the same classes of octets.
 */

import { HOST } from "../authority.ts";
import { TOKEN } from "../ascii.ts";
import { FIELD_STRIDE } from "../field_lines.ts";
import type { HeadLimits } from "../limits.ts";
import { PLAIN, TARGET } from "../request_line.ts";
import { MODULE_BASE64 } from "./head_scanner_wasm.ts";

/** The module's places in its memory, in bytes; see its source. */
const TOKEN_CLASS_AT = 0;
const TARGET_CLASS_AT = 16;
const HOST_CLASS_AT = 32;
const HIGH_BITS_AT = 48;
const OUT_AT = 64;
const CONTROLS_AT = 128;
const TABLE_AT = 256;
const INPUT_AT = 8192;

/** Fields that the table has room for. */
const MAX_FIELDS = (INPUT_AT - TABLE_AT) / (FIELD_STRIDE * 4);

/** Octets that are copied at most: longer heads are rare, and a long buffer holds many. */
const MAX_SCANNED_BYTES = 4096;

/** Places of the results, as numbers of 4 bytes from the memory's start. */
const METHOD_END = OUT_AT / 4;
const PATH_END = METHOD_END + 1;
const TARGET_END = METHOD_END + 2;
const COUNT = METHOD_END + 3;
const HOST_ENTRY = METHOD_END + 4;
const CONTROL_COUNT = METHOD_END + 5;
const SECTION_SIZE = METHOD_END + 6;

type Scan = (sizeBytes: number, maxFields: number) => number;

/** One scanner with a memory of its own; its results hold until the next scan. */
export class HeadScanner {
  /** Offsets of the field lines, {@linkcode FIELD_STRIDE} a line. */
  readonly table: Int32Array;
  /** Entries of the lines that may be control fields. */
  readonly controls: Int32Array;
  #octets: Uint8Array;
  #results: Int32Array;
  #scan: Scan;
  #limits: HeadLimits;
  #maxFields: number;

  private constructor(exports: WebAssembly.Exports, limits: HeadLimits) {
    const memory = exports.memory as WebAssembly.Memory; // as the source has it
    this.#scan = exports.scan as Scan; // as the source has it
    this.#octets = new Uint8Array(memory.buffer);
    this.#results = new Int32Array(memory.buffer);
    this.table = new Int32Array(
      memory.buffer,
      TABLE_AT,
      MAX_FIELDS * FIELD_STRIDE,
    );
    this.controls = new Int32Array(
      memory.buffer,
      CONTROLS_AT,
      (TABLE_AT - CONTROLS_AT) / 4,
    );
    this.#limits = limits;
    this.#maxFields = Math.min(limits.maxHeaderCount, MAX_FIELDS);
    this.#octets.set(classOf(TOKEN, 1), TOKEN_CLASS_AT);
    this.#octets.set(classOf(TARGET, PLAIN), TARGET_CLASS_AT);
    this.#octets.set(classOf(HOST, 1), HOST_CLASS_AT);
    for (let high = 0; high < 8; high++) {
      this.#octets[HIGH_BITS_AT + high] = 1 << high;
    }
  }

  /** Creates a scanner, or `null` where there is no WebAssembly with SIMD. */
  static maybeCreate(limits: HeadLimits): HeadScanner | null {
    try {
      const module = new WebAssembly.Module(decodeBase64(MODULE_BASE64));
      return new HeadScanner(new WebAssembly.Instance(module).exports, limits);
    } catch {
      return null; // the plain parser does everything that this one does
    }
  }

  /** Offset behind the method. */
  get methodEnd(): number {
    return this.#results[METHOD_END]!; // results are there, here and below
  }

  /** Offset of the `?` in the target, or behind it. */
  get pathEnd(): number {
    return this.#results[PATH_END]!;
  }

  /** Offset behind the target. */
  get targetEnd(): number {
    return this.#results[TARGET_END]!;
  }

  /** Field lines. */
  get count(): number {
    return this.#results[COUNT]!;
  }

  /** Entry of the one `Host` line, whose value is plain. */
  get host(): number {
    return this.#results[HOST_ENTRY]!;
  }

  /** Lines beside `Host` that may be control fields. */
  get controlCount(): number {
    return this.#results[CONTROL_COUNT]!;
  }

  /**
   * Scans the head at the start of `bytes`.
   *
   * @returns Its size in octets, or 0 if the plain parser has to look at it.
   */
  scan(bytes: Uint8Array, end: number): number {
    const size = end < MAX_SCANNED_BYTES ? end : MAX_SCANNED_BYTES;
    // Copying what lies behind the head costs less than a view of it.
    this.#octets.set(
      bytes.length <= MAX_SCANNED_BYTES ? bytes : bytes.subarray(0, size),
      INPUT_AT,
    );
    const headSize = this.#scan(size, this.#maxFields);
    return headSize !== 0 && this.#isWithinLimits(headSize) ? headSize : 0;
  }

  #isWithinLimits(headSize: number): boolean {
    const limits = this.#limits;
    const methodEnd = this.methodEnd;
    return methodEnd <= limits.maxMethodBytes &&
      this.targetEnd - methodEnd - 1 <= limits.maxTargetBytes &&
      this.#results[SECTION_SIZE]! <= limits.maxHeaderBytes &&
      headSize <= limits.maxRequestHeadSize;
  }
}

/** A table's class as 16 bytes: bit `high` of byte `low` stands for the octet of these halves. */
function classOf(table: Uint8Array, value: number): Uint8Array {
  const members = new Uint8Array(16);
  for (let octet = 0; octet < 0x80; octet++) {
    // in range: a half has 4 bits
    if (table[octet] === value) members[octet & 15]! |= 1 << (octet >> 4);
  }
  return members;
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
}
