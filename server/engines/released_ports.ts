/**
 * Ports that are known to be free, for threads that bind them with `reusePort`.
 * The runtime has no socket that reserves a port without accepting from it. The
 * ports are therefore released again, and another process could take one before
 * the first thread binds it.
 */

import type { NetAddr } from "../../codec/socket_address.ts";
import type { TcpAddress } from "../address.ts";
import type { SharedPorts } from "./shared_ports.ts";

/** A listening socket that this thread alone has bound. */
export interface BoundPort {
  readonly addr: NetAddr;
  close(): void;
}

/** See the file's header. */
export class ReleasedPorts implements SharedPorts {
  readonly addrs: readonly NetAddr[];

  /**
   * Binds all addresses, which picks a port for each port 0, and releases them.
   *
   * @param bind Binds one, by the engine of the threads.
   * @throws {Error} If the system or the permissions refuse an address.
   */
  constructor(
    addresses: readonly TcpAddress[],
    bind: (address: TcpAddress) => BoundPort,
  ) {
    const ports: BoundPort[] = [];
    try {
      for (const address of addresses) ports.push(bind(address));
      this.addrs = ports.map(({ addr }) => addr);
    } finally {
      for (const port of ports) port.close();
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
