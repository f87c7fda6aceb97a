/**
 * Adds TLS to a TCP listener: accepts its connections and wraps each of them.
 * The TCP listener handles everything else, such as the queue and failures of
 * accept.
 */

import type { Addr } from "../../../codec/socket_address.ts";
import type { Listener } from "../listener.ts";
import type { Duplex } from "../../duplex.ts";
import type { TlsIdentity } from "../../tls.ts";
import type { TlsContext, TlsSocket } from "./tls_socket.ts";

/** Settings of a {@linkcode TlsListener}. */
export interface TlsListenerOptions {
  readonly identity: TlsIdentity;
  /** How long a handshake may take, in ms. */
  readonly handshakeTimeoutMs: number;
  /** Whether each connection begins with a PROXY header, and TLS only after it. */
  readonly expectsHeader: boolean;
}

/** See the file's header. */
export class TlsListener implements Listener {
  #listener: Listener;
  #context: TlsContext;
  /** Loaded with the first connection, since most programs have none with TLS. */
  #Socket: typeof TlsSocket | null = null;
  /** See {@linkcode Listener.secure}. */
  readonly secure?: (conn: Duplex) => Duplex;

  /**
   * Takes over a listener.
   *
   * @throws {Error} If certificate and key are not valid or do not belong
   * together; the listener is closed then.
   */
  constructor(
    listener: Listener,
    { identity, handshakeTimeoutMs, expectsHeader }: TlsListenerOptions,
  ) {
    this.#listener = listener;
    const tls = process.getBuiltinModule("node:tls");
    const { Duplex } = process.getBuiltinModule("node:stream");
    const { cert, key, certificates, clients } = identity;
    const ca = clients === null ? {} : { ca: [...clients.ca] };
    try {
      if (certificates.size > 0 && "Bun" in globalThis) {
        throw new TypeError(
          "Cannot use TLS: Bun ignores the option certificates on such connections",
        );
      }
      const secureContext = tls.createSecureContext({ cert, key, ...ca });
      const contexts = new Map(
        [...certificates].map(([name, pair]) => [
          name,
          tls.createSecureContext({ ...pair, ...ca }),
        ]),
      );
      this.#context = {
        tls,
        Duplex,
        secureContext,
        contexts,
        clients,
        handshakeTimeoutMs,
      };
    } catch (error) {
      listener.close();
      throw error;
    }
    if (expectsHeader) {
      this.secure = (conn) => this.#secured(conn);
    }
  }

  /** See {@linkcode Listener.addr}. */
  get addr(): Addr {
    return this.#listener.addr;
  }

  /** See {@linkcode Listener.accept}. Does not wait for the handshake, which starts by itself. */
  async accept(): Promise<Duplex> {
    const conn = await this.#listener.accept();
    this.#Socket ??= (await import("./tls_socket.ts")).TlsSocket;
    return this.secure === undefined ? this.#secured(conn) : conn; // it is secured later
  }

  #secured(conn: Duplex): Duplex {
    return new this.#Socket!(conn, this.#context); // a connection was accepted
  }

  /** See {@linkcode Listener.close}. */
  close(): void {
    this.#listener.close();
  }

  /** See {@linkcode Listener.ref}. */
  ref(): void {
    this.#listener.ref();
  }

  /** See {@linkcode Listener.unref}. */
  unref(): void {
    this.#listener.unref();
  }
}
