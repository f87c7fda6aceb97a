/** The error for an address that a server cannot listen on, on all engines and runtimes. */

import { addressText, type ListenAddress } from "../address.ts";
import { maybeTcpReason, maybeUnixReason } from "./listen_reasons.ts";
import { runtimeError } from "./system_error.ts";

/**
 * Makes the error for an address that cannot be bound.
 *
 * @param code The system's code, or `ENOTFOUND` for a host name without an address.
 */
export function listenFailure(address: ListenAddress, code: string): Error {
  const what = `listen on ${addressText(address)}`;
  return runtimeError(what, code, maybeReason(address, code) ?? code);
}

/** Explains a code of the system; `null` if nothing more is known. */
export function maybeReason(
  address: ListenAddress,
  code: string,
): string | null {
  if (address.transport === "tcp") return maybeTcpReason(address.port, code);
  return address.transport === "unix"
    ? maybeUnixReason(address.path, code)
    : null;
}
