/** Listeners of the runtime: what the default engine accepts from, with nothing but the permission to use the network. */

import type { ListenAddress } from "../address.ts";
import type { TlsIdentity } from "../tls.ts";

/** How an address is bound. */
export interface BindOptions {
  /** What the listener shows, or `null` for clear text. */
  readonly tls: TlsIdentity | null;
}

/**
 * Binds an address.
 *
 * @throws {Error} What the system says against it.
 */
export function bindListener(
  address: ListenAddress,
  { tls }: BindOptions,
): Deno.Listener {
  if (address.transport === "unix") {
    return Deno.listen({ transport: "unix", path: address.path });
  }
  const { hostname, port } = address;
  if (tls === null) return Deno.listen({ hostname, port });
  return Deno.listenTls({
    hostname,
    port,
    ...tls,
    alpnProtocols: ["http/1.1"],
  });
}
