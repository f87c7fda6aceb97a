/**
 * Internet addresses as the system's structures `sockaddr_in` and
 * `sockaddr_in6`, which are the same on all architectures that Deno runs on.
 */

import { formatIpAddress, parseIpAddress } from "../../../codec/ip_address.ts";

export const AF_INET = 2;
const AF_INET6 = 10;
const IPV4_BYTES = 16;
const IPV6_BYTES = 28;

/** The size of the larger structure. */
export const MAX_SOCKET_ADDRESS_BYTES = IPV6_BYTES;

/** The address family of a structure. */
export function familyOf(bytes: Uint8Array): number {
  return viewOf(bytes).getUint16(0, true); // the machine's byte order: both architectures are little-endian
}

/** Whether a structure is an IPv6 address. */
export function isIpv6(bytes: Uint8Array): boolean {
  return familyOf(bytes) === AF_INET6;
}

/** The structure for an IP address in text form; `null` if the text is a name. */
export function encodeSocketAddress(
  hostname: string,
  port: number,
): Uint8Array<ArrayBuffer> | null {
  const ipv4 = parseIpv4(hostname);
  if (ipv4 !== null) return encodeIpv4(ipv4, port);
  const ipv6 = hostname.includes(":") ? parseIpAddress(hostname) : null;
  return ipv6 === null ? null : encodeIpv6(ipv6, port);
}

/** The same address with another port. */
export function withPort(
  bytes: Uint8Array<ArrayBuffer>,
  port: number,
): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  viewOf(copy).setUint16(2, port);
  return copy;
}

/** The address in a structure; `null` if the family is another one. */
export function decodeSocketAddress(bytes: Uint8Array): Deno.NetAddr | null {
  const view = viewOf(bytes);
  const port = view.getUint16(2);
  switch (familyOf(bytes)) {
    case AF_INET:
      return {
        transport: "tcp",
        hostname: bytes.subarray(4, 8).join("."),
        port,
      };
    case AF_INET6:
      return {
        transport: "tcp",
        hostname: formatIpAddress(bytes.subarray(8, 24)),
        port,
      };
    default:
      return null;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function encodeIpv4(
  address: readonly number[],
  port: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IPV4_BYTES);
  const view = viewOf(bytes);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(address, 4);
  return bytes;
}

function encodeIpv6(
  address: Uint8Array,
  port: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IPV6_BYTES);
  const view = viewOf(bytes);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(address, 8);
  return bytes;
}

/** The four bytes, or `null` if the text is no IPv4 address. */
function parseIpv4(text: string): number[] | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : null;
}
