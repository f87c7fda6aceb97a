/**
 * Ports that are known to be free, for threads that bind them with `reusePort`.
 * The runtime has no socket that reserves a port without accepting from it. The
 * ports are therefore released again, and another process could take one before
 * the first thread binds it.
 */

import type { TcpAddress } from "../../address.ts";
import { requireNetPermission } from "../net_permission.ts";
import { listenTcp } from "../runtime_listen.ts";
import type { SharedPorts } from "../shared_ports.ts";

/** See the file's header. */
export class ReleasedPorts implements SharedPorts {
  readonly addrs: readonly Deno.NetAddr[];

  /**
   * Binds all addresses, which picks a port for each port 0, and releases them.
   *
   * @throws {Error} If the system or the permissions refuse an address.
   */
  constructor(
    addresses: readonly TcpAddress[],
  ) {
    const listeners: Deno.TcpListener[] = [];
    try {
      for (const address of addresses) {
        // The threads will bind the port that the system picks here, so this
        // needs the permission for any port.
        if (address.port === 0) requireNetPermission(address.hostname, null);
        listeners.push(listenTcp(address));
      }
      this.addrs = listeners.map(({ addr }) => addr);
    } finally {
      for (const listener of listeners) listener.close();
    }
  }

  /** See {@linkcode SharedPorts.descriptorsOf}. */
  descriptorsOf(): readonly number[] {
    return [];
  }

  /** See {@linkcode SharedPorts.recover}: the runtime closes a dead thread's connections. */
  recover(): void {}

  /**
   * See {@linkcode SharedPorts.abandon}. Only the thread itself can close its
   * sockets, and the runtime does that when the thread ends.
   */
  abandon(): void {}

  /** See {@linkcode SharedPorts.release}. */
  release(): void {}

  /** See {@linkcode SharedPorts.close}. */
  close(): void {}
}
