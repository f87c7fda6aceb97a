/**
 * Opens listening TCP sockets, as bare descriptors. Whoever opens one owns it;
 * `listener.ts` accepts from it.
 */

import type { Libc } from "./libc.ts";
import {
  CLOSE_ON_EXEC,
  IPPROTO_TCP,
  NON_BLOCKING,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./numbers.ts";
import { decodeSocketAddress, familyOf, isIpv6 } from "./socket_address.ts";
import { findAddress, setOption } from "./socket_calls.ts";
import { systemError } from "./system_error.ts";

const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** How many connections may queue in the system, unless its own limit is lower. */
const BACKLOG = 4096;

/**
 * Binds a socket to the structure of an address, without listening: the
 * address is taken, and nobody can connect.
 *
 * @param isShared Whether others that say so too may listen there, each getting a part of the connections.
 * @throws {Error} What the system says against it.
 */
export function bindSocket(
  libc: Libc,
  address: Uint8Array<ArrayBuffer>,
  isShared: boolean,
): number {
  const { calls } = libc;
  const type = SOCK_STREAM | NON_BLOCKING | CLOSE_ON_EXEC;
  const fd = calls.socket(familyOf(address), type, 0);
  if (fd < 0) throw systemError("make socket", libc.errno());
  setOption(libc, fd, [SOL_SOCKET, SO_REUSEADDR, 1]);
  if (isShared) setOption(libc, fd, [SOL_SOCKET, SO_REUSEPORT, 1]);
  if (isIpv6(address)) setOption(libc, fd, [IPPROTO_IPV6, IPV6_V6ONLY, 0]);
  setOption(libc, fd, [IPPROTO_TCP, TCP_NODELAY, 1]); // those that are accepted have it from here
  if (calls.bind(fd, address, address.length) === 0) return fd;
  throw refused(libc, fd, address);
}

/**
 * Binds a socket and listens.
 *
 * @throws {Error} What the system says against it; nothing is left open.
 */
export function openListening(
  libc: Libc,
  address: Uint8Array<ArrayBuffer>,
  isShared: boolean,
): number {
  const fd = bindSocket(libc, address, isShared);
  if (libc.calls.listen(fd, BACKLOG) === 0) return fd;
  throw refused(libc, fd, address);
}

/** Where a socket is bound. */
export function boundAddress(libc: Libc, fd: number): Deno.NetAddr {
  const addr = findAddress(libc, fd, "getsockname");
  if (addr === null) throw systemError("find address", libc.errno());
  return addr;
}

function refused(libc: Libc, fd: number, address: Uint8Array): Error {
  const errno = libc.errno();
  libc.calls.close(fd);
  const { hostname, port } = decodeSocketAddress(address)!; // it was encoded by us
  return systemError(`listen on ${hostname}, port ${port}`, errno);
}
