/** Names of hosts to addresses, by the system's own resolver, at once. */

import type { Libc } from "./libc.ts";
import { SOCK_STREAM } from "./numbers.ts";
import {
  encodeSocketAddress,
  MAX_SOCKET_ADDRESS_BYTES,
  withPort,
} from "./socket_address.ts";

/** Places in `struct addrinfo` of the C library, in bytes, with 64-bit pointers. */
const ADDRINFO_BYTES = 48;
const SOCKTYPE_AT = 8;
const ADDRESS_LENGTH_AT = 16;
const ADDRESS_AT = 24;

/**
 * The structure to bind for a host, a name or an IP address; of several
 * addresses of a name the first.
 *
 * @throws {Deno.errors.AddrNotAvailable} If the name has no address.
 */
export function resolveHost(
  libc: Libc,
  hostname: string,
  port: number,
): Uint8Array<ArrayBuffer> {
  return encodeSocketAddress(hostname, port) ??
    withPort(lookUp(libc, hostname), port);
}

function lookUp(libc: Libc, hostname: string): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(`${hostname}\0`);
  const hints = new DataView(new ArrayBuffer(ADDRINFO_BYTES));
  hints.setInt32(SOCKTYPE_AT, SOCK_STREAM, true);
  const first = new BigUint64Array(1);
  const failure = libc.calls.getaddrinfo(name, null, hints, first);
  if (failure !== 0) {
    throw new Deno.errors.AddrNotAvailable(
      `Cannot listen on host ${
        JSON.stringify(hostname)
      }: its name has no address`,
    );
  }
  const list = first[0]!; // it has one element
  const info = new DataView(new ArrayBuffer(ADDRINFO_BYTES));
  libc.calls.copyFromNumber(info, list, ADDRINFO_BYTES);
  const size = Math.min(
    info.getUint32(ADDRESS_LENGTH_AT, true),
    MAX_SOCKET_ADDRESS_BYTES,
  );
  const address = new Uint8Array(size);
  libc.calls.copyFromNumber(address, info.getBigUint64(ADDRESS_AT, true), size);
  libc.calls.freeaddrinfo(list);
  return address;
}
