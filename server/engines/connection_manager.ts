/**
 * What all engines have in common: it takes in what listeners accept, counts
 * connections and sees them out, and ends when the last one is gone. Bytes are
 * moved by the transports; what they mean is the connection machine's affair.
 */

import { ConnectionHooks } from "./connection_hooks.ts";
import type { Application } from "../application.ts";
import type { Clock } from "../connection/clock.ts";
import type { ServedConnection } from "../connection/connections.ts";
import { ConnectionSetupAction, type ProceedOptions } from "../hooks.ts";
import { EngineContext } from "../connection/engine_context.ts";
import type { Duplex } from "../duplex.ts";
import {
  AcceptLoop,
  type AcceptLoopOwner,
  type Listener,
} from "./accept_loop.ts";
import { closeQuietly } from "./close_quietly.ts";
import { DuplexTransport } from "./duplex_transport.ts";
import { SYSTEM_CLOCK } from "./system_clock.ts";
import type {
  ServedTransport,
  TransportInit,
  TransportOwner,
} from "./transport.ts";

/** What an engine tells its owner. */
export interface ManagerEvents {
  /** Serving is over: no listener, no connection. */
  onFinished(error: unknown): void;
  /** A hook threw, or an accept failed. */
  onError(error: unknown): void;
}

/** How an engine differs from the others. */
export interface ManagerOptions {
  /** Where time comes from. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
  /** Makes a connection's transport. @default {reads and writes the duplex} */
  readonly carry?: (init: TransportInit) => ServedTransport;
}

/** Serves an application on listeners; see the file's header. */
export class ConnectionManager implements AcceptLoopOwner, TransportOwner {
  /** What its connections share. */
  readonly context: EngineContext;
  #hooks: ConnectionHooks;
  #events: ManagerEvents;
  #acceptLoops: AcceptLoop[] = [];
  /** All connections; they come and go by themselves. */
  #connections: ReadonlySet<ServedConnection>;
  #carry: (init: TransportInit) => ServedTransport;
  /** Those who handed a connection in and wait for its end. */
  #onClosed: Map<ServedTransport, () => void> = new Map();
  #maxConnections: number;
  /** Connections that are being set up or torn down. */
  #pendingHooks = 0;
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
    events: ManagerEvents,
    { clock = SYSTEM_CLOCK, carry = carryDuplex }: ManagerOptions = {},
  ) {
    this.#carry = carry;
    this.context = new EngineContext(app, clock, app.tls !== null);
    this.#connections = this.context.connections.members;
    this.#events = events;
    this.#maxConnections = app.options.maxConnections;
    this.#hooks = new ConnectionHooks(app, (error) => events.onError(error));
  }

  /** Requests that were begun since serving began. */
  get requestCount(): number {
    let count = this.context.requestCount;
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
    const acceptLoop = new AcceptLoop(listener, this);
    this.#acceptLoops.push(acceptLoop);
    acceptLoop.run().catch((error) => this.fail(error));
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
    this.context.isStopping = true;
    for (const connection of this.#connections) connection.announceEnd();
    this.#pendingHooks++;
    this.#settle().then(() => {
      this.#pendingHooks--;
      this.#onSlotFreed();
    });
  }

  /** Ends everything at once. */
  closeNow(): void {
    for (const acceptLoop of this.#acceptLoops) acceptLoop.close();
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
    for (const { listener } of this.#acceptLoops) {
      if (isRef) listener.ref();
      else listener.unref();
    }
  }

  /** See {@linkcode AcceptLoopOwner.isFull}. */
  get isFull(): boolean {
    return this.#connections.size + this.#pendingHooks >= this.#maxConnections;
  }

  /** See {@linkcode AcceptLoopOwner.admit}. */
  admit(conn: Duplex): void {
    this.#admit(conn, null);
  }

  /** See {@linkcode AcceptLoopOwner.acceptFailed}. */
  async acceptFailed(error: Error): Promise<boolean> {
    this.#events.onError(error);
    const action = await this.#hooks.setUpFailed(error);
    if (action !== ConnectionSetupAction.stopAccepting) return true;
    this.#stopAccepting();
    return false;
  }

  /** The setup hook wants no further connection, not even one that queues. */
  #stopAccepting(): void {
    for (const acceptLoop of this.#acceptLoops) acceptLoop.close();
    this.stop();
  }

  async #settle(): Promise<void> {
    const acceptLoops = this.#acceptLoops;
    await Promise.all(
      acceptLoops.map((acceptLoop) => acceptLoop.closeGently()),
    );
    if (this.#cut === null) {
      // requests of those who came last, by whichever listener
      await Promise.all(acceptLoops.map((acceptLoop) => acceptLoop.settled()));
    }
    this.#isSettled = true;
    for (const connection of this.#connections) connection.stop();
  }

  #admit(duplex: Duplex, onClosed: (() => void) | null): void {
    const action = this.#hooks.setUp(duplex);
    if (!(action instanceof Promise)) {
      this.#enter(duplex, action, onClosed);
      return;
    }
    this.#pendingHooks++;
    action.then((settled) => {
      this.#pendingHooks--;
      this.#enter(duplex, settled, onClosed);
    }).catch((error) => this.fail(error));
  }

  #enter(
    duplex: Duplex,
    action: ConnectionSetupAction,
    onClosed: (() => void) | null,
  ): void {
    const { kind, conn: served, options } = action;
    const isUntrusted = onClosed !== null || served !== duplex;
    const transport = kind === "proceed" && served !== null
      ? this.#maybeTransport(served, options, isUntrusted)
      : null;
    if (transport === null) {
      closeQuietly(duplex);
      onClosed?.();
      if (kind === "stopAccepting") this.#stopAccepting();
      this.#onSlotFreed();
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
    this.#pendingHooks++;
    setTimeout(() => {
      transport.connection.stop();
      this.#pendingHooks--;
      this.#onSlotFreed();
    }, 0);
  }

  /** Makes a connection's transport; `null` if the setup hook gave no duplex. */
  #maybeTransport(
    duplex: Duplex,
    options: ProceedOptions,
    isUntrusted: boolean,
  ): ServedTransport | null {
    try {
      return this.#carry({
        context: this.context,
        duplex,
        isUntrusted: isUntrusted || isPatched(duplex),
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
    this.#pendingHooks++;
    this.#hooks.tearDown(transport.duplex, error).then(() => {
      this.#pendingHooks--;
      onClosed?.();
      this.#onSlotFreed();
    });
  }

  /** There may be room for one more, or nothing left to wait for. */
  #onSlotFreed(): void {
    for (const acceptLoop of this.#acceptLoops) acceptLoop.wake();
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    const isBusy = this.#connections.size > 0 || this.#pendingHooks > 0;
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
