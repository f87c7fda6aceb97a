/**
 * Scans complete request heads of the usual shape in WebAssembly, 16 octets at
 * a step, where they lie in the module's memory. What it does not take, the
 * plain parser looks at from the beginning, so that faults are decided in one
 * place; what it takes, it takes exactly as the plain parser does, from the
 * same classes of octets.
 */

import { HOST } from "../authority.ts";
import { FIELD_VALUE, TOKEN, writeLatin1 } from "../ascii.ts";
import { FIELD_STRIDE } from "../field_lines.ts";
import { CHUNKED } from "../framing.ts";
import type { HeadLimits } from "../limits.ts";
import { HEAD_OFFSET_COUNT, HeadOffset } from "../request_head.ts";
import { PLAIN, TARGET } from "../request_line.ts";
import { IS_CHUNKED } from "../request_flags.ts";
import { MODULE_BASE64 } from "./head_scanner_wasm.ts";

/** The module's places in its memory, in bytes; see its source. */
const TOKEN_CLASS_AT = 0;
const TARGET_CLASS_AT = 16;
const HOST_CLASS_AT = 32;
const VALUE_CLASS_AT = 48;
const HIGH_BITS_AT = 128;
const VALUE_HIGH_BITS_AT = 144;
const LOW_HALVES_AT = 160;
const LIMITS_AT = 64;
const OUT_AT = 96;
const TABLE_AT = 256;
/** Where octets are copied to that lie elsewhere. */
const COPY_AT = 8192;
const WINDOW_AT = 16_384;
const ROUTES_AT = 86_016;
const ROUTES_END = 196_608;
const SLOTS_AT = ROUTES_END;
/** Behind the last slot, a scan may read on a little. */
const SLOTS_END = 458_752 - 1024;

/** Octets of one slot for a route. */
const SLOT_BYTES = 16;

/** Fields that the table has room for. */
const MAX_FIELDS = (COPY_AT - TABLE_AT) / (FIELD_STRIDE * 4);

/** Octets that are copied at a time: longer heads are rare, and a long buffer holds many. */
const MAX_COPIED_BYTES = 4096;

/** Octets that an engine can receive at once where they are scanned. */
export const WINDOW_BYTES = 65_536;

/** Above every offset in the memory: what a larger limit amounts to. */
const NO_LIMIT = 1 << 20;

// a constant of this file, since what another one exports is looked up at each use
const { SCAN_FLAGS } = HeadOffset;

/** Place of the results, as a number of 4 bytes: in front of them is the method's start, which is always 0. */
const OFFSETS = OUT_AT / 4 - HeadOffset.METHOD_END;
/** Where the limits go, and the number of a route's last slot. */
const LIMITS = LIMITS_AT / 4;
const LAST_SLOT = LIMITS + 5;
/** As a number of 8 bytes. */
const LENGTH = (OUT_AT + 24) / 8;

type Scan = (start: number, end: number) => number;
type AddRoute = (start: number, sizeBytes: number, number: number) => void;

/** A place in which octets can be received so that heads are scanned without a copy. */
export interface ReceiveWindow {
  /** The array in which the window lies. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of the window's first octet. */
  readonly start: number;
  /** Octets that it takes. */
  readonly size: number;
}

/** One scanner with a memory of its own; its results hold until the next scan. */
export class HeadScanner {
  /** The memory; octets in it are scanned where they are. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where octets may be received. */
  readonly window: ReceiveWindow;
  /** Further places, for those who receive into many places at a time. */
  readonly slots: ReceiveWindow;
  /** Offsets of the field lines, {@linkcode FIELD_STRIDE} a line. */
  readonly table: Int32Array;
  /** What the last scan found; see {@linkcode RequestHead.offsets}. */
  readonly offsets: Int32Array;
  #numbers: Int32Array;
  #lengths: Float64Array;
  #scan: Scan;
  #addRoute: AddRoute;
  /** Whose octets the copy stands for, if for more than one scan. */
  #source: Uint8Array | null = null;
  /** Which of them were copied. */
  #copyStart = 0;
  #copyEnd = 0;

  private constructor(exports: WebAssembly.Exports, limits: HeadLimits) {
    const memory = exports.memory as WebAssembly.Memory; // as the source has it
    const buffer = memory.buffer as ArrayBuffer; // it is not shared
    this.#scan = exports.scan as Scan; // as the source has it
    this.#addRoute = exports.addRoute as AddRoute; // as the source has it
    this.bytes = new Uint8Array(buffer);
    const { bytes } = this;
    this.window = { bytes, start: WINDOW_AT, size: WINDOW_BYTES };
    this.slots = { bytes, start: SLOTS_AT, size: SLOTS_END - SLOTS_AT };
    this.#numbers = new Int32Array(buffer);
    this.offsets = this.#numbers.subarray(OFFSETS, OFFSETS + HEAD_OFFSET_COUNT);
    this.#lengths = new Float64Array(buffer);
    this.table = new Int32Array(buffer, TABLE_AT, MAX_FIELDS * FIELD_STRIDE);
    this.bytes.set(classOf(TOKEN, 1, HIGH_BITS), TOKEN_CLASS_AT);
    this.bytes.set(classOf(TARGET, PLAIN, HIGH_BITS), TARGET_CLASS_AT);
    this.bytes.set(classOf(HOST, 1, HIGH_BITS), HOST_CLASS_AT);
    this.bytes.set(classOf(FIELD_VALUE, 1, VALUE_HIGH_BITS), VALUE_CLASS_AT);
    this.bytes.set(HIGH_BITS, HIGH_BITS_AT);
    this.bytes.set(VALUE_HIGH_BITS, VALUE_HIGH_BITS_AT);
    this.bytes.fill(0x0f, LOW_HALVES_AT, LOW_HALVES_AT + 16);
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

  /** Creates a scanner, or `null` where there is no WebAssembly with SIMD. */
  static maybeCreate(limits: HeadLimits): HeadScanner | null {
    try {
      const module = new WebAssembly.Module(decodeBase64(MODULE_BASE64));
      return new HeadScanner(new WebAssembly.Instance(module).exports, limits);
    } catch {
      return null; // the plain parser does everything that this one does
    }
  }

  /** What sets the last head apart; see `request_traits.ts`. */
  get flags(): number {
    return this.offsets[SCAN_FLAGS]!; // all places are there
  }

  /** Octets of its body if it has any, or {@linkcode CHUNKED}. */
  get bodyLength(): number {
    const isChunked = (this.flags & IS_CHUNKED) !== 0;
    return isChunked ? CHUNKED : this.#lengths[LENGTH]!; // it is there
  }

  /**
   * Learns what to look for at the start of a head; to be called once.
   *
   * @param keys The octets `METHOD SP path` as ASCII text, no two alike.
   * @returns Whether there was room; if not, nothing was learned.
   */
  learnRoutes(keys: readonly string[]): boolean {
    let slots = 2;
    while (slots < 2 * keys.length) slots *= 2;
    const start = ROUTES_AT + slots * SLOT_BYTES;
    const sizeBytes = keys.reduce((sum, { length }) => sum + length, 0);
    // eight octets are compared at a time
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
   * Scans the head that begins at `start`.
   *
   * Octets that lie elsewhere are copied first, unless {@linkcode HeadScanner.copyIn}
   * did that; without it, only where a buffer begins, since each call copies.
   *
   * @returns Its size in octets, or 0 if the plain parser has to look at it.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    return bytes === this.bytes
      ? this.#scan(start, end)
      : this.#scanCopy(bytes, start, end);
  }

  #scanCopy(bytes: Uint8Array, start: number, end: number): number {
    if (bytes !== this.#source) {
      if (start !== 0) return 0;
      this.#source = null; // what was placed is overwritten
      this.#copy(bytes, start, end);
    } else if (start >= this.#copyEnd) this.#copy(bytes, start, end);
    else if (start < this.#copyStart) return 0;
    const shift = COPY_AT - this.#copyStart;
    return this.#scan(start + shift, this.#copyEnd + shift);
  }

  /**
   * Copies octets into the memory, as many as there is room for, so that the
   * heads among them are scanned one after the other. They must stay as they
   * are until {@linkcode HeadScanner.dropCopy}, or somebody else places some.
   */
  copyIn(bytes: Uint8Array, start: number, end: number): void {
    this.#copy(bytes, start, end);
    this.#source = bytes;
  }

  /** Ends what {@linkcode HeadScanner.copyIn} began. */
  dropCopy(): void {
    this.#source = null;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    const size = Math.min(end - start, MAX_COPIED_BYTES);
    this.#copyStart = start;
    this.#copyEnd = start + size;
    // Copying what lies behind the octets costs less than a view of them.
    const isWhole = start === 0 && bytes.length <= MAX_COPIED_BYTES;
    this.bytes.set(
      isWhole ? bytes : bytes.subarray(start, start + size),
      COPY_AT,
    );
  }
}

/** Which bit of a class stands for octets with each high half: none above 0x7F. */
const HIGH_BITS: Uint8Array = Uint8Array.from(
  { length: 16 },
  (_, high) => high < 8 ? 1 << high : 0,
);

/** The same for values: of the halves 2 and 8 to 15 each takes all octets or none. */
const VALUE_HIGH_BITS: Uint8Array = Uint8Array.from(
  { length: 16 },
  (_, high) => 1 << (high < 8 ? high : 2),
);

/** A table's class as 16 bytes: the bit of a high half in byte `low` stands for the octet of both. */
function classOf(
  table: Uint8Array,
  value: number,
  highBits: Uint8Array,
): Uint8Array {
  const members = new Uint8Array(16);
  for (let octet = 0; octet < 0x100; octet++) {
    // in range: a half has 4 bits
    if (table[octet] === value) members[octet & 15]! |= highBits[octet >> 4]!;
  }
  return members;
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
}
