/** What threads that serve on one port share; each engine has its own way. */

/** The ports of several threads. */
export interface SharedPorts {
  /** Where all of them listen. */
  readonly addrs: readonly Deno.NetAddr[];
  /** The listening sockets that a thread borrows, by address; none if it binds the port itself. */
  descriptorsOf(thread: number): readonly number[];
  /** Cuts what a dead thread had; its listening sockets wait for the next one. */
  recover(thread: number): void;
  /** Closes the listening sockets of a thread that has no successor. */
  release(thread: number): void;
  /** Closes everything. */
  close(): void;
}
