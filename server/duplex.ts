/**
 * The two interfaces of a connection's byte streams: the duplex that hooks and
 * handlers use, and the transport that an engine offers the connection machine.
 */

/** The two byte streams of a connection. `Deno.Conn` is one. */
export interface Duplex {
  /** Reads into `buffer`; resolves with the number of bytes, or with `null` at the end of the stream. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes bytes; resolves with how many were written, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions. */
  close(): void;
  /** Ends the writing direction; the peer reads the end of the stream. */
  closeWrite?(): Promise<void>;
  /** The local address, if there is one and it is known. */
  readonly localAddr?: Deno.Addr | undefined;
  /** The peer's address, if there is one and it is known. */
  readonly remoteAddr?: Deno.Addr | undefined;
  /** Disables Nagle's algorithm, or enables it with `false`; on TCP only. */
  setNoDelay?(noDelay?: boolean): void;
  /** Enables TCP keep-alive probes, or disables them with `false`; on TCP only. */
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
