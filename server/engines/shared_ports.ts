/** The contract for ports that several threads serve together. Each engine has its own implementation. */

import type { NetAddr } from "../../codec/socket_address.ts";

/** The ports that the threads of a server share. */
export interface SharedPorts {
  /** The addresses that all threads listen on. */
  readonly addrs: readonly NetAddr[];
  /**
   * How many listening sockets each thread opens at each address. The more there
   * are, the fewer connections go to the sockets of abandoned threads.
   */
  readonly socketCount: number;
  /** A thread's listening sockets, one for each address; empty if the thread binds the ports itself. */
  descriptorsOf(thread: number): readonly number[];
  /** Closes the connections of a thread that died; its listening sockets stay open for its successor. */
  recover(thread: number): void;
  /**
   * Takes the sockets from a thread that may still run, such as one in an endless
   * loop. Its connections are closed, and its successor gets its listening sockets.
   */
  abandon(thread: number): void;
  /** Closes the listening sockets of a thread that has no successor. */
  release(thread: number): void;
  /** Closes everything. */
  close(): void;
}
