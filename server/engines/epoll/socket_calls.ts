/**
 * Resolves host names and opens listening TCP sockets with the C library. The
 * caller owns the descriptors.
 */

import {
  CLOSE_ON_EXEC,
  IPPROTO_TCP,
  type Libc,
  NON_BLOCKING,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./libc.ts";
import { findAddress, setOption } from "./socket_properties.ts";
import {
  decodeSocketAddress,
  encodeSocketAddress,
  familyOf,
  isIpv6,
  MAX_SOCKET_ADDRESS_BYTES,
  withPort,
} from "./socket_address.ts";
import type { TcpAddress } from "../../address.ts";
import { listenFailure } from "../listen_failure.ts";
import { errorCode, systemError } from "../system_error.ts";

const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** Offsets in the C library's `struct addrinfo` with 64-bit pointers, in bytes. */
const ADDRINFO_BYTES = 48;
const SOCKTYPE_AT = 8;
const ADDRESS_LENGTH_AT = 16;
const ADDRESS_AT = 24;

/** How many connections may queue for accept; the system's own limit may be lower. */
const BACKLOG = 4096;

/**
 * Returns the structure for a host name or an IP address. If a name has several
 * addresses, it uses the first. Blocks while the resolver works.
 *
 * @throws {Deno.errors.AddrNotAvailable} If the name has no address.
 */
export function resolveHost(
  libc: Libc,
  hostname: string,
  port: number,
): Uint8Array<ArrayBuffer> {
  return encodeSocketAddress(hostname, port) ??
    withPort(lookUp(libc, { transport: "tcp", hostname, port }), port);
}

/** How a socket is bound. */
export interface BindOptions {
  /** Whether other sockets that set this too may listen on the address; the system spreads connections over them. */
  readonly isShared: boolean;
}

/**
 * Binds a socket without listening: this reserves the address, and nothing can
 * connect to it.
 *
 * @param address A structure as of {@linkcode encodeSocketAddress}.
 * @returns The descriptor.
 * @throws {Error} If the system refuses; nothing stays open.
 */
export function bindSocket(
  libc: Libc,
  address: Uint8Array<ArrayBuffer>,
  { isShared }: BindOptions,
): number {
  const { calls } = libc;
  const type = SOCK_STREAM | NON_BLOCKING | CLOSE_ON_EXEC;
  const fd = calls.socket(familyOf(address), type, 0);
  if (fd < 0) throw systemError("make socket", libc.errno());
  setOption(libc, fd, [SOL_SOCKET, SO_REUSEADDR, 1]);
  if (isShared) setOption(libc, fd, [SOL_SOCKET, SO_REUSEPORT, 1]);
  if (isIpv6(address)) setOption(libc, fd, [IPPROTO_IPV6, IPV6_V6ONLY, 0]);
  setOption(libc, fd, [IPPROTO_TCP, TCP_NODELAY, 1]); // accepted sockets inherit it
  if (calls.bind(fd, address, address.length) === 0) return fd;
  throw closeRefused(libc, fd, address);
}

/**
 * Binds a socket and listens on it.
 *
 * @returns The descriptor.
 * @throws {Error} If the system refuses; nothing stays open.
 */
export function openListening(
  libc: Libc,
  address: Uint8Array<ArrayBuffer>,
  options: BindOptions,
): number {
  const fd = bindSocket(libc, address, options);
  if (libc.calls.listen(fd, BACKLOG) === 0) return fd;
  throw closeRefused(libc, fd, address);
}

/**
 * Returns the address that a socket is bound to.
 *
 * @throws {Error} If it has none.
 */
export function boundAddress(libc: Libc, fd: number): Deno.NetAddr {
  const addr = findAddress(libc, fd);
  if (addr === null) throw systemError("find address", libc.errno());
  return addr;
}

function lookUp(libc: Libc, where: TcpAddress): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(`${where.hostname}\0`);
  const hints = new DataView(new ArrayBuffer(ADDRINFO_BYTES));
  hints.setInt32(SOCKTYPE_AT, SOCK_STREAM, true);
  const first = new BigUint64Array(1);
  const failure = libc.setupCalls.getaddrinfo(name, null, hints, first);
  if (failure !== 0) throw listenFailure(where, "ENOTFOUND");
  const list = first[0]!; // it has one element
  const info = new DataView(new ArrayBuffer(ADDRINFO_BYTES));
  libc.setupCalls.copyFromNumber(info, list, ADDRINFO_BYTES);
  const size = Math.min(
    info.getUint32(ADDRESS_LENGTH_AT, true),
    MAX_SOCKET_ADDRESS_BYTES,
  );
  const address = new Uint8Array(size);
  libc.setupCalls.copyFromNumber(
    address,
    info.getBigUint64(ADDRESS_AT, true),
    size,
  );
  libc.setupCalls.freeaddrinfo(list);
  return address;
}

function closeRefused(libc: Libc, fd: number, address: Uint8Array): Error {
  const errno = libc.errno();
  libc.calls.close(fd);
  const { hostname, port } = decodeSocketAddress(address)!; // it was encoded here
  const where = { transport: "tcp", hostname, port } as const;
  return listenFailure(where, errorCode(errno));
}
