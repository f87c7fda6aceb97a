/**
 * Ports that are known to be free, for threads that bind them with `reusePort`.
 * The runtime has no socket that reserves a port without accepting from it. The
 * ports are therefore released again, and another process could take one before
 * the first thread binds it.
 */

import type { NetAddr } from "../../codec/socket_address.ts";
import type { TcpAddress } from "../address.ts";
import type { SharedPorts } from "./shared_ports.ts";

/**
 * How many sockets living threads open for each socket that an abandoned thread
 * may still hold. The system spreads connections evenly over all, so at most 1
 * in 32 connections is lost.
 */
const LIVING_PER_ABANDONED = 31;

/**
 * The backlog of a port that will be released. Nothing is accepted on it, and
 * what is queued is reset at the release. A client that finds the queue full
 * tries again after a second, when the threads listen. A queue has one place
 * more than this number, so one connection can be lost if it arrives between
 * bind and release: within 0.1 ms, or several on a busy machine.
 */
export const SHORTEST_BACKLOG = 0;

/** The most sockets of one thread at one address. */
const MAX_SOCKETS = 256;

/** A listening socket that this thread alone has bound. */
export interface BoundPort {
  readonly addr: NetAddr;
  close(): void;
}

/** See the file's header. */
export class ReleasedPorts implements SharedPorts {
  readonly addrs: readonly NetAddr[];
  #threadCount: number;
  #socketCount = 1;
  /** How many sockets at each address abandoned threads may hold. */
  #abandonedCount = 0;

  /**
   * Binds all addresses, which picks a port for each port 0, and releases them.
   *
   * @param threadCount How many threads will bind them.
   * @param bind Binds one address, with the engine of the threads.
   * @throws {Error} If the system or the permissions refuse an address.
   */
  constructor(
    addresses: readonly TcpAddress[],
    threadCount: number,
    bind: (address: TcpAddress) => BoundPort,
  ) {
    this.#threadCount = threadCount;
    const ports: BoundPort[] = [];
    try {
      for (const address of addresses) ports.push(bind(address));
      this.addrs = ports.map(({ addr }) => addr);
    } finally {
      for (const port of ports) port.close();
    }
  }

  /** See {@linkcode SharedPorts.socketCount}. */
  get socketCount(): number {
    return this.#socketCount;
  }

  /** See {@linkcode SharedPorts.descriptorsOf}. */
  descriptorsOf(): readonly number[] {
    return [];
  }

  /** See {@linkcode SharedPorts.recover}: the runtime closes a dead thread's connections. */
  recover(): void {}

  /**
   * See {@linkcode SharedPorts.abandon}. Only the thread itself can close its
   * sockets, and the runtime does that when the thread ends. Deno cannot end a
   * thread that does not return to its event loop: its sockets stay open, and the
   * system keeps giving them connections. So the other threads open more.
   */
  abandon(): void {
    if (typeof Deno === "undefined") return;
    this.#abandonedCount += this.#socketCount;
    const wanted = LIVING_PER_ABANDONED * this.#abandonedCount /
      this.#threadCount;
    this.#socketCount = Math.min(Math.ceil(wanted), MAX_SOCKETS);
  }

  /** See {@linkcode SharedPorts.release}. */
  release(): void {}

  /** See {@linkcode SharedPorts.close}. */
  close(): void {}
}
