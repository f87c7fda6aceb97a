/**
 * IP addresses and blocks of them as bytes: 4 for IPv4, 16 for IPv6. An
 * IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) names an IPv4 peer, so blocks
 * treat both forms alike (RFC 4291 §2.5.5.2).
 */

import { isIpv4Address, isIpv6Address } from "./authority.ts";

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** The first bytes of an IPv4-mapped IPv6 address. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** All addresses that begin with the same bits. */
export interface IpBlock {
  /** The first address of the block; 4 or 16 bytes. */
  readonly first: Uint8Array;
  /** How many leading bits the addresses share. */
  readonly prefixBits: number;
}

/**
 * Parses an IPv4 address in four decimal numbers, or an IPv6 address without
 * brackets and zone.
 *
 * @returns 4 or 16 bytes, or `null` if the string is not an address.
 */
export function parseIpAddress(text: string): Uint8Array | null {
  if (isIpv4Address(text)) {
    return Uint8Array.from(text.split("."), Number);
  }
  return text.includes(":") && isIpv6Address(text) ? ipv6Bytes(text) : null;
}

/** Formats 4 bytes as IPv4, or 16 bytes as IPv6 in its shortest form (RFC 5952). */
export function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === IPV4_BYTES) return bytes.join(".");
  if (isMapped(bytes)) {
    return `::ffff:${bytes.subarray(MAPPED.length).join(".")}`;
  }
  const groups = Array.from(
    { length: IPV6_BYTES / 2 },
    // in range: there are 16 bytes
    (_, at) => (bytes[2 * at]! << 8 | bytes[2 * at + 1]!).toString(16),
  );
  const [start, length] = longestZeros(groups);
  if (length < 2) return groups.join(":");
  const before = groups.slice(0, start).join(":");
  return `${before}::${groups.slice(start + length).join(":")}`;
}

/**
 * Parses an address, or a block such as `10.0.0.0/8`.
 *
 * @returns The block, or `null` if the string is neither, or if the address of a
 * block has bits after the prefix, which is a mistake.
 */
export function parseIpBlock(text: string): IpBlock | null {
  const [, address = "", digits] =
    /^([^/]*)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? [];
  const first = parseIpAddress(address);
  if (first === null) return null;
  const most = first.length * 8;
  const prefixBits = digits === undefined ? most : Number(digits);
  if (prefixBits > most || !isZeroAfter(first, prefixBits)) return null;
  const mappedBits = MAPPED.length * 8;
  return isMapped(first) && prefixBits >= mappedBits
    ? { first: withoutMapping(first), prefixBits: prefixBits - mappedBits }
    : { first, prefixBits };
}

/** Whether a block contains an address of 4 or 16 bytes. */
export function isInBlock(
  { first, prefixBits }: IpBlock,
  address: Uint8Array,
): boolean {
  const bytes = withoutMapping(address);
  if (bytes.length !== first.length) return false;
  const whole = prefixBits >> 3;
  for (let at = 0; at < whole; at++) {
    if (bytes[at] !== first[at]) return false;
  }
  const rest = prefixBits & 7;
  // A prefix that ends inside of a byte has that byte in both.
  return rest === 0 || ((bytes[whole]! ^ first[whole]!) >> (8 - rest)) === 0;
}

/** Converts a valid IPv6 address. */
function ipv6Bytes(text: string): Uint8Array {
  const [left = [], right] = text.split("::").map(groupBytes);
  const bytes = new Uint8Array(IPV6_BYTES);
  bytes.set(left, 0);
  if (right !== undefined) bytes.set(right, IPV6_BYTES - right.length);
  return bytes;
}

/** The bytes of groups without `::`; the last one may be an IPv4 address. */
function groupBytes(groups: string): number[] {
  if (groups === "") return [];
  return groups.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** Start and length of the longest run of zero groups; the first one of several. */
function longestZeros(groups: readonly string[]): [number, number] {
  let [start, length] = [0, 0];
  for (let at = 0; at < groups.length; at++) {
    let end = at;
    while (groups[end] === "0") end++;
    if (end - at > length) [start, length] = [at, end - at];
    at = Math.max(at, end - 1);
  }
  return [start, length];
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === IPV6_BYTES &&
    MAPPED.every((byte, at) => bytes[at] === byte);
}

/** Converts an IPv4-mapped IPv6 address to its IPv4 address, and leaves any other as it is. */
export function withoutMapping(bytes: Uint8Array): Uint8Array {
  return isMapped(bytes) ? bytes.subarray(MAPPED.length) : bytes;
}

function isZeroAfter(bytes: Uint8Array, prefixBits: number): boolean {
  return bytes.every((byte, at) => {
    const kept = Math.min(Math.max(prefixBits - 8 * at, 0), 8);
    return (byte & (0xff >> kept)) === 0;
  });
}
