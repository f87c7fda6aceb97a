/** The interface of a connection's byte streams, which hooks and handlers use and a program may implement. */

import type { TlsInfo } from "./tls.ts";

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
  /** What the TLS handshake has agreed on; missing without TLS, and before the handshake. */
  readonly tls?: TlsInfo | undefined;
  /** Disables Nagle's algorithm, or enables it with `false`; on TCP only. */
  setNoDelay?(noDelay?: boolean): void;
  /** Enables TCP keep-alive probes, or disables them with `false`; on TCP only. */
  setKeepAlive?(keepAlive?: boolean): void;
}
