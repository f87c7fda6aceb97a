/** The contract of a listener, from which an accept loop takes connections. */

import type { Duplex } from "../duplex.ts";

/** A source of connections; the runtime's listeners are some. */
export interface Listener {
  /** The bound address. */
  readonly addr: Deno.Addr;
  /** Resolves with the next connection; rejects with the reason if there is none. */
  accept(): Promise<Duplex>;
  /**
   * Resolves when everything that has already arrived was delivered. Without
   * this method, one turn of the event loop has to do.
   */
  settled?(): Promise<void>;
  /** Stops accepting; a pending accept rejects. */
  close(): void;
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process exit. */
  unref(): void;
}
