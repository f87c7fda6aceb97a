/** The address and the options of an open socket, by calls of the C library. */

import type { Libc } from "./libc.ts";
import {
  decodeSocketAddress,
  MAX_SOCKET_ADDRESS_BYTES,
} from "./socket_address.ts";

/** Returns a socket's own address; `null` if it has none, or if the descriptor is not a socket. */
export function findAddress(libc: Libc, fd: number): Deno.NetAddr | null {
  const bytes = new Uint8Array(MAX_SOCKET_ADDRESS_BYTES);
  const size = Uint32Array.of(bytes.length);
  if (libc.calls.getsockname(fd, bytes, size) !== 0) return null;
  return decodeSocketAddress(bytes);
}

/** Sets a socket option, given as level, name and value. */
export function setOption(
  libc: Libc,
  fd: number,
  [level, name, value]: readonly [number, number, number],
): void {
  const bytes = Int32Array.of(value);
  libc.calls.setsockopt(fd, level, name, bytes, bytes.byteLength);
}
