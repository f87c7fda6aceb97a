/** Listens with the runtime's listeners, and adds the address to their error messages. */

import {
  addressText,
  type ListenAddress,
  type TcpAddress,
} from "../address.ts";
import { requireNetPermission } from "./net_permission.ts";
import { listenFailure, maybeReason } from "./listen_failure.ts";
import { SHORTEST_BACKLOG } from "./released_ports.ts";
import { isShortage } from "./shortage.ts";

/** Settings of {@linkcode listenTcp}. */
export interface ListenTcpOptions {
  /** Whether other threads bind the same port. @default {false} */
  readonly isShared?: boolean;
  /** The system queues one connection more than this number. @default {the runtime's own} */
  readonly backlog?: number;
}

/**
 * Listens on a TCP address.
 *
 * @throws {Error} If the system or the permissions refuse it; the message names the address.
 */
export function listenTcp(
  address: TcpAddress,
  { isShared = false, backlog }: ListenTcpOptions = {},
): Deno.TcpListener {
  const { hostname, port } = address;
  // Without its unstable flag, the runtime exits if the property `reusePort`
  // exists, whatever its value.
  const where = {
    ...{ hostname, port },
    ...(isShared ? { reusePort: true } : {}),
    ...(backlog === undefined ? {} : { tcpBacklog: backlog }),
  };
  return naming(address, () => Deno.listen(where));
}

/**
 * Listens on a Unix socket.
 *
 * @throws {Error} If the system or the permissions refuse it; the message names the path.
 */
export function listenUnix(
  address: ListenAddress & { readonly transport: "unix" },
): Deno.UnixListener {
  const { transport, path } = address;
  return naming(address, () => Deno.listen({ transport, path }));
}

/**
 * Listens on a TCP address that threads will share. For port 0, they will bind the
 * port that the system picks here, so this needs the permission for any port.
 *
 * @throws {Error} If the system or the permissions refuse it; the message names the address.
 */
export function listenForThreads(address: TcpAddress): Deno.TcpListener {
  if (address.port === 0) requireNetPermission(address.hostname, null);
  return listenTcp(address, { backlog: SHORTEST_BACKLOG });
}

/**
 * Returns an IP address of a host name, as the runtime finds it.
 *
 * @throws {Error} If it has none; the message names the address.
 */
export function resolveByListening(address: TcpAddress): string {
  const { hostname } = address;
  const listener = naming(address, () => Deno.listen({ hostname, port: 0 }));
  listener.close();
  return listener.addr.hostname;
}

function naming<T>(address: ListenAddress, bind: () => T): T {
  try {
    return bind();
  } catch (error) {
    throw withAddress(error, address);
  }
}

/** Makes an error of the same class, with the same code, whose message names the address. */
function withAddress(error: unknown, address: ListenAddress): unknown {
  // Creating an error may format its stack, which needs a descriptor.
  if (isShortage(error) || !(error instanceof Error)) return error;
  if (error.name === "NotCapable") return error; // its message names the permission, which contains the address
  if (error.message.startsWith("failed to lookup address")) {
    return listenFailure(address, "ENOTFOUND"); // it has neither code nor class
  }
  const ErrorClass = error.constructor as ErrorConstructor; // it is a class of the runtime
  const why = "code" in error ? maybeReason(address, String(error.code)) : null;
  const message = `Cannot listen on ${addressText(address)}: ${
    why ?? error.message
  }`;
  const named = new ErrorClass(message, { cause: error });
  return "code" in error ? Object.assign(named, { code: error.code }) : named;
}
