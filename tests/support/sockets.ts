/**
 * What tests do to sockets that the runtime has no word for: a reset instead
 * of an end, and how many descriptors this process has.
 */

import { Libc } from "../../server/engines/epoll/libc.ts";

/** Descriptors that are looked at. */
const MAX_DESCRIPTORS = 4096;
const ADDRESS_BYTES = 28;

/** Closes connections of the runtime so that the peer is told of a reset (RST). */
export class Resetter implements Disposable {
  #libc: Libc = new Libc();

  /** Closes a connection with a reset. */
  reset(conn: Deno.TcpConn): void {
    const fd = this.#descriptorOf(conn);
    // Connecting to no address (AF_UNSPEC) is the call that disconnects. The
    // runtime's own close ends our direction first, as if there were no reset.
    const nowhere = new Uint8Array(ADDRESS_BYTES);
    const result = this.#libc.calls.connect(fd, nowhere, nowhere.length);
    if (result !== 0) throw new TypeError("Cannot disconnect");
    conn.close();
  }

  /** Closes the library. */
  [Symbol.dispose](): void {
    this.#libc.close();
  }

  /** The descriptor of a connection, which the runtime does not tell. */
  #descriptorOf(conn: Deno.TcpConn): number {
    const { port } = conn.localAddr as Deno.NetAddr; // a TCP connection
    const address = new Uint8Array(ADDRESS_BYTES);
    const view = new DataView(address.buffer);
    const size = new Uint32Array(1);
    for (let fd = 3; fd < MAX_DESCRIPTORS; fd++) {
      size[0] = ADDRESS_BYTES;
      if (this.#libc.calls.getsockname(fd, address, size) !== 0) continue;
      if (view.getUint16(0, true) === 0 || view.getUint16(2) !== port) continue;
      return fd;
    }
    throw new TypeError(`Cannot find descriptor of port ${port}`);
  }
}

/** Descriptors that this process has open. */
export function countDescriptors(): number {
  // Reading the folder takes one itself, each time alike.
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
