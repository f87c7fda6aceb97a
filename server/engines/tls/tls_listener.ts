/**
 * Adds TLS to a TCP listener: accepts its connections and wraps each of them.
 * The TCP listener handles everything else, such as the queue and failures of
 * accept.
 */

import type { SecureContextOptions } from "node:tls";
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

/**
 * Separates the sessions of this package from others of the process. Without it,
 * a client with a certificate could not resume a session.
 */
const SESSION_ID_CONTEXT = "khttp";

/** See the file's header. */
export class TlsListener implements Listener {
  #listener: Listener;
  #options: TlsListenerOptions;
  #context: TlsContext;
  /** The keys of session tickets that the context has; `null` for the runtime's own. */
  #ticketKeys: Uint8Array | null;
  /** Loaded at the first connection, since most programs do not use TLS. */
  #Socket: typeof TlsSocket | null = null;
  /** See {@linkcode Listener.secure}. */
  readonly secure?: (conn: Duplex) => Duplex;

  /**
   * Takes over a listener.
   *
   * @throws {Error} If certificate and key are not valid or do not belong
   * together; the listener is closed then.
   */
  constructor(listener: Listener, options: TlsListenerOptions) {
    this.#listener = listener;
    this.#options = options;
    this.#ticketKeys = options.identity.ticketKeys?.slice() ?? null;
    try {
      this.#context = makeContext(options, this.#ticketKeys);
    } catch (error) {
      listener.close();
      throw error;
    }
    if (options.expectsHeader) {
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
    const Socket = this.#Socket!; // a connection was accepted
    return new Socket(conn, this.#presentContext());
  }

  /** See {@linkcode Listener.polled}. */
  async polled(): Promise<void> {
    await this.#listener.polled?.();
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

  /** Returns the context. Makes a new one if the program has changed the keys of session tickets. */
  #presentContext(): TlsContext {
    const { ticketKeys } = this.#options.identity;
    const known = this.#ticketKeys;
    if (ticketKeys === null || known === null) return this.#context;
    if (ticketKeys.every((byte, index) => byte === known[index])) {
      return this.#context;
    }
    this.#ticketKeys = ticketKeys.slice();
    return this.#context = makeContext(this.#options, this.#ticketKeys);
  }
}

function makeContext(
  { identity, handshakeTimeoutMs, expectsHeader }: TlsListenerOptions,
  ticketKeys: Uint8Array | null,
): TlsContext {
  const tls = process.getBuiltinModule("node:tls");
  const { Duplex } = process.getBuiltinModule("node:stream");
  const { cert, key, certificates, clients } = identity;
  if (certificates.size > 0 && expectsHeader && "Bun" in globalThis) {
    throw new TypeError(
      "Cannot use TLS: Bun ignores the option certificates after PROXY headers",
    );
  }
  const shared: SecureContextOptions = { sessionIdContext: SESSION_ID_CONTEXT };
  if (clients !== null) shared.ca = [...clients.ca];
  if (ticketKeys !== null) {
    shared.ticketKeys = process.getBuiltinModule("node:buffer").Buffer.from(
      ticketKeys,
    );
  }
  const contexts = new Map(
    [...certificates].map(([name, pair]) => [
      name,
      tls.createSecureContext({ ...pair, ...shared }),
    ]),
  );
  return {
    tls,
    Duplex,
    secureContext: tls.createSecureContext({ cert, key, ...shared }),
    contexts,
    clients,
    handshakeTimeoutMs,
  };
}
