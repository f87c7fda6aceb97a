/**
 * Listening sockets that the program inherited: the program that started it, such
 * as systemd, opened them and may keep them, so that connections queue while the
 * server restarts. Each is checked before it is used, since a wrong number could
 * be any descriptor of the runtime.
 */

import { addressText, type ListenAddress } from "../../address.ts";
import { requireNetPermission } from "../net_permission.ts";
import {
  IPPROTO_TCP,
  type Libc,
  NON_BLOCKING,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./libc.ts";
import { findAddress, setOption } from "./socket_properties.ts";
import { EBADF } from "../system_error.ts";

const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;

const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;

/** What to do about a descriptor that cannot be used. */
const PASS_ONE =
  "the program that starts this one has to pass a TCP socket that listens, as systemd does for a socket unit";

/** An inherited socket, by its number. */
type Inherited = ListenAddress & { readonly transport: "fd" };

/**
 * Checks an inherited socket and prepares it for the event loop, which then owns
 * it. It becomes non-blocking, also in other programs that hold it.
 *
 * @returns The descriptor.
 * @throws {TypeError} If it is not a TCP socket that listens.
 * @throws {Deno.errors.NotCapable} If listening on its address is not permitted.
 */
export function takeInherited(libc: Libc, address: Inherited): number {
  const { fd } = address;
  const type = readOption(libc, fd, SO_TYPE);
  if (type === null) {
    const isClosed = libc.errno() === EBADF;
    throw refused(address, isClosed ? "it is not open" : "it is not a socket");
  }
  if (type !== SOCK_STREAM) throw refused(address, "it is no stream socket");
  if (readOption(libc, fd, SO_ACCEPTCONN) !== 1) {
    throw refused(
      address,
      "the socket does not listen",
      "pass it after listen(); a systemd socket unit must not have Accept=yes",
    );
  }
  const bound = findAddress(libc, fd);
  if (bound === null) {
    throw refused(
      address,
      "it is no TCP socket",
      "listen on unix:/path for a Unix socket",
    );
  }
  requireNetPermission(bound.hostname, bound.port);
  const { fcntl } = libc.setupCalls;
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | NON_BLOCKING);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  setOption(libc, fd, [IPPROTO_TCP, TCP_NODELAY, 1]); // accepted sockets inherit it
  return fd;
}

/** Reads an integer option of a socket; `null` if that fails. */
function readOption(libc: Libc, fd: number, name: number): number | null {
  const value = new Int32Array(1);
  const size = Uint32Array.of(value.byteLength);
  const { getsockopt } = libc.setupCalls;
  return getsockopt(fd, SOL_SOCKET, name, value, size) === 0 ? value[0]! : null; // it has one element
}

function refused(address: Inherited, why: string, what = PASS_ONE): TypeError {
  return new TypeError(
    `Cannot listen on ${JSON.stringify(addressText(address))}: ${why}; ${what}`,
  );
}
