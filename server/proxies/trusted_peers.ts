/**
 * The peers that a server believes: proxies and load balancers, by address, block
 * or kind of socket; and the settings of the PROXY protocol, which name them.
 */

import { isOptions } from "../../codec/shown.ts";
import type { Addr } from "../../codec/socket_address.ts";
import { refuseUnknown } from "../options.ts";
import {
  type IpBlock,
  isInBlock,
  parseIpAddress,
  parseIpBlock,
} from "../../codec/ip_address.ts";

/** The entry for all peers that connect through a Unix socket. */
const UNIX = "unix";

/** Settings of {@linkcode ServerBuilder.proxyProtocol}. */
export interface ProxyProtocolOptions {
  /**
   * The load balancers: IP addresses, blocks such as `10.0.0.0/8` or
   * `2001:db8::/32`, and `unix` for all peers that connect through a Unix socket.
   * Connections of all other peers are closed.
   */
  readonly trusted: readonly string[];
}

/** See the file's header. */
export class TrustedPeers {
  #blocks: readonly IpBlock[];
  #trustsUnix: boolean;

  /**
   * Checks a list.
   *
   * @param what What the list is for, as in `Cannot set proxyProtocol`.
   * @param entries IP addresses, blocks such as `10.0.0.0/8`, and `unix`.
   * @throws {TypeError} If it is no list, is empty, or an entry is something else.
   */
  constructor(what: string, entries: readonly string[]) {
    if (!Array.isArray(entries) || entries.length === 0) {
      throw new TypeError(
        `${what}: trusted names no peer; list the addresses of your proxies, such as ["10.0.0.0/8"]`,
      );
    }
    this.#trustsUnix = entries.includes(UNIX);
    this.#blocks = entries.filter((entry) => entry !== UNIX)
      .map((entry) => checkedBlock(what, entry));
  }

  /** Whether the peer at the other end of a connection is trusted. One without an address is not. */
  has(addr: Addr | undefined): boolean {
    if (addr === undefined) return false;
    if (!("hostname" in addr)) return this.#trustsUnix;
    // Node.js adds the zone to link-local addresses, as in `fe80::1%eth0`.
    const address = parseIpAddress(addr.hostname.replace(/%.*$/s, ""));
    return address !== null && this.hasAddress(address);
  }

  /** Whether an IP address of 4 or 16 bytes is trusted. */
  hasAddress(address: Uint8Array): boolean {
    return this.#blocks.some((block) => isInBlock(block, address));
  }
}

/**
 * Checks that settings are an object.
 *
 * @param what What the settings are for, as in `Cannot set proxyProtocol`.
 * @throws {TypeError} If they are missing, a list of peers, or anything else.
 */
export function requireSettings(what: string, settings: unknown): void {
  if (isOptions(settings)) return;
  throw new TypeError(
    `${what}: the option trusted is missing; list the addresses of your proxies, as in { trusted: ["10.0.0.0/8"] }`,
  );
}

/**
 * Checks the settings.
 *
 * @returns The peers that send a header.
 * @throws {TypeError} If there is no such setting, or the list is empty or wrong.
 */
export function readProxyProtocol(options: ProxyProtocolOptions): TrustedPeers {
  requireSettings("Cannot set proxyProtocol", options);
  const { trusted, ...unknown } = options;
  refuseUnknown("Cannot set proxyProtocol with", unknown);
  return new TrustedPeers("Cannot set proxyProtocol", trusted);
}

function checkedBlock(what: string, entry: unknown): IpBlock {
  const block = typeof entry === "string" ? parseIpBlock(entry) : null;
  if (block !== null) return block;
  const shown = typeof entry === "string"
    ? JSON.stringify(entry)
    : `a value of type ${typeof entry}`;
  throw new TypeError(
    `${what}: cannot trust ${shown}, which is no IP address, no block whose address ends with the prefix (as 10.0.0.0/8 does), and not "unix"`,
  );
}
