/**
 * What all engines have in common: it takes in what listeners accept, counts
 * connections and sees them out, and ends when the last one is gone. Bytes are
 * moved by the transports; what they mean is the connection machine's affair.
 */

import { Admission } from "../admission.ts";
import type { Application } from "../application.ts";
import {
  type Clock,
  type ServedConnection,
  SYSTEM_CLOCK,
} from "../deadlines.ts";
import { ConnectionSetupAction, type ProceedOptions } from "../hooks.ts";
import { Services } from "../services.ts";
import type { Duplex } from "../transport.ts";
import { Acceptor, type AcceptorOwner, type Listener } from "./acceptor.ts";
import { closeQuietly } from "./close_quietly.ts";
import { DuplexTransport } from "./duplex_transport.ts";
import type {
  ServedTransport,
  TransportInit,
  TransportOwner,
} from "./served_transport.ts";

/** What an engine tells its owner. */
export interface EngineEvents {
  /** Serving is over: no listener, no connection. */
  onFinished(error: unknown): void;
  /** A hook threw, or an accept failed. */
  onError(error: unknown): void;
}

/** How an engine differs from the others. */
export interface EngineOptions {
  /** Where time comes from. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
  /** Makes a connection's transport. @default {reads and writes the duplex} */
  readonly carry?: (init: TransportInit) => ServedTransport;
}

/** Serves an application on listeners; see the file's header. */
export class Engine implements AcceptorOwner, TransportOwner {
  /** What its connections share. */
  readonly services: Services;
  #admission: Admission;
  #events: EngineEvents;
  #acceptors: Acceptor[] = [];
  /** All connections; they come and go by themselves. */
  #connections: ReadonlySet<ServedConnection>;
  #carry: (init: TransportInit) => ServedTransport;
  /** Those who handed a connection in and wait for its end. */
  #onClosed: Map<ServedTransport, () => void> = new Map();
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
    { clock = SYSTEM_CLOCK, carry = carryDuplex }: EngineOptions = {},
  ) {
    this.#carry = carry;
    this.services = new Services(app, clock, app.tls !== null);
    this.#connections = this.services.deadlines.members;
    this.#events = events;
    this.#maxConnections = app.options.maxConnections;
    this.#admission = new Admission(app, (error) => events.onError(error));
  }

  /** Requests that were begun since serving began. */
  get requestCount(): number {
    let count = this.services.requestCount;
    for (const connection of this.#connections) {
      count += connection.requestCount;
    }
    return count;
  }

  /** Connections at this moment. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Begins to accept from a listener. */
  acceptFrom(listener: Listener): void {
    const acceptor = new Acceptor(listener, this);
    this.#acceptors.push(acceptor);
    acceptor.run().catch((error) => this.fail(error));
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
    this.services.isStopping = true;
    for (const connection of this.#connections) connection.announceEnd();
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
    for (const connection of this.#connections) connection.fail(this.#cut);
  }

  /** Ends serving with an error: no more is accepted, running requests finish. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#events.onError(error);
    this.stop();
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
    return this.#connections.size + this.#inPassage >= this.#maxConnections;
  }

  /** See {@linkcode AcceptorOwner.admit}. */
  admit(conn: Duplex): void {
    this.#admit(conn, null);
  }

  /** See {@linkcode AcceptorOwner.acceptFailed}. */
  async acceptFailed(error: Error): Promise<boolean> {
    this.#events.onError(error);
    const action = await this.#admission.tellFailure(error);
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
    const acceptors = this.#acceptors;
    await Promise.all(acceptors.map((acceptor) => acceptor.closeGently()));
    if (this.#cut === null) {
      // requests of those who came last, by whichever listener
      await Promise.all(acceptors.map((acceptor) => acceptor.settled()));
    }
    this.#isSettled = true;
    for (const connection of this.#connections) connection.stop();
  }

  #admit(duplex: Duplex, onClosed: (() => void) | null): void {
    const action = this.#admission.letIn(duplex);
    if (!(action instanceof Promise)) {
      this.#enter(duplex, action, onClosed);
      return;
    }
    this.#inPassage++;
    action.then((settled) => {
      this.#inPassage--;
      this.#enter(duplex, settled, onClosed);
    }).catch((error) => this.fail(error));
  }

  #enter(
    duplex: Duplex,
    action: ConnectionSetupAction,
    onClosed: (() => void) | null,
  ): void {
    const { kind, conn: served, options } = action;
    const isForeign = onClosed !== null || served !== duplex;
    const transport = kind === "proceed" && served !== null
      ? this.#maybeTransport(served, options, isForeign)
      : null;
    if (transport === null) {
      closeQuietly(duplex);
      onClosed?.();
      if (kind === "stopAccepting") this.#stopAccepting();
      this.#passed();
      return;
    }
    if (onClosed !== null) this.#onClosed.set(transport, onClosed);
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

  /** Makes a connection's transport; `null` if the setup hook gave no duplex. */
  #maybeTransport(
    duplex: Duplex,
    options: ProceedOptions,
    isForeign: boolean,
  ): ServedTransport | null {
    try {
      return this.#carry({
        services: this.services,
        duplex,
        isForeign: isForeign || isPatched(duplex),
        options,
        owner: this,
      });
    } catch (error) {
      this.#events.onError(error);
      return null;
    }
  }

  /** See {@linkcode TransportOwner.transportClosed}. */
  transportClosed(transport: ServedTransport, error: Error | undefined): void {
    const onClosed = this.#onClosed.get(transport);
    this.#onClosed.delete(transport);
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
    const isBusy = this.#connections.size > 0 || this.#inPassage > 0;
    if (!this.#isStopping || isBusy || this.#isFinished) return;
    this.#isFinished = true;
    this.#events.onFinished(this.#failure);
  }
}

function carryDuplex(init: TransportInit): ServedTransport {
  return new DuplexTransport(init);
}

/** Whether somebody put functions of his own in front of a connection's. */
function isPatched(duplex: Duplex): boolean {
  return Object.hasOwn(duplex, "read") || Object.hasOwn(duplex, "write") ||
    Object.hasOwn(duplex, "closeWrite");
}
