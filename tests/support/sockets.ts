/**
 * Socket operations that the runtime does not offer: resetting a connection,
 * and counting the open descriptors of this process.
 */

import { resetNode } from "./connect_tcp.ts";
import { Libc } from "../../server/engines/epoll/libc.ts";

/** Number of descriptors that are searched. */
const MAX_DESCRIPTORS = 4096;
const ADDRESS_BYTES = 28;

/** Closes connections of the runtime with a reset (RST). */
export class Resetter implements Disposable {
  #libc: Libc | null = typeof Deno === "undefined" ? null : new Libc();

  /** Closes a connection with a reset. */
  reset(conn: Deno.TcpConn): void {
    if (this.#libc === null) {
      resetNode(conn);
      return;
    }
    const fd = descriptorOf(this.#libc, conn);
    // connect() with AF_UNSPEC resets the connection. The runtime's own close
    // would send a FIN first.
    const nowhere = new Uint8Array(ADDRESS_BYTES);
    const result = this.#libc.calls.connect(fd, nowhere, nowhere.length);
    if (result !== 0) throw new TypeError("Cannot disconnect");
    conn.close();
  }

  /** Closes the library. */
  [Symbol.dispose](): void {
    this.#libc?.close();
  }
}

/** Finds the descriptor of a connection, which Deno does not expose. */
function descriptorOf(libc: Libc, conn: Deno.TcpConn): number {
  const { port } = conn.localAddr as Deno.NetAddr; // a TCP connection
  const address = new Uint8Array(ADDRESS_BYTES);
  const view = new DataView(address.buffer);
  const size = new Uint32Array(1);
  for (let fd = 3; fd < MAX_DESCRIPTORS; fd++) {
    size[0] = ADDRESS_BYTES;
    if (libc.calls.getsockname(fd, address, size) !== 0) continue;
    if (view.getUint16(0, true) === 0 || view.getUint16(2) !== port) continue;
    return fd;
  }
  throw new TypeError(`Cannot find descriptor of port ${port}`);
}

/** Counts the descriptors that this process has open. */
export function countDescriptors(): number {
  // Reading the folder opens one more, in every call.
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
