/**
 * A TLS connection over a TCP connection of the runtime (RFC 8446), with the
 * interface of `Deno.Conn`. Loaded only when an `https` origin is used.
 *
 * It uses `node:tls` because the runtime's own `Deno.TlsConn` keeps its
 * descriptor after `close()` until the peer has responded to the handshake, so
 * silent servers could use up all descriptors. Closing this one closes the TCP
 * connection immediately.
 *
 * `node:tls` reports the end of a TCP connection like a `close_notify`,
 * although an attacker can forge the former (RFC 9112 §9.8). So this class
 * never passes the end of the TCP connection to `node:tls`, but fails the read
 * instead.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { Duplex } from "node:stream";
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { readableOf, writableOf, writePiece } from "./conn_streams.ts";

/** Size of the buffer that a read from TCP fills: one TLS record and its frame, in bytes. */
const READ_BYTES = 16_384 + 256;

/** A connection that TLS can use: over TCP, or TLS itself, as with an `https` proxy. */
export type ByteConn = Deno.Conn<Deno.NetAddr>;

/** The parts of the client's options that concern TLS. */
export interface TlsOptions {
  /** Certificates to trust in addition to the system's, as PEM strings. */
  readonly caCerts: readonly string[];
  /** The client's own certificate chain and key, as PEM strings. */
  readonly identity: { readonly cert: string; readonly key: string } | null;
}

/**
 * Parses certificates once for all connections of a client.
 *
 * @throws {Error} If a certificate or the key is not valid PEM.
 */
export function secureContextOf(
  { caCerts, identity }: TlsOptions,
): SecureContext {
  // `node:tls` ignores what it cannot parse.
  for (const cert of caCerts) new X509Certificate(cert);
  if (identity !== null) {
    new X509Certificate(identity.cert);
    createPrivateKey(identity.key);
  }
  const secureContext = createSecureContext(identity ?? {});
  // The option `ca` alone would replace the default certificates.
  const { addCACert } = secureContext.context;
  for (const cert of caCerts) addCACert.call(secureContext.context, cert);
  return secureContext;
}

/** Codes of `node:tls` for a certificate that is not accepted. All other codes mean that TLS itself failed. */
const CERTIFICATE_CODE =
  /^(?:ERR_TLS_CERT|CERT|CRL|DEPTH_ZERO|HOSTNAME|INVALID|PATH_LENGTH|SELF_SIGNED|UNABLE)_/;

/** Whether a handshake failed because the certificate is not accepted. */
export function isCertificateError(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    CERTIFICATE_CODE.test(String(error.code));
}

/** The connection below TLS as the stream that `node:tls` reads from and writes to. */
class TcpStream extends Duplex {
  /** Called at the end of the TCP connection, without or with an error. */
  onEnd: (error?: unknown) => void = () => {};
  #conn: ByteConn;
  #buffer = new Uint8Array(READ_BYTES);

  constructor(conn: ByteConn) {
    super();
    this.#conn = conn;
  }

  override _read(): void {
    this.#conn.read(this.#buffer).then(
      (size) => {
        if (size === null) this.onEnd();
        else this.push(this.#buffer.slice(0, size));
      },
      (error) => this.onEnd(error),
    );
  }

  override _write(
    bytes: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    this.#writeAll(bytes).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#conn.closeWrite().then(() => done(), done);
  }

  override _destroy(
    error: Error | null,
    done: (error?: Error | null) => void,
  ): void {
    try {
      this.#conn.close();
    } catch {
      // The runtime closed it before, after an error.
    }
    done(error);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#conn.write(rest));
    }
  }
}

/** One TLS connection; see the file's header. */
export class ClientTlsConn implements Deno.Conn<Deno.NetAddr> {
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  #tcp: ByteConn;
  #stream: TcpStream;
  #socket: TLSSocket;
  #isSecure = false;
  #isEnded = false;
  #isTcpEnded = false;
  #failure: unknown = null;
  /** Resumes the call that waits for an event of the socket. */
  #wake: () => void = () => {};
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | null = null;

  /**
   * Starts a handshake on a new TCP connection, which this object then owns.
   *
   * @param hostname The name or IP address that the certificate must be for.
   */
  constructor(
    tcp: ByteConn,
    hostname: string,
    secureContext: SecureContext,
  ) {
    this.#tcp = tcp;
    this.localAddr = tcp.localAddr;
    this.remoteAddr = tcp.remoteAddr;
    const isAddress = hostname.includes(":") || /^[0-9.]+$/.test(hostname);
    this.#stream = new TcpStream(tcp);
    this.#socket = connectTls({
      socket: this.#stream,
      host: hostname,
      servername: isAddress ? "" : hostname, // RFC 6066 §3: never an address
      secureContext,
      rejectUnauthorized: true, // otherwise an environment variable would decide
      ALPNProtocols: ["http/1.1"],
    });
    this.#stream.onEnd = (error) => this.#tcpEnded(error);
    this.#socket.on("secureConnect", () => {
      this.#isSecure = true;
      this.#wake();
    });
    this.#socket.on("readable", () => this.#wake());
    this.#socket.on("end", () => {
      this.#isEnded = true;
      this.#wake();
    });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(closedError()));
  }

  /**
   * Waits until the handshake is complete and the certificate is accepted.
   *
   * @throws {Error} If either fails; the connection is closed then.
   */
  async handshake(): Promise<void> {
    while (!this.#isSecure) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#isTcpEnded) await this.#failTruncated();
      else await this.#event();
    }
  }

  /** See `Deno.Conn.read`; an end without `close_notify` is an error. */
  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#socket.read();
      if (chunk !== null) {
        const size = Math.min(chunk.length, buffer.length);
        buffer.set(size < chunk.length ? chunk.subarray(0, size) : chunk);
        if (size < chunk.length) this.#socket.unshift(chunk.subarray(size));
        return size;
      }
      if (this.#isEnded) return null;
      if (this.#failure !== null) throw this.#failure;
      if (this.#isTcpEnded) await this.#failTruncated();
      else await this.#event();
    }
  }

  /** See `Deno.Conn.write`. */
  write(bytes: Uint8Array): Promise<number> {
    return writePiece(this.#socket, bytes, () => this.#failure);
  }

  /** Sends `close_notify` and closes the write direction. */
  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  /** Closes the TCP connection immediately. */
  close(): void {
    this.#fail(closedError());
  }

  /** As {@linkcode ClientTlsConn.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** See `Deno.TcpConn.ref`. */
  ref(): void {
    this.#tcp.ref();
  }

  /** See `Deno.TcpConn.unref`. */
  unref(): void {
    this.#tcp.unref();
  }

  /** See `Deno.Conn.readable`. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this, READ_BYTES);
  }

  /** See `Deno.Conn.writable`. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableOf(this);
  }

  #event(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #tcpEnded(error: unknown): void {
    if (error !== undefined) return this.#fail(error);
    this.#isTcpEnded = true;
    this.#wake();
  }

  /** Fails after one turn of the event loop, so that the last records can still be decoded. */
  async #failTruncated(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#isEnded || this.#socket.readableLength > 0) return;
    this.#fail(
      new (errorClass("UnexpectedEof"))(
        "Cannot read from TLS connection: it ended without close_notify",
      ),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#stream.destroy();
    this.#wake();
  }
}

function closedError(): Error {
  return new (errorClass("BadResource"))("The TLS connection is closed");
}

/** The runtime's class; Node and Bun have none. */
function errorClass(
  name: "UnexpectedEof" | "BadResource",
): new (message: string) => Error {
  return typeof Deno === "undefined" ? Error : Deno.errors[name];
}
