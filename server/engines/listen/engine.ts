/**
 * Listeners of the runtime: what the default engine accepts from, with nothing
 * but the permission to use the network; and how several threads come to a
 * port that all of them can bind.
 */

import type { ListenAddress } from "../../address.ts";
import type { SharedPorts } from "../shared_ports.ts";
import { requireNetPermission } from "../net_permission.ts";

/** How an address is bound. */
export interface BindOptions {
  /** Whether other threads bind the address too. @default {false} */
  readonly isShared?: boolean;
}

/**
 * Binds an address.
 *
 * @throws {Error} What the system says against it.
 */
export function bindListener(
  address: ListenAddress,
  { isShared = false }: BindOptions = {},
): Deno.Listener {
  if (address.transport === "unix") {
    return Deno.listen({ transport: "unix", path: address.path });
  }
  const { hostname, port } = address;
  // The runtime ends the process for the mere mention of `reusePort` without its flag.
  const where = isShared
    ? { hostname, port, reusePort: true }
    : { hostname, port };
  return Deno.listen(where);
}

/**
 * Ports that threads can bind: nobody else has them at this moment. The
 * runtime has no socket that keeps a port without accepting from it, so that
 * they are free until the first thread binds them.
 */
export class ReleasedPorts implements SharedPorts {
  readonly addrs: readonly Deno.NetAddr[];

  /**
   * Finds ports, or makes sure of those that are named.
   *
   * @throws {Error} What the system or the permissions say against one.
   */
  constructor(
    addresses: readonly (ListenAddress & { readonly transport: "tcp" })[],
  ) {
    const listeners: Deno.TcpListener[] = [];
    try {
      for (const { hostname, port } of addresses) {
        // The threads bind the port that is found, whichever it is.
        if (port === 0) requireNetPermission(hostname, null);
        listeners.push(Deno.listen({ hostname, port }));
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

  /** See {@linkcode SharedPorts.recover}: the runtime closes what a thread had. */
  recover(): void {}

  /** See {@linkcode SharedPorts.release}. */
  release(): void {}

  /** See {@linkcode SharedPorts.close}. */
  close(): void {}
}
