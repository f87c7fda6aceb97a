/**
 * The two faces between a connection and what carries its bytes: the duplex
 * that hooks and handlers see, and the verbs that an engine offers.
 */

/** A connection's two byte streams, as hooks and handlers see it. `Deno.Conn` is one. */
export interface Duplex {
  /** Reads into `buffer`; gives the number of bytes, or `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes bytes; gives how many, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions. */
  close(): void;
  /** Ends the writing direction, so that the peer sees the end. */
  closeWrite?(): Promise<void>;
  /** Our address, if there is one and it is known. */
  readonly localAddr?: Deno.Addr | undefined;
  /** The peer's address, if there is one and it is known. */
  readonly remoteAddr?: Deno.Addr | undefined;
  /** Switches Nagle's algorithm off or on, where there is one. */
  setNoDelay?(noDelay?: boolean): void;
  /** Switches TCP's keep-alive probes on or off, where there are any. */
  setKeepAlive?(keepAlive?: boolean): void;
}

/** What a connection asks of its engine. None of these throws. */
export interface Transport {
  /** The connection as hooks and handlers see it. */
  readonly duplex: Duplex;
  /** There is output: send it, then call `outputSent` on the connection. */
  flush(): void;
  /** The connection's `readCapacity` may have grown. */
  resumeReading(): void;
  /** Ends the writing direction; all output was sent before. */
  closeWrite(): void;
  /**
   * Gives the streams away: the engine reads and writes no more, but still
   * counts the connection until it is closed.
   *
   * @param unread Octets to be read before all others.
   */
  takeOver(unread: Uint8Array): Duplex;
  /**
   * Ends the connection, and the engine's interest in it.
   *
   * @param error Why, unless it ended well.
   */
  close(error?: Error): void;
}
