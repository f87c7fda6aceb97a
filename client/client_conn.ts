/** The connection that a caller gets after an upgrade; its type needs no types of a runtime. */

import type { Addr } from "../codec/socket_address.ts";

/** A connection of the client. `Deno.Conn` has the same shape. */
export interface ClientConn extends Disposable {
  /** The local address. */
  readonly localAddr: Addr;
  /** The server's address. */
  readonly remoteAddr: Addr;
  /** Received bytes as a stream; closing it closes the connection. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** A stream whose bytes are sent; closing it ends the writing direction. */
  readonly writable: WritableStream<Uint8Array<ArrayBufferLike>>;
  /** Reads into `buffer`; resolves with the number of bytes, or with `null` at the end of the stream. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes bytes; resolves with how many were written, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions. */
  close(): void;
  /** Ends the writing direction. */
  closeWrite(): Promise<void>;
  /** Lets the connection keep the process alive, as it does at first. */
  ref(): void;
  /** Lets the process end while the connection is open. */
  unref(): void;
}
