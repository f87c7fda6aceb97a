/**
 * One TLS connection as a duplex: `node:tls` over the accepted plain duplex.
 *
 * The runtime's own `TlsConn.close()` waits for the handshake or the last
 * flush, so a silent peer could keep a descriptor open forever. Here the plain
 * connection can be closed at any time, which frees the descriptor immediately.
 */

import type { Addr } from "../../../codec/socket_address.ts";
import type { Duplex as Stream } from "node:stream";
import type { SecureContext, TLSSocket } from "node:tls";
import type { Duplex, TlsInfo } from "../../duplex.ts";
import type { TlsClientRules } from "../../tls.ts";
import { closeQuietly } from "../close_quietly.ts";
import { peerCertificate, refusalOf } from "./client_certificate.ts";
import { DeadlineTimer } from "../deadline_timer.ts";

/**
 * The sizes of a connection's read buffers, in bytes: of the first, and of the
 * next after a read has filled the first.
 */
const SMALL_READ_BYTES = 2048;
const LARGE_READ_BYTES = 65_536;

/** The most bytes that one write passes to TLS, which encrypts all of them before it sends any. */
const MAX_WRITE_BYTES = 65_536;

/** What the connections of a listener share. */
export interface TlsContext {
  readonly tls: typeof import("node:tls");
  readonly Duplex: typeof Stream;
  readonly secureContext: SecureContext;
  /** Those of other names, in lower case. */
  readonly contexts: ReadonlyMap<string, SecureContext>;
  /** What the server asks of clients; `null` if nothing. */
  readonly clients: TlsClientRules | null;
  /** How long a handshake may take, in ms. */
  readonly handshakeTimeoutMs: number;
}

/** See the file's header. */
export class TlsSocket implements Duplex {
  /** The local address. */
  readonly localAddr?: Addr;
  /** The peer's address. */
  readonly remoteAddr?: Addr;
  #plain: Duplex;
  #stream: TLSSocket;
  /** Resolves the pending read's wait when there may be something to read; at most one read is pending. */
  #reader: PromiseWithResolvers<void> | null = null;
  /** Decrypted bytes that did not fit into the last read's buffer. */
  #rest: Uint8Array | null = null;
  #isSecure = false;
  #tls: TlsInfo | undefined;
  #isEnded = false;
  #failure: Error | null = null;
  #handshakeTimer: DeadlineTimer;

  /** Starts the handshake. */
  constructor(plain: Duplex, context: TlsContext) {
    this.#plain = plain;
    if (plain.localAddr !== undefined) this.localAddr = plain.localAddr;
    if (plain.remoteAddr !== undefined) this.remoteAddr = plain.remoteAddr;
    const stream = secure(plain, context, (error) => this.#fail(error));
    this.#stream = stream;
    const { handshakeTimeoutMs } = context;
    this.#handshakeTimer = new DeadlineTimer(
      handshakeTimeoutMs,
      () => this.#fail(handshakeTimedOut(handshakeTimeoutMs)),
    );
    const { clients } = context;
    stream.on("secure", () => {
      this.#handshakeTimer.stop();
      this.#isSecure = true;
      const refusal = clients === null ? null : refusalOf(stream, clients);
      if (refusal !== null) this.#fail(refusal);
    });
    stream.on("readable", () => this.#wake());
    stream.on("end", () => {
      if (this.#failure !== null) return; // Bun emits it when the stream is destroyed
      this.#isEnded = true;
      this.#wake();
    });
    stream.on("error", (error) => this.#fail(error));
    stream.on("close", () => this.#fail(closed()));
  }

  /** See {@linkcode Duplex.tls}. */
  get tls(): TlsInfo | undefined {
    if (!this.#isSecure) return undefined;
    return this.#tls ??= infoOf(this.#stream);
  }

  /** See {@linkcode Duplex.read}. */
  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const bytes = this.#rest ?? this.#stream.read() as Uint8Array | null; // without an encoding, it returns bytes
      if (bytes !== null) return this.#deliver(bytes, buffer);
      if (this.#isEnded) return null;
      if (this.#failure !== null) throw this.#failure;
      this.#reader ??= Promise.withResolvers();
      await this.#reader.promise;
    }
  }

  /** See {@linkcode Duplex.write}; resolves when the bytes were sent. Takes at most `MAX_WRITE_BYTES`. */
  write(bytes: Uint8Array): Promise<number> {
    const piece = bytes.length <= MAX_WRITE_BYTES
      ? bytes
      : bytes.subarray(0, MAX_WRITE_BYTES);
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      this.#stream.write(piece, (error) => {
        if (error) reject(this.#failure ?? error);
        else resolve(piece.length);
      });
    });
  }

  /** See {@linkcode Duplex.closeWrite}: sends `close_notify`, then ends the plain connection's writing direction. */
  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) reject(this.#failure);
      else this.#stream.end(() => resolve());
    });
  }

  /** See {@linkcode Duplex.close}: frees the descriptor immediately, whatever the peer does. */
  close(): void {
    this.#fail(closed());
  }

  /** See {@linkcode Duplex.setNoDelay}. */
  setNoDelay(noDelay?: boolean): void {
    this.#plain.setNoDelay?.(noDelay);
  }

  /** See {@linkcode Duplex.setKeepAlive}. */
  setKeepAlive(keepAlive?: boolean): void {
    this.#plain.setKeepAlive?.(keepAlive);
  }

  #deliver(bytes: Uint8Array, buffer: Uint8Array): number {
    const size = Math.min(bytes.length, buffer.length);
    buffer.set(size === bytes.length ? bytes : bytes.subarray(0, size));
    this.#rest = size === bytes.length ? null : bytes.subarray(size);
    return size;
  }

  #wake(): void {
    this.#reader?.resolve();
    this.#reader = null;
  }

  /** Closes the connection. Reads and writes reject with the first error. */
  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#handshakeTimer.stop();
    this.#stream.destroy();
    closeQuietly(this.#plain); // the stream might delay the close
    this.#wake();
  }
}

type ChooseContext = (error: Error | null, context?: SecureContext) => void;

/** Returns the certificate of a name, or of a pattern for it; nothing means that of the server. */
function contextFor(
  name: string,
  contexts: ReadonlyMap<string, SecureContext>,
): SecureContext | undefined {
  return contexts.get(name) ?? contexts.get(name.replace(/^[^.]+/, "*"));
}

function infoOf(stream: TLSSocket): TlsInfo {
  const { servername } = stream as { readonly servername?: string | false }; // missing in the types
  return Object.freeze({
    protocol: stream.getProtocol(),
    serverName: servername || null,
    peerCertificate: peerCertificate(stream),
  });
}

/** Creates the server side of TLS on a plain connection. */
function secure(
  plain: Duplex,
  { tls, Duplex, secureContext, contexts, clients }: TlsContext,
  onFailed: (error: Error) => void,
): TLSSocket {
  const options = {
    isServer: true,
    secureContext,
    ...(contexts.size === 0 ? {} : {
      SNICallback: (name: string, choose: ChooseContext) =>
        choose(null, contextFor(name.toLowerCase(), contexts)),
    }),
    requestCert: clients !== null,
    rejectUnauthorized: clients?.isRequired === true,
    ALPNProtocols: ["http/1.1"],
    allowHalfOpen: true, // missing in the types
  };
  const stream = contexts.size > 0 && "Bun" in globalThis
    ? ownStream(plain, onFailed)
    : streamOf(plain, Duplex, onFailed);
  return new tls.TLSSocket(
    stream as ConstructorParameters<
      typeof TLSSocket
    >[0], // it takes any duplex stream
    options,
  );
}

/**
 * Returns Bun's own stream of a connection of the node engine, which nothing has
 * used yet. On other streams, Bun does not choose the certificate by name.
 */
function ownStream(plain: Duplex, onFailed: (error: Error) => void): Stream {
  const { stream } = plain as unknown as { readonly stream: Stream }; // Bun has only that engine
  stream.on("error", onFailed);
  return stream;
}

/**
 * Wraps a plain connection as a stream for `node:tls`.
 *
 * @param onFailed Called first when a read or write fails. It has to destroy
 * the TLS stream, which would otherwise send its pending bytes forever, without
 * a turn of the event loop in between.
 */
function streamOf(
  plain: Duplex,
  Duplex: typeof Stream,
  onFailed: (error: Error) => void,
): Stream {
  let buffer = new Uint8Array(SMALL_READ_BYTES);
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => void plain.read(buffer).then(received, onFailed),
    write: (bytes, _encoding, callback) =>
      writeAll(plain, bytes, callback, onFailed),
    final: (callback) => {
      const ended = plain.closeWrite?.() ?? Promise.resolve();
      ended.then(() => callback(), callback);
    },
    destroy: (error, callback) => {
      closeQuietly(plain);
      callback(error);
    },
  });
  function received(size: number | null): void {
    if (size === null) {
      stream.push(null);
      return;
    }
    const isFull = size === buffer.length;
    stream.push(buffer.slice(0, size)); // a copy, since the buffer is reused
    if (isFull && size < LARGE_READ_BYTES) {
      buffer = new Uint8Array(LARGE_READ_BYTES);
    }
  }
  return stream;
}

function writeAll(
  plain: Duplex,
  bytes: Uint8Array,
  callback: (error?: Error) => void,
  onFailed: (error: Error) => void,
): void {
  plain.write(bytes).then((size) => {
    if (size === bytes.length) callback();
    else writeAll(plain, bytes.subarray(size), callback, onFailed);
  }, (error) => {
    onFailed(error);
    callback(error);
  });
}

function closed(): Error {
  return new Error("Cannot use connection: it is closed");
}

function handshakeTimedOut(durationMs: number): Error {
  return new DOMException(
    `Cannot complete TLS handshake: not done within ${durationMs} ms (handshakeTimeout)`,
    "TimeoutError",
  );
}
