/** The contract of a listener, from which an accept loop takes connections. */

import type { Addr } from "../../codec/socket_address.ts";
import type { Duplex } from "../duplex.ts";

/** A source of connections. The runtime's listeners implement it. */
export interface Listener {
  /** The bound address. */
  readonly addr: Addr;
  /** Resolves with the next connection; rejects if accepting fails. */
  accept(): Promise<Duplex>;
  /**
   * Accepts a connection that is queued; `null` if there is none. With this
   * method, no connection can join the queue unseen before the listener closes.
   *
   * @throws {Error} If accepting fails.
   */
  acceptQueued?(): Duplex | null;
  /**
   * Resolves after the listener has asked the system for queued connections. If
   * a listener does not have this method, an accept after a successful one asks
   * at once, and settles within a few microtasks if a connection is queued.
   */
  polled?(): Promise<void>;
  /**
   * Adds TLS to an accepted connection whose PROXY header was read. A listener
   * without TLS does not have this method, nor one whose connections begin with
   * TLS.
   */
  secure?(conn: Duplex): Duplex;
  /**
   * Resolves when all bytes that have already arrived were delivered to their
   * connections. For a listener without this method, the accept loop waits for
   * one turn of the event loop instead.
   */
  settled?(): Promise<void>;
  /** Stops accepting; a pending accept rejects. */
  close(): void;
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process exit. */
  unref(): void;
}
