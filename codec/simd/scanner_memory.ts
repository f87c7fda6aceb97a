/** The memory of the WebAssembly module that scans heads: its addresses, and the byte classes in it. See `head_scanner.as`. */

import { FIELD_VALUE, TOKEN } from "../ascii.ts";
import { FIELD_STRIDE } from "../field_lines.ts";
import { MODULE_BASE64 } from "./head_scanner_wasm.ts";

/** Addresses in bytes. */
const TOKEN_CLASS_AT = 0;
const VALUE_CLASS_AT = 48;
const HIGH_BITS_AT = 128;
const VALUE_HIGH_BITS_AT = 144;
const LOW_HALVES_AT = 160;
/** The limits, each of 4 bytes. */
export const LIMITS_AT = 64;
/** The results of a scan. */
export const OUT_AT = 96;
/** {@linkcode FIELD_STRIDE} offsets of 4 bytes for each field line. */
export const TABLE_AT = 256;
/** Bytes from another array are copied to this address. */
export const COPY_AT = 8192;

/** How many field lines the table has room for. */
export const MAX_FIELDS: number = (COPY_AT - TABLE_AT) / (FIELD_STRIDE * 4);

/** Larger than every offset in the memory. Larger limits are reduced to this. */
export const NO_LIMIT: number = 1 << 20;

/**
 * Creates an instance of the module with the byte classes that all heads need.
 *
 * @returns Its exports, or `null` if the runtime has no WebAssembly with relaxed SIMD.
 */
export function maybeInstantiate(): WebAssembly.Exports | null {
  try {
    const module = new WebAssembly.Module(decodeBase64(MODULE_BASE64));
    const { exports } = new WebAssembly.Instance(module);
    writeClasses(new Uint8Array(memoryOf(exports)));
    return exports;
  } catch {
    return null; // the plain parser handles every head
  }
}

/** The memory of an instance. */
export function memoryOf(exports: WebAssembly.Exports): ArrayBuffer {
  const memory = exports.memory as WebAssembly.Memory; // declared in head_scanner.as
  return memory.buffer as ArrayBuffer; // the memory is not shared
}

function writeClasses(bytes: Uint8Array): void {
  bytes.set(classOf(TOKEN, 1), TOKEN_CLASS_AT);
  bytes.set(classOf(FIELD_VALUE, 1, VALUE_HIGH_BITS), VALUE_CLASS_AT);
  bytes.set(HIGH_BITS, HIGH_BITS_AT);
  bytes.set(VALUE_HIGH_BITS, VALUE_HIGH_BITS_AT);
  bytes.fill(0x0f, LOW_HALVES_AT, LOW_HALVES_AT + 16);
}

/** The bit of each high half of a byte in a class; bytes above 0x7F have none. */
const HIGH_BITS: Uint8Array = Uint8Array.from(
  { length: 16 },
  (_, high) => high < 8 ? 1 << high : 0,
);

/**
 * The same for field values. The high halves 8 to 15 share the bit of 2, since
 * the class contains all bytes of each.
 */
const VALUE_HIGH_BITS: Uint8Array = Uint8Array.from(
  { length: 16 },
  (_, high) => 1 << (high < 8 ? high : 2),
);

/** Encodes a class as 16 bytes: byte `low` has the bit of each high half that forms a member together with `low`. */
export function classOf(
  table: Uint8Array,
  value: number,
  highBits: Uint8Array = HIGH_BITS,
): Uint8Array {
  const members = new Uint8Array(16);
  for (let byte = 0; byte < 0x100; byte++) {
    // in range: a half has 4 bits
    if (table[byte] === value) members[byte & 15]! |= highBits[byte >> 4]!;
  }
  return members;
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
}
