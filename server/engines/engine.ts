/**
 * The contract between an engine and the connection manager. An engine binds
 * addresses and moves the bytes of accepted connections; the manager accepts
 * and counts connections, runs the hooks and ends serving. `listen/`, `epoll/`
 * and `node/` implement the contract. `docs/architecture.md` says how to add an
 * engine.
 */

import type { ListenAddress } from "../address.ts";
import type { Listener } from "./listener.ts";
import type { ServedTransport, TransportInit } from "./transport.ts";

/** One way to do network I/O. */
export interface Engine {
  /**
   * Starts the engine; called once, before any other method.
   *
   * @param onFailure Called when the engine itself fails, which ends serving.
   */
  start(onFailure: (error: unknown) => void): void;
  /**
   * Listens on an address.
   *
   * @param index The position of the address in the server's list.
   * @throws {Error} If the system refuses it or a permission is missing.
   */
  bind(address: ListenAddress, index: number): Listener;
  /** Creates the transport that moves a connection's bytes. */
  carry(init: TransportInit): ServedTransport;
  /** Releases everything; called once, after the last connection has ended. */
  close(): Promise<void>;
}
