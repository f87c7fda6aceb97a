// AssemblyScript, compiled by `deno task build:wasm`; no TypeScript.
//
// Scans one complete request head of the usual shape, 16 octets at a step, and
// writes offsets. Whatever is unusual, too long or wrong gives 0: the plain
// parser then looks at it from its first octet, so that there is one place that
// decides about faults.
//
// A class of ASCII octets is 16 bytes: bit h of byte l says whether the octet
// with the high half h and the low half l is in it. The host writes the classes
// of its own tables there, so that both parsers know the same ones.

const TOKEN_CLASS: usize = 0;
const TARGET_CLASS: usize = 16;
const HOST_CLASS: usize = 32;
/** Bit h for each high half h below 8, nothing for octets above 0x7F. */
const HIGH_BITS: usize = 48;
/** Results; see the exports' reader. */
const OUT: usize = 64;
/** Entries of the fields that may be control fields. */
const CONTROLS: usize = 128;
const MAX_CONTROLS: i32 = 32;
/** Four offsets a field. */
const TABLE: usize = 256;
/** Where the octets begin; 16 more than are scanned may be read. */
const IN: usize = 8192;

const SP: u8 = 0x20;
const HTAB: u8 = 0x09;

/** Bit mask of the octets that are not in a class. */
// @ts-ignore: decorator
@inline function outside(octets: v128, members: v128, highBits: v128): i32 {
  const low = v128.and(octets, i8x16.splat(0x0f));
  const high = i8x16.shr_u(octets, 4);
  const hit = v128.and(i8x16.swizzle(members, low), i8x16.swizzle(highBits, high));
  return i8x16.bitmask(i8x16.eq(hit, i8x16.splat(0)));
}

/** Bit mask of the octets that no field value has: controls but HTAB, and DEL. */
// @ts-ignore: decorator
@inline function forbidden(octets: v128): i32 {
  const below = v128.and(
    i8x16.lt_u(octets, i8x16.splat(0x20)),
    i8x16.ne(octets, i8x16.splat(0x09)),
  );
  return i8x16.bitmask(v128.or(below, i8x16.eq(octets, i8x16.splat(0x7f))));
}

// @ts-ignore: decorator
@inline function hexValue(octet: u32): u32 {
  if (octet - 0x30 < 10) return octet - 0x30;
  const letter = (octet | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : 0xff;
}

/** Whether a name of that length and first letter may be a control field. */
// @ts-ignore: decorator
@inline function mayControl(size: u32, first: u32): bool {
  if (size == 10 || size == 12 || size == 14) return first == 0x63; // c
  if (size == 2 || size == 17) return first == 0x74; // t
  if (size == 6) return first == 0x65; // e
  if (size == 7) return first == 0x74 || first == 0x75; // t, u
  if (size == 13) return first == 0x61; // a
  return size == 19 && first == 0x70; // p
}

/** Whether a value is a plain host with an optional port of up to four digits. */
function isPlainHost(start: usize, end: usize): bool {
  const members = v128.load(HOST_CLASS);
  const highBits = v128.load(HIGH_BITS);
  let pos = start;
  while (true) {
    const mask = outside(v128.load(pos), members, highBits);
    if (mask != 0) {
      pos += ctz(mask);
      break;
    }
    pos += 16;
    if (pos > end) break;
  }
  if (pos >= end) return end > start;
  if (pos == start || load<u8>(pos) != 0x3a || end - pos > 5) return false; // :
  for (pos++; pos < end; pos++) {
    if (<u32>load<u8>(pos) - 0x30 > 9) return false;
  }
  return true;
}

/** Scans a target from its first octet; gives its end, or 0. */
function scanTarget(start: usize, end: usize): usize {
  const members = v128.load(TARGET_CLASS);
  const highBits = v128.load(HIGH_BITS);
  let pos = start;
  let pathEnd: usize = 0;
  while (pos < end) {
    const mask = outside(v128.load(pos), members, highBits);
    if (mask == 0) {
      pos += 16;
      continue;
    }
    pos += ctz(mask);
    const octet = load<u8>(pos);
    if (octet == SP) {
      store<i32>(OUT + 4, <i32>((pathEnd != 0 ? pathEnd : pos) - IN));
      store<i32>(OUT + 8, <i32>(pos - IN));
      return pos;
    }
    if (octet == 0x3f) { // ?
      if (pathEnd == 0) pathEnd = pos;
      pos++;
    } else if (octet == 0x25) { // %
      const high = hexValue(load<u8>(pos + 1));
      const low = hexValue(load<u8>(pos + 2));
      if (high == 0xff || low == 0xff) return 0;
      if (pathEnd == 0 && (high | low) == 0) return 0;
      pos += 3;
    } else return 0;
  }
  return 0;
}

/**
 * Scans the head that begins at IN.
 *
 * @returns Its size in octets, or 0 if it is not complete and plain.
 */
export function scan(size: i32, maxFields: i32): i32 {
  const end: usize = IN + size;
  const token = v128.load(TOKEN_CLASS);
  const highBits = v128.load(HIGH_BITS);
  let mask = outside(v128.load(IN), token, highBits);
  if (mask == 0) return 0;
  const methodSize = ctz(mask);
  let pos: usize = IN + methodSize;
  if (methodSize == 0 || load<u8>(pos) != SP) return 0;
  if (methodSize == 7 && load<u8>(IN) == 0x43) return 0; // CONNECT
  pos++;
  if (load<u8>(pos) != 0x2f) return 0; // no origin form
  pos = scanTarget(pos, end);
  if (pos == 0) return 0;
  pos++;
  if (pos + 12 > end) return 0;
  if (load<u64>(pos) != 0x312e312f50545448) return 0; // HTTP/1.1
  if (load<u16>(pos + 8) != 0x0a0d) return 0;
  pos += 10;
  const sectionStart = pos;
  const tableEnd: usize = TABLE + maxFields * 16;
  let out: usize = TABLE;
  let host: i32 = -1;
  let controls: i32 = 0;
  while (true) {
    if (pos + 2 > end) return 0;
    if (load<u16>(pos) == 0x0a0d) break;
    if (out == tableEnd) return 0;
    const nameStart = pos;
    while (true) {
      mask = outside(v128.load(pos), token, highBits);
      if (mask != 0) break;
      pos += 16;
      if (pos >= end) return 0;
    }
    pos += ctz(mask);
    const nameSize = <u32>(pos - nameStart);
    if (nameSize == 0 || load<u8>(pos) != 0x3a) return 0; // :
    store<i32>(out, <i32>(nameStart - IN));
    store<i32>(out + 4, <i32>(pos - IN));
    pos++;
    while (load<u8>(pos) == SP || load<u8>(pos) == HTAB) {
      pos++;
      if (pos >= end) return 0;
    }
    const valueStart = pos;
    while (true) {
      mask = forbidden(v128.load(pos));
      if (mask != 0) break;
      pos += 16;
      if (pos >= end) return 0;
    }
    pos += ctz(mask);
    if (pos + 2 > end || load<u16>(pos) != 0x0a0d) return 0;
    let valueEnd = pos;
    while (
      valueEnd > valueStart &&
      (load<u8>(valueEnd - 1) == SP || load<u8>(valueEnd - 1) == HTAB)
    ) valueEnd--;
    store<i32>(out + 8, <i32>(valueStart - IN));
    store<i32>(out + 12, <i32>(valueEnd - IN));
    if (nameSize == 4 && (load<u32>(nameStart) | 0x20202020) == 0x74736f68) {
      if (host != -1 || !isPlainHost(valueStart, valueEnd)) return 0;
      host = <i32>((out - TABLE) >> 2);
    } else if (mayControl(nameSize, load<u8>(nameStart) | 0x20)) {
      if (controls == MAX_CONTROLS) return 0;
      store<i32>(CONTROLS + (controls << 2), <i32>((out - TABLE) >> 2));
      controls++;
    }
    out += 16;
    pos += 2;
  }
  if (host == -1) return 0;
  store<i32>(OUT, methodSize);
  store<i32>(OUT + 12, <i32>((out - TABLE) >> 4));
  store<i32>(OUT + 16, host);
  store<i32>(OUT + 20, controls);
  store<i32>(OUT + 24, <i32>(pos - sectionStart));
  return <i32>(pos + 2 - IN);
}
