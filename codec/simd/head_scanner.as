// AssemblyScript, compiled by `deno task build:wasm`; not TypeScript.
//
// Scans one complete head of the usual shape, of a request or a response, 16 bytes
// at a time, and writes offsets that count from its first byte (RFC 9112 §3 to §5).
// For a head that is unusual, too long or invalid it returns 0. The plain parser
// then starts at its first byte, so that faults are reported in one place.
//
// A byte class is encoded in 16 bytes. The low half of a byte selects one of them,
// its high half a bit in it; the bit tells whether the byte is a member. The host
// writes the classes of its own tables here, so that both parsers use the same
// ones. Vector constants are loaded from memory: a load is one instruction, a
// literal takes four.

const TOKEN_CLASS: usize = 0;
const TARGET_CLASS: usize = 16;
const HOST_CLASS: usize = 32;
const VALUE_CLASS: usize = 48;
/** Bit h for each high half h below 8; none for bytes above 0x7F. */
const HIGH_BITS: usize = 128;
/** The same, but bit 2 for the high halves above 7, since a byte has only 8 bits. */
const VALUE_HIGH_BITS: usize = 144;
/** 0x0F in each byte. */
const LOW_HALVES: usize = 160;
/** Limits as 32-bit numbers: bytes of method, target, field section and head; field lines; route slots minus 1. */
const LIMITS: usize = 64;
/** Results; `head_scanner.ts` reads them. */
const OUT: usize = 96;
/** Four 32-bit offsets for each field line. */
const TABLE: usize = 256;
/** Slots of four 32-bit numbers: a route's hash, size in bytes, address and number; number 0 marks a free slot. */
const ROUTES: usize = 86016;

/** Flags of a head; see `request_flags.ts`. */
const CLOSE: u32 = 1;
const KEEP_ALIVE: u32 = 2;
const CONTENT_LENGTH: u32 = 8;
const CHUNKED: u32 = 16;
const CONTINUE: u32 = 32;
/** The method is HEAD. */
const HEAD: u32 = 64;
/** Bits of fields that may occur once; the host does not see them. */
const CONTENT_TYPE: u32 = 256;
const AUTHORIZATION: u32 = 512;
const PROXY_AUTHORIZATION: u32 = 1024;
const HOST: u32 = 2048;
/** The flags that the host reads. */
const SCAN_FLAGS: u32 = 255;

const SP: u8 = 0x20;
/** Lower-cases letters; turns no other byte of a token into a letter. */
const FOLD: u64 = 0x2020202020202020;

/** Bit mask of the next 16 bytes: 1 for each byte that is not in a class. */
// @ts-ignore: decorator
@inline function outside(at: usize, members: usize, highBits: usize): i32 {
  const block = v128.load(at);
  const halves = v128.load(LOW_HALVES);
  const low = v128.and(block, halves);
  const high = v128.and(i16x8.shr_u(block, 4), halves);
  const hit = v128.and(
    i8x16.relaxed_swizzle(v128.load(members), low),
    i8x16.relaxed_swizzle(v128.load(highBits), high),
  );
  return i8x16.bitmask(i8x16.eq(hit, i8x16.splat(0)));
}

// @ts-ignore: decorator
@inline function hexValue(byte: u32): u32 {
  if (byte - 0x30 < 10) return byte - 0x30;
  const letter = (byte | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : 0xff;
}

/** Whether a byte is SP or HTAB. */
// @ts-ignore: decorator
@inline function isSpace(byte: u32): bool {
  return byte == 0x20 || byte == 0x09;
}

// @ts-ignore: decorator
@inline function folded8(at: usize): u64 {
  return load<u64>(at) | FOLD;
}

// @ts-ignore: decorator
@inline function folded4(at: usize): u32 {
  return load<u32>(at) | 0x20202020;
}

// @ts-ignore: decorator
@inline function folded2(at: usize): u32 {
  return <u32>load<u16>(at) | 0x2020;
}

/** Hashes bytes, four at a time. */
// @ts-ignore: decorator
@inline function hashOf(start: usize, end: usize): u32 {
  let hash: u32 = 0;
  let pos = start;
  for (; pos + 4 <= end; pos += 4) {
    hash = (rotl<u32>(hash, 5) ^ load<u32>(pos)) * 0x9e3779b1;
  }
  if (pos < end) {
    const mask = (<u32>1 << (<u32>(end - pos) << 3)) - 1;
    hash = (rotl<u32>(hash, 5) ^ (load<u32>(pos) & mask)) * 0x9e3779b1;
  }
  return hash ^ (hash >> 15);
}

/** Compares bytes, eight at a time; returns 0 if they are equal. */
// @ts-ignore: decorator
@inline function difference(one: usize, other: usize, size: u32): u64 {
  let bits: u64 = 0;
  for (; size > 8; size -= 8) {
    bits |= load<u64>(one) ^ load<u64>(other);
    one += 8;
    other += 8;
  }
  return bits | (load<u64>(one) ^ load<u64>(other)) << ((8 - size) << 3);
}

/**
 * Looks up the route of the bytes `METHOD SP path`; returns its number or 0.
 *
 * The peer chooses what is looked up, but not what is stored. A run of taken slots
 * is as long as the application's routes make it, so the loop is bounded.
 */
// @ts-ignore: decorator
@inline function findRoute(start: usize, end: usize): u32 {
  const size = <u32>(end - start);
  const hash = hashOf(start, end);
  const key = <u64>hash | <u64>size << 32;
  const mask = load<u32>(LIMITS + 20);
  let slot = hash & mask;
  while (true) {
    const at = ROUTES + (slot << 4);
    const where = load<u64>(at, 8);
    if (where == 0) return 0;
    if (load<u64>(at) == key) {
      const other = <usize>(<u32>where);
      if (difference(start, other, size) == 0) return <u32>(where >> 32);
    }
    slot = (slot + 1) & mask;
  }
}

/** Stores a route. Its bytes `METHOD SP path` must stay in the memory. */
export function addRoute(start: usize, size: u32, number: u32): void {
  const hash = hashOf(start, start + size);
  const mask = load<u32>(LIMITS + 20);
  let at = ROUTES + ((hash & mask) << 4);
  for (let slot = hash & mask; load<u32>(at, 12) != 0;) {
    slot = (slot + 1) & mask;
    at = ROUTES + (slot << 4);
  }
  store<u32>(at, hash);
  store<u32>(at, size, 4);
  store<u32>(at, <u32>start, 8);
  store<u32>(at, number, 12);
}

/** Counts the digits at the start of the eight bytes at `at`. */
// @ts-ignore: decorator
@inline function countDigits(at: usize): usize {
  const others = load<u64>(at) ^ 0x3030303030303030; // a digit becomes its value
  // A byte is not a digit if its high half is not 0, or if adding 6 carries into it.
  return <usize>(ctz<u64>(
    (others | ((others & 0x0f0f0f0f0f0f0f0f) + 0x0606060606060606)) &
      0xf0f0f0f0f0f0f0f0,
  ) >> 3);
}

/** Scans a host name with an optional port of up to 65535; returns its end, or 0. */
// @ts-ignore: decorator
@inline function scanHost(start: usize, end: usize): usize {
  let pos = start;
  while (true) {
    const mask = outside(pos, HOST_CLASS, HIGH_BITS);
    if (mask != 0) {
      pos += ctz(mask);
      break;
    }
    pos += 16;
    if (pos >= end) return 0;
  }
  if (pos == start) return 0;
  if (load<u8>(pos) != 0x3a) return pos; // :
  const digits = countDigits(++pos);
  // Five digits in the order of the text compare as their number.
  const isTooLarge = digits > 4 &&
    (digits > 5 || bswap<u64>(load<u64>(pos)) >> 24 > 0x3635353335); // 65535
  return isTooLarge ? 0 : pos + digits;
}

/** Scans a target from its first byte; returns its end, or 0. */
// @ts-ignore: decorator
@inline function scanTarget(base: usize, start: usize, end: usize): usize {
  let pos = start;
  let pathEnd: usize = 0;
  while (pos < end) {
    const mask = outside(pos, TARGET_CLASS, HIGH_BITS);
    if (mask == 0) {
      pos += 16;
      continue;
    }
    pos += ctz(mask);
    const byte = load<u8>(pos);
    if (byte == SP) {
      if (pathEnd == 0) pathEnd = pos;
      store<i32>(OUT + 4, <i32>(pathEnd - base));
      store<i32>(OUT + 8, <i32>(pos - base));
      store<u32>(OUT + 20, findRoute(base, pathEnd));
      return pos;
    }
    if (byte == 0x3f) { // ?
      if (pathEnd == 0) pathEnd = pos;
      pos++;
    } else if (byte == 0x25) { // %
      const high = hexValue(load<u8>(pos + 1));
      const low = hexValue(load<u8>(pos + 2));
      if (high == 0xff || low == 0xff) return 0;
      if (pathEnd == 0 && (high | low) == 0) return 0;
      pos += 3;
    } else return 0;
  }
  return 0;
}

/** Whether all bytes are below 0x80. */
function isAscii(start: usize, end: usize): bool {
  for (let pos = start; pos < end; pos++) {
    if (load<u8>(pos) >= 0x80) return false;
  }
  return true;
}

/** Reads `1*15DIGIT`, which is exact as a double; returns false for anything else. */
function readLength(start: usize, end: usize): bool {
  if (start == end || end - start > 15) return false;
  let length: u64 = 0;
  for (let pos = start; pos < end; pos++) {
    const digit = <u32>load<u8>(pos) - 0x30;
    if (digit > 9) return false;
    length = length * 10 + digit;
  }
  store<f64>(OUT + 24, <f64>length);
  return true;
}

/** The flag of `Connection: close` or `Connection: keep-alive`; 0 for any other value. */
function connectionBit(start: usize, end: usize): u32 {
  const size = end - start;
  if (size == 10) {
    return folded8(start) == 0x696c612d7065656b && // keep-ali
        folded2(start + 8) == 0x6576 // ve
      ? KEEP_ALIVE
      : 0;
  }
  return size == 5 && folded4(start) == 0x736f6c63 && // clos
      (load<u8>(start + 4) | 0x20) == 0x65 // e
    ? CLOSE
    : 0;
}

/**
 * Reads a line whose name may be known.
 *
 * @returns Its bit, 0 for any other field, or -1 if the plain parser must parse the head.
 */
function knownBit(name: usize, size: u32, start: usize, end: usize): i32 {
  let bit: u32 = 0;
  switch (size) {
    case 2:
      if (folded2(name) != 0x6574) return 0; // te
      return isAscii(start, end) ? 0 : -1;
    case 6:
      if (folded4(name) != 0x65707865 || folded2(name + 4) != 0x7463) return 0; // expect
      return end - start == 12 && folded8(start) == 0x746e6f632d303031 && // 100-cont
          folded8(start + 4) == 0x65756e69746e6f63 // continue
        ? CONTINUE
        : -1;
    case 7:
      if (folded4(name) == 0x72677075 && folded4(name + 3) == 0x65646172) return -1; // upgrade
      if (folded4(name) != 0x69617274 || folded4(name + 3) != 0x72656c69) return 0; // trailer
      return isAscii(start, end) ? 0 : -1;
    case 10:
      if (folded8(name) != 0x697463656e6e6f63 || folded2(name + 8) != 0x6e6f) return 0; // connection
      bit = connectionBit(start, end);
      return bit == 0 ? -1 : bit;
    case 12:
      if (folded8(name) != 0x2d746e65746e6f63 || folded4(name + 8) != 0x65707974) return 0; // content-type
      return CONTENT_TYPE;
    case 13:
      if (folded8(name) != 0x7a69726f68747561 || folded8(name + 5) != 0x6e6f6974617a6972) return 0; // authorization
      return AUTHORIZATION;
    case 14:
      if (folded8(name) != 0x2d746e65746e6f63 || folded8(name + 6) != 0x6874676e656c2d74) return 0; // content-length
      return readLength(start, end) ? CONTENT_LENGTH : -1;
    case 17:
      if (folded8(name) != 0x726566736e617274 || folded8(name + 8) != 0x6e69646f636e652d) return 0; // transfer-encodin
      if ((load<u8>(name + 16) | 0x20) != 0x67) return 0; // g
      return end - start == 7 && folded4(start) == 0x6e756863 && folded4(start + 3) == 0x64656b6e // chunked
        ? CHUNKED
        : -1;
    case 19:
      if (folded8(name) != 0x75612d79786f7270 || folded8(name + 8) != 0x74617a69726f6874) return 0; // proxy-authorizat
      return folded8(name + 11) == 0x6e6f6974617a6972 ? PROXY_AUTHORIZATION : 0; // rization
  }
  return 0;
}

/** Lengths of the known fields' names, and their first letters from `a` on, as bits. */
const KNOWN_SIZES: u32 = 0xa74c4;
const KNOWN_LETTERS: u32 = 0x188015;

/** Whether a name of this length and first byte may be known. */
// @ts-ignore: decorator
@inline function mayBeKnown(size: u32, first: u32): bool {
  return size < 20 && ((KNOWN_SIZES >> size) & 1) != 0 &&
    ((KNOWN_LETTERS >> ((first | 0x20) - 0x61)) & 1) != 0;
}

/**
 * Scans the head at `base`, using bytes up to `limit`. It may load up to 16 bytes
 * after `limit`.
 *
 * @returns The size of the head in bytes, or 0 if it is not complete and plain.
 */
export function scan(base: usize, limit: usize): i32 {
  const longest = base + load<u32>(LIMITS + 12);
  const end = limit < longest ? limit : longest;
  let mask: i32 = 0;
  let flags: u32 = 0;
  let methodSize = 3;
  if ((load<u64>(base) & 0xffffffffff) != 0x2f20544547) { // not GET SP /
    mask = outside(base, TOKEN_CLASS, HIGH_BITS);
    if (mask == 0) return 0;
    methodSize = ctz(mask);
    if (methodSize == 0) return 0;
    if (load<u16>(base + methodSize) != 0x2f20) return 0; // SP and origin form
    if (methodSize == 7 && load<u8>(base) == 0x43) return 0; // CONNECT
    if (methodSize == 4 && load<u32>(base) == 0x44414548) flags = HEAD;
  }
  if (methodSize > load<i32>(LIMITS)) return 0;
  const targetStart: usize = base + methodSize + 1;
  let pos = scanTarget(base, targetStart, end);
  if (pos == 0) return 0;
  if (pos - targetStart > load<u32>(LIMITS + 4)) return 0;
  if (pos + 13 > end) return 0;
  if (load<u64>(pos + 1) != 0x312e312f50545448) return 0; // HTTP/1.1
  if (load<u16>(pos + 9) != 0x0a0d) return 0;
  pos += 11;
  const sectionStart = pos;
  const tableEnd: usize = TABLE + (load<u32>(LIMITS + 16) << 4);
  let out: usize = TABLE;
  while (true) {
    if (pos + 2 > end) return 0;
    const word = load<u64>(pos);
    if ((word & 0xffff) == 0x0a0d) break;
    if (out == tableEnd) return 0;
    const nameStart = pos;
    let nameEnd: usize = 0;
    let valueStart: usize = 0;
    let valueEnd: usize = 0;
    if (((word | 0x20202020) & 0xffffffffff) == 0x3a74736f68) { // host:
      if ((flags & HOST) != 0) return 0;
      flags |= HOST;
      nameEnd = pos + 4;
      valueStart = pos + 5 + <usize>((word >> 40 & 0xff) == 0x20);
      valueEnd = scanHost(valueStart, end);
      pos = valueEnd;
      if (pos == 0) return 0;
    } else {
      while (true) {
        mask = outside(pos, TOKEN_CLASS, HIGH_BITS);
        if (mask != 0) break;
        pos += 16;
        if (pos >= end) return 0;
      }
      pos += ctz(mask);
      nameEnd = pos;
      const colon = <u32>load<u16>(pos);
      if (pos == nameStart || (colon & 0xff) != 0x3a) return 0; // :
      pos += (colon >> 8) == 0x20 ? 2 : 1;
      while (isSpace(load<u8>(pos))) {
        pos++;
        if (pos >= end) return 0;
      }
      valueStart = pos;
      while (true) {
        mask = outside(pos, VALUE_CLASS, VALUE_HIGH_BITS);
        if (mask != 0) break;
        pos += 16;
        if (pos >= end) return 0;
      }
      pos += ctz(mask);
      valueEnd = pos;
      while (valueEnd > valueStart && isSpace(load<u8>(valueEnd - 1))) valueEnd--;
      const nameSize = <u32>(nameEnd - nameStart);
      if (mayBeKnown(nameSize, load<u8>(nameStart))) {
        const bit = knownBit(nameStart, nameSize, valueStart, valueEnd);
        if (bit < 0 || (flags & <u32>bit) != 0) return 0;
        flags |= <u32>bit;
      }
    }
    if (pos + 2 > end) return 0;
    if (load<u16>(pos) != 0x0a0d) return 0;
    let offsets = i32x4.splat(<i32>nameStart);
    offsets = i32x4.replace_lane(offsets, 1, <i32>nameEnd);
    offsets = i32x4.replace_lane(offsets, 2, <i32>valueStart);
    offsets = i32x4.replace_lane(offsets, 3, <i32>valueEnd);
    v128.store(out, i32x4.sub(offsets, i32x4.splat(<i32>base)));
    out += 16;
    pos += 2;
  }
  if (pos - sectionStart > load<u32>(LIMITS + 8)) return 0;
  if (flags != HOST) {
    if ((flags & HOST) == 0) return 0;
    if ((flags & (CLOSE | KEEP_ALIVE)) == (CLOSE | KEEP_ALIVE)) return 0;
    if ((flags & (CONTENT_LENGTH | CHUNKED)) != 0) {
      if ((flags & (CONTENT_LENGTH | CHUNKED)) == (CONTENT_LENGTH | CHUNKED)) return 0;
      if (methodSize == 5 && load<u8>(base) == 0x54) return 0; // TRACE
    }
  }
  store<i32>(OUT, methodSize);
  store<i32>(OUT + 12, <i32>((out - TABLE) >> 4));
  store<u32>(OUT + 16, flags & SCAN_FLAGS);
  return <i32>(pos + 2 - base);
}

/** The response has a `Keep-Alive` field. */
const KEEP_ALIVE_FIELD: u32 = 64;
/** Flags of a response that the host reads. */
const RESPONSE_FLAGS: u32 = 255;

/**
 * Reads a line of a response whose name may be known.
 *
 * @returns Its bit, 0 for any other field, or -1 if the plain parser must parse
 * the head, since it has rules for the field that are not needed here.
 */
function responseBit(name: usize, size: u32, start: usize, end: usize): i32 {
  switch (size) {
    case 2:
      return folded2(name) == 0x6574 ? -1 : 0; // te
    case 4:
      return folded4(name) == 0x74736f68 ? -1 : 0; // host
    case 6:
      return folded4(name) == 0x65707865 && folded2(name + 4) == 0x7463 ? -1 : 0; // expect
    case 7:
      if (folded4(name) == 0x72677075 && folded4(name + 3) == 0x65646172) return -1; // upgrade
      return folded4(name) == 0x69617274 && folded4(name + 3) == 0x72656c69 ? -1 : 0; // trailer
    case 10:
      if (folded8(name) == 0x696c612d7065656b && folded2(name + 8) == 0x6576) return KEEP_ALIVE_FIELD; // keep-alive
      if (folded8(name) != 0x697463656e6e6f63 || folded2(name + 8) != 0x6e6f) return 0; // connection
      if (end - start == 10) {
        return folded8(start) == 0x696c612d7065656b && folded2(start + 8) == 0x6576 ? KEEP_ALIVE : -1;
      }
      return end - start == 5 && folded4(start) == 0x736f6c63 && // clos
          (load<u8>(start + 4) | 0x20) == 0x65 // e
        ? CLOSE
        : -1;
    case 12:
      return folded8(name) == 0x2d746e65746e6f63 && folded4(name + 8) == 0x65707974 // content-type
        ? CONTENT_TYPE
        : 0;
    case 13:
      return folded8(name) == 0x7a69726f68747561 && folded8(name + 5) == 0x6e6f6974617a6972 ? -1 : 0; // authorization
    case 14: {
      if (folded8(name) != 0x2d746e65746e6f63 || folded8(name + 6) != 0x6874676e656c2d74) return 0; // content-length
      if (start == end || end - start > 15) return -1;
      let length: u64 = 0;
      for (let pos = start; pos < end; pos++) {
        const digit = <u32>load<u8>(pos) - 0x30;
        if (digit > 9) return -1;
        length = length * 10 + digit;
      }
      store<f64>(OUT + 24, <f64>length);
      return CONTENT_LENGTH;
    }
    case 17:
      if (folded8(name) != 0x726566736e617274 || folded8(name + 8) != 0x6e69646f636e652d) return 0; // transfer-encodin
      if ((load<u8>(name + 16) | 0x20) != 0x67) return 0; // g
      return end - start == 7 && folded4(start) == 0x6e756863 && folded4(start + 3) == 0x64656b6e // chunked
        ? CHUNKED
        : -1;
    case 19:
      return folded8(name) == 0x75612d79786f7270 ? -1 : 0; // proxy-au
  }
  return 0;
}

/** Lengths of the names that `responseBit` compares, and their first letters from `a` on, as bits. */
const RESPONSE_SIZES: u32 = 0xa74d4;
const RESPONSE_LETTERS: u32 = 0x188495;

/**
 * Scans the response head at `base`, using bytes up to `limit` (RFC 9112 §4, §5).
 * It may load up to 16 bytes after `limit`.
 *
 * @returns The size of the head in bytes, or 0 if it is not complete and plain.
 */
export function scanResponse(base: usize, limit: usize): i32 {
  if (base + 17 > limit) return 0;
  const version = load<u64>(base);
  if ((version & 0x00ffffffffffffff) != 0x002e312f50545448) return 0; // HTTP/1.
  const minor = <u32>(version >> 56) - 0x30;
  if (minor > 1) return 0;
  const word = load<u32>(base + 8);
  const hundreds = (word >> 8 & 0xff) - 0x30;
  const tens = (word >> 16 & 0xff) - 0x30;
  const ones = (word >> 24) - 0x30;
  if ((word & 0xff) != SP || hundreds - 1 > 8 || tens > 9 || ones > 9) return 0;
  let pos = base + 12;
  let reasonStart = pos;
  let mask: i32 = 0;
  if (load<u8>(pos) == SP) {
    reasonStart = ++pos;
    while (true) {
      mask = outside(pos, VALUE_CLASS, VALUE_HIGH_BITS);
      if (mask != 0) break;
      pos += 16;
      if (pos >= limit) return 0;
    }
    pos += ctz(mask);
  }
  if (pos + 2 > limit || load<u16>(pos) != 0x0a0d) return 0;
  store<i32>(OUT, <i32>(reasonStart - base));
  store<i32>(OUT + 4, <i32>(pos - base));
  store<i32>(OUT + 8, <i32>(hundreds * 100 + tens * 10 + ones));
  pos += 2;
  const maxBytes = load<u32>(LIMITS + 8);
  if (pos - base > maxBytes) return 0;
  const sectionStart = pos;
  const tableEnd: usize = TABLE + (load<u32>(LIMITS + 16) << 4);
  let out: usize = TABLE;
  let flags: u32 = 0;
  while (true) {
    if (pos + 2 > limit) return 0;
    if (load<u16>(pos) == 0x0a0d) break;
    if (out == tableEnd) return 0;
    const nameStart = pos;
    while (true) {
      mask = outside(pos, TOKEN_CLASS, HIGH_BITS);
      if (mask != 0) break;
      pos += 16;
      if (pos >= limit) return 0;
    }
    pos += ctz(mask);
    const nameEnd = pos;
    const colon = <u32>load<u16>(pos);
    if (pos == nameStart || (colon & 0xff) != 0x3a) return 0; // :
    pos += (colon >> 8) == 0x20 ? 2 : 1;
    while (isSpace(load<u8>(pos))) {
      pos++;
      if (pos >= limit) return 0;
    }
    const valueStart = pos;
    while (true) {
      mask = outside(pos, VALUE_CLASS, VALUE_HIGH_BITS);
      if (mask != 0) break;
      pos += 16;
      if (pos >= limit) return 0;
    }
    pos += ctz(mask);
    let valueEnd = pos;
    while (valueEnd > valueStart && isSpace(load<u8>(valueEnd - 1))) valueEnd--;
    if (pos + 2 > limit) return 0;
    if (load<u16>(pos) != 0x0a0d) return 0;
    const nameSize = <u32>(nameEnd - nameStart);
    if (
      nameSize < 20 && ((RESPONSE_SIZES >> nameSize) & 1) != 0 &&
      ((RESPONSE_LETTERS >> ((load<u8>(nameStart) | 0x20) - 0x61)) & 1) != 0
    ) {
      const bit = responseBit(nameStart, nameSize, valueStart, valueEnd);
      if (bit < 0) return 0;
      if ((<u32>bit & (CONTENT_TYPE | CONTENT_LENGTH | CHUNKED) & flags) != 0) return 0;
      flags |= <u32>bit;
    }
    let offsets = i32x4.splat(<i32>nameStart);
    offsets = i32x4.replace_lane(offsets, 1, <i32>nameEnd);
    offsets = i32x4.replace_lane(offsets, 2, <i32>valueStart);
    offsets = i32x4.replace_lane(offsets, 3, <i32>valueEnd);
    v128.store(out, i32x4.sub(offsets, i32x4.splat(<i32>base)));
    out += 16;
    pos += 2;
  }
  if (pos - sectionStart > maxBytes) return 0;
  if ((flags & CHUNKED) != 0) {
    // Both framings, or a coding in HTTP/1.0.
    if (minor == 0 || (flags & CONTENT_LENGTH) != 0) return 0;
  }
  store<i32>(OUT + 12, <i32>((out - TABLE) >> 4));
  store<u32>(OUT + 16, flags & RESPONSE_FLAGS);
  store<u32>(OUT + 20, minor);
  return <i32>(pos + 2 - base);
}
