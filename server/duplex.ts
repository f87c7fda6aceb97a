/** The interface of a connection's byte streams, which hooks and handlers use and a program may implement. */

import type { Addr } from "../codec/socket_address.ts";

/** A certificate that a client has shown. */
export interface PeerCertificate {
  /** The fields of the subject, such as `CN`; a list if there are several of a kind. */
  readonly subject: Readonly<Record<string, string | readonly string[]>>;
  /** The fields of the authority that signed it. */
  readonly issuer: Readonly<Record<string, string | readonly string[]>>;
  /** The alternative names, such as `DNS:a.example`; `null` if there are none. */
  readonly subjectAltName: string | null;
  /** The serial number in hexadecimal digits. */
  readonly serialNumber: string;
  /** The SHA-256 hash of the certificate, in pairs of digits with colons. */
  readonly fingerprint256: string;
  /** The certificate in the encoding DER. */
  readonly raw: Uint8Array;
}

/** What a connection's TLS handshake has agreed on; `ctx.conn.tls` has it. */
export interface TlsInfo {
  /** The version, such as `TLSv1.3`. */
  readonly protocol: string | null;
  /** The name that the client asked for; `null` if it named none. */
  readonly serverName: string | null;
  /** The client's certificate; `null` if it has shown none. */
  readonly peerCertificate: PeerCertificate | null;
}

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
  readonly localAddr?: Addr | undefined;
  /** The peer's address, if there is one and it is known. */
  readonly remoteAddr?: Addr | undefined;
  /** What the TLS handshake has agreed on; missing without TLS, and before the handshake. */
  readonly tls?: TlsInfo | undefined;
  /** Disables Nagle's algorithm, or enables it with `false`; on TCP only. */
  setNoDelay?(noDelay?: boolean): void;
  /** Enables TCP keep-alive probes, or disables them with `false`; on TCP only. */
  setKeepAlive?(keepAlive?: boolean): void;
}

/** A duplex that can also read with callbacks, which costs less than a promise of its own for each read. */
export interface CallbackDuplex extends Duplex {
  /** Reads as `read()` does, and calls `onRead` or `onFailed` later; neither may throw. */
  readThen(
    buffer: Uint8Array,
    onRead: (size: number | null) => void,
    onFailed: (error: unknown) => void,
  ): void;
}

/** A duplex that can also write without promises. */
export interface PromptDuplex extends CallbackDuplex {
  /**
   * Writes as many of the first `size` bytes as the system takes at once, and
   * returns how many. After 0, call `write()`, which waits for room.
   *
   * @throws {Error} If the connection failed or is closed.
   */
  writeNow(bytes: Uint8Array, size: number): number;
}
