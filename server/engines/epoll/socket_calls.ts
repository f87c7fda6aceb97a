/** What is asked of sockets and set on them, whatever they are for. */

import type { Libc } from "./libc.ts";
import {
  decodeSocketAddress,
  MAX_SOCKET_ADDRESS_BYTES,
} from "./socket_address.ts";

/** Sets an option, given as level, name and value. */
export function setOption(
  libc: Libc,
  fd: number,
  [level, name, value]: readonly [number, number, number],
): void {
  const bytes = Int32Array.of(value);
  libc.calls.setsockopt(fd, level, name, bytes, bytes.byteLength);
}

/** The address of a socket or of its peer, or `null` if it has none, or is none. */
export function findAddress(
  libc: Libc,
  fd: number,
  call: "getsockname" | "getpeername",
): Deno.NetAddr | null {
  const bytes = new Uint8Array(MAX_SOCKET_ADDRESS_BYTES);
  const size = Uint32Array.of(bytes.length);
  if (libc.calls[call](fd, bytes, size) !== 0) return null;
  return decodeSocketAddress(bytes);
}
