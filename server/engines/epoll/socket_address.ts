/**
 * Internet addresses as the system's structures `sockaddr_in` and
 * `sockaddr_in6`, which are the same on all architectures that Deno runs on.
 */

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
  const groups = parseIpv6(hostname);
  return groups === null ? null : encodeIpv6(groups, port);
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
    case AF_INET6: {
      const groups = Array.from(
        { length: 8 },
        (_, index) => view.getUint16(8 + 2 * index),
      );
      return { transport: "tcp", hostname: formatIpv6(groups), port };
    }
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
  groups: readonly number[],
  port: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IPV6_BYTES);
  const view = viewOf(bytes);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  groups.forEach((group, index) => view.setUint16(8 + 2 * index, group));
  return bytes;
}

/** The four bytes, or `null` if the text is no IPv4 address. */
function parseIpv4(text: string): number[] | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : null;
}

/** The eight groups, or `null` without a colon. `parseAddress` has checked the text already. */
function parseIpv6(text: string): number[] | null {
  if (!text.includes(":")) return null;
  const [head = "", tail] = text.split("::");
  const before = parseGroups(head);
  if (tail === undefined) return before;
  const after = parseGroups(tail);
  const zeros = new Array(Math.max(8 - before.length - after.length, 0));
  return [...before, ...zeros.fill(0), ...after];
}

function parseGroups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    const ipv4 = parseIpv4(group);
    if (ipv4 === null) return [parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = ipv4;
    return [a << 8 | b, c << 8 | d];
  });
}

/** The canonical text (RFC 5952): omits the longest run of zeros, and writes an embedded IPv4 address with dots. */
function formatIpv6(groups: readonly number[]): string {
  if (
    groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  ) {
    const [high = 0, low = 0] = groups.slice(6);
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(":");
  if (best.length < 2) return hex(groups);
  return `${hex(groups.slice(0, best.start))}::${
    hex(groups.slice(best.start + best.length))
  }`;
}
