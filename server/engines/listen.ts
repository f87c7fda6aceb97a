/**
 * The default engine: `Deno.listen` and `TcpConn`, with nothing but the
 * permission to use the network. It accepts, moves bytes and counts
 * connections; what they mean is the connection machine's affair.
 */

import { Admission } from "../admission.ts";
import type { Application } from "../application.ts";
import type { ListenAddress } from "../address.ts";
import { type Clock, SYSTEM_CLOCK } from "../deadlines.ts";
import { ConnectionSetupAction } from "../hooks.ts";
import { Services } from "../services.ts";
import type { TlsIdentity } from "../tls.ts";
import type { Duplex } from "../transport.ts";
import { Acceptor, type AcceptorOwner } from "./acceptor.ts";
import { DuplexTransport } from "./duplex_transport.ts";

/** What an engine tells its owner. */
export interface EngineEvents {
  /** Serving is over: no listener, no connection. */
  onFinished(error: unknown): void;
  /** A hook threw, or an accept failed. */
  onError(error: unknown): void;
}

/** Serves an application on listeners of the runtime. */
export class ListenEngine implements AcceptorOwner {
  #services: Services;
  #admission: Admission;
  #events: EngineEvents;
  #acceptors: Acceptor[] = [];
  #transports: Set<DuplexTransport> = new Set();
  #maxConnections: number;
  /** Connections that are being set up or torn down. */
  #inPassage = 0;
  #isStopping = false;
  /** Whether idle connections were told to close. */
  #isSettled = false;
  /** Why nothing is served any more, once everything was ended. */
  #cut: DOMException | null = null;
  #isFinished = false;
  #failure: unknown = null;

  /** Creates an engine that listens nowhere. */
  constructor(
    app: Application,
    events: EngineEvents,
    clock: Clock = SYSTEM_CLOCK,
  ) {
    this.#services = new Services(app, clock, app.tls !== null);
    this.#events = events;
    this.#maxConnections = app.options.maxConnections;
    this.#admission = new Admission(app, (error) => events.onError(error));
  }

  /** Requests that were begun since serving began. */
  get requestCount(): number {
    return this.#services.requestCount;
  }

  /** Connections at this moment. */
  get connectionCount(): number {
    return this.#transports.size;
  }

  /**
   * Binds an address and begins to accept.
   *
   * @returns The address that was bound, with its port.
   * @throws {Error} What the system says against it.
   */
  listen(address: ListenAddress): Deno.Addr {
    const listener = bind(address, this.#services.app.tls);
    this.acceptFrom(listener);
    return listener.addr;
  }

  /** Begins to accept from a listener. */
  acceptFrom(listener: Deno.Listener): void {
    const acceptor = new Acceptor(listener, this);
    this.#acceptors.push(acceptor);
    acceptor.run().catch((error) => this.#fail(error));
  }

  /** Serves one connection that was accepted elsewhere; resolves when it ended. */
  handle(duplex: Duplex): Promise<void> {
    return new Promise((resolve) => this.#admit(duplex, resolve));
  }

  /**
   * Accepts no more, once those who queue are in; running requests and those
   * that are on their way finish, idle connections close.
   */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#services.isStopping = true;
    this.#inPassage++;
    this.#settle().then(() => {
      this.#inPassage--;
      this.#passed();
    });
  }

  /** Ends everything at once. */
  closeNow(): void {
    for (const acceptor of this.#acceptors) acceptor.close();
    this.stop();
    this.#cut ??= new DOMException("The server was closed", "AbortError");
    for (const { connection } of this.#transports) connection.fail(this.#cut);
  }

  /** Lets the process live as long as the listeners do, or not. */
  setRef(isRef: boolean): void {
    for (const { listener } of this.#acceptors) {
      if (isRef) listener.ref();
      else listener.unref();
    }
  }

  /** See {@linkcode AcceptorOwner.isFull}. */
  get isFull(): boolean {
    return this.#transports.size + this.#inPassage >= this.#maxConnections;
  }

  /** See {@linkcode AcceptorOwner.admit}. */
  admit(conn: Deno.Conn): void {
    this.#admit(conn, null);
  }

  /** See {@linkcode AcceptorOwner.acceptFailed}. */
  async acceptFailed(error: Error): Promise<boolean> {
    this.#events.onError(error);
    const action = await this.#admission.setUp({ ok: false, error });
    if (action !== ConnectionSetupAction.stopAccepting) return true;
    this.#stopAccepting();
    return false;
  }

  /** The setup hook wants no further connection, not even one that queues. */
  #stopAccepting(): void {
    for (const acceptor of this.#acceptors) acceptor.close();
    this.stop();
  }

  async #settle(): Promise<void> {
    const closing = this.#acceptors.map((acceptor) => acceptor.closeGently());
    await Promise.all(closing);
    this.#isSettled = true;
    for (const { connection } of this.#transports) connection.stop();
  }

  #admit(duplex: Duplex, onClosed: (() => void) | null): void {
    const action = this.#admission.setUp({
      ok: true,
      conn: duplex,
      peer: duplex.remoteAddr ?? null,
    });
    if (!(action instanceof Promise)) {
      this.#enter(duplex, action, onClosed);
      return;
    }
    this.#inPassage++;
    action.then((settled) => {
      this.#inPassage--;
      this.#enter(duplex, settled, onClosed);
    }).catch((error) => this.#fail(error));
  }

  #enter(
    duplex: Duplex,
    action: ConnectionSetupAction,
    onClosed: (() => void) | null,
  ): void {
    const served = action.kind === "proceed" ? action.conn : null;
    if (served === null) {
      closeQuietly(duplex);
      onClosed?.();
      if (action.kind === "stopAccepting") this.#stopAccepting();
      this.#passed();
      return;
    }
    const transport = new DuplexTransport(
      this.#services,
      served,
      action.options,
      (closed, error) => this.#leave(closed, error, onClosed),
    );
    this.#transports.add(transport);
    if (this.#cut !== null) {
      transport.connection.fail(this.#cut); // it was set up too late
      return;
    }
    transport.start();
    if (!this.#isSettled) return;
    // It was set up too late to be seen by `#settle`; its request may be here.
    this.#inPassage++;
    setTimeout(() => {
      transport.connection.stop();
      this.#inPassage--;
      this.#passed();
    }, 0);
  }

  #leave(
    transport: DuplexTransport,
    error: Error | undefined,
    onClosed: (() => void) | null,
  ): void {
    this.#transports.delete(transport);
    this.#inPassage++;
    this.#admission.tearDown(transport.duplex, error).then(() => {
      this.#inPassage--;
      onClosed?.();
      this.#passed();
    });
  }

  /** There may be room for one more, or nothing left to wait for. */
  #passed(): void {
    for (const acceptor of this.#acceptors) acceptor.wake();
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    const isBusy = this.#transports.size > 0 || this.#inPassage > 0;
    if (!this.#isStopping || isBusy || this.#isFinished) return;
    this.#isFinished = true;
    this.#events.onFinished(this.#failure);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#events.onError(error);
    this.stop();
  }
}

function bind(
  address: ListenAddress,
  tls: TlsIdentity | null,
): Deno.Listener {
  if (address.transport === "unix") {
    return Deno.listen({ transport: "unix", path: address.path });
  }
  const { hostname, port } = address;
  if (tls === null) return Deno.listen({ hostname, port });
  return Deno.listenTls({
    hostname,
    port,
    ...tls,
    alpnProtocols: ["http/1.1"],
  });
}

function closeQuietly(duplex: Duplex): void {
  try {
    duplex.close();
  } catch {
    // The hook has closed it already.
  }
}
