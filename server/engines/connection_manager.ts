/**
 * Serves an application on one engine: accepts connections, runs their hooks,
 * counts them, and finishes when the last one is gone. The engine's transports
 * move the bytes; the connection machine interprets them.
 */

import type { Addr } from "../../codec/socket_address.ts";
import type { ListenAddress } from "../address.ts";
import type { Clock } from "../connection/connections.ts";
import { Connection } from "../connection/connection.ts";
import type { ServedConnection } from "../connection/connections.ts";
import { EngineContext } from "../connection/engine_context.ts";
import type { ConnectionMachine, Transport } from "../connection/transport.ts";
import type { Duplex } from "../duplex.ts";
import {
  type Application,
  ConnectionSetupAction,
  type ProceedOptions,
} from "../hooks.ts";
import { errorReporter } from "../error_reporter.ts";
import type { Report } from "../failure_report.ts";
import {
  IDLE_GRACE_MS,
  type Serving,
  type StopTimes,
} from "../server_handle.ts";
import { isPeerFailure } from "./accept_failure.ts";
import { AcceptLoop, type AcceptLoopOwner } from "./accept_loop.ts";
import { closeQuietly } from "./close_quietly.ts";
import { openRuntimeDescriptors } from "./shortage.ts";
import { ConnectionHooks } from "./connection_hooks.ts";
import { EarliestTimer } from "./earliest_timer.ts";
import type { Engine } from "./engine.ts";
import type { Listener } from "./listener.ts";
import type { ProxyHeaders, ProxyHeadersInit } from "./proxy_headers.ts";
import { SYSTEM_CLOCK } from "./system_clock.ts";
import type { ServedTransport, TransportOwner } from "./transport.ts";

/** Settings of a {@linkcode ConnectionManager}. */
export interface ConnectionManagerOptions {
  /** Called with what a hook throws, and with failures of accept or of the engine. */
  readonly onError: Report;
  /** The time source of deadlines and the `Date` field. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
}

/**
 * How long before the end of a delay new connections are kept open again, in ms;
 * at most a quarter of the delay. While each response closes its connection,
 * clients connect for each request, and some would be in the queue of a listener
 * of the runtime when it closes. In this time, they fill their pools instead.
 */
const CALM_MS = 250;

/**
 * How long a listener of the runtime waits for a last connection after a delay,
 * in ms: once it has accepted one, it can close without losing others. Without
 * a delay it does not wait: the caller wants the end now.
 */
const CLOSING_PATIENCE_MS = 100;

/** See the file's header. */
export class ConnectionManager
  implements Serving, AcceptLoopOwner, TransportOwner {
  /** What the connections share. */
  readonly context: EngineContext;
  /** See {@linkcode Serving.addrs}. */
  readonly addrs: Addr[] = [];
  #engine: Engine;
  #hooks: ConnectionHooks;
  /** Reads the PROXY headers that connections begin with; `null` if they begin without. */
  #proxyHeaders: Promise<ProxyHeaders> | null;
  #onError: (error: unknown) => void;
  #acceptLoops: AcceptLoop[] = [];
  /** The addresses to listen on, each with {@linkcode ConnectionManager.#socketCount} sockets. */
  #addresses: readonly ListenAddress[] = [];
  #socketCount = 1;
  /** All open connections; they add and remove themselves. */
  #connections: ReadonlySet<ServedConnection>;
  /** Callbacks of {@linkcode ConnectionManager.handle}, by transport. */
  #onClosed: Map<ServedTransport, () => void> = new Map();
  #maxConnections: number;
  /** How many setup and teardown hooks and steps of `stop()` are in progress. */
  #pendingHooks = 0;
  #isDraining = false;
  /** Whether the listeners have been told to close. */
  #isStopping = false;
  /** Whether a listener may still accept. */
  #isListening = true;
  /** Whether idle connections have been told to close. */
  #isSettled = false;
  /** Ends the delay of `stop()`, in which serving continues. */
  #delay: EarliestTimer;
  /** Begins the calm before the end of the delay. */
  #calm: EarliestTimer;
  /** Ends the grace of idle connections. */
  #grace: EarliestTimer;
  /** The shortest grace that was asked for, in ms. */
  #graceMs = Infinity;
  /** The error that connections fail with after `closeNow()`. */
  #cut: DOMException | null = null;
  /** See {@linkcode CLOSING_PATIENCE_MS}. */
  #patienceMs = 0;
  /** Resolves when no other thread of the server listens; `null` if this is the only one. */
  #othersClosed: (() => Promise<void>) | null = null;
  #isFinished = false;
  #failure: unknown = null;
  #finished: PromiseWithResolvers<void> = Promise.withResolvers();

  /** Creates a manager that listens on no address, and starts the engine. */
  constructor(
    app: Application,
    engine: Engine,
    { onError, clock = SYSTEM_CLOCK }: ConnectionManagerOptions,
  ) {
    this.#engine = engine;
    this.#onError = onError;
    this.context = new EngineContext(
      app,
      clock,
      app.tls !== null,
      onError,
    );
    this.#connections = this.context.connections.members;
    this.#delay = new EarliestTimer(clock, () => this.#stopListening());
    this.#calm = new EarliestTimer(clock, () => {
      this.context.announcesEnd = false;
    });
    this.#grace = new EarliestTimer(clock, () => this.#settle());
    this.#maxConnections = app.options.maxConnections;
    this.#hooks = new ConnectionHooks(app, onError);
    const { proxies, options } = app;
    this.#proxyHeaders = proxies === null ? null : loadProxyHeaders({
      trusted: proxies,
      timeoutMs: options.headerTimeout,
      clock,
      onError,
    });
    openRuntimeDescriptors();
    engine.start((error) => {
      this.#fail(error);
      this.closeNow();
    });
  }

  /** See {@linkcode Serving.finished}. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** See {@linkcode Serving.isDraining}. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Whether it accepts no more. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** See {@linkcode Serving.requestCount}. */
  get requestCount(): number {
    let count = this.context.requestCount;
    for (const connection of this.#connections) {
      count += connection.requestCount;
    }
    return count;
  }

  /** See {@linkcode Serving.connectionCount}. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /**
   * Listens on all addresses and starts to accept.
   *
   * @throws {Error} If an address cannot be bound. The others are then
   * released, and serving ends.
   */
  listen(addresses: readonly ListenAddress[]): void {
    this.#addresses = addresses;
    try {
      addresses.forEach((address, index) => {
        this.acceptFrom(this.#engine.bind(address, index));
      });
    } catch (error) {
      this.closeNow();
      throw error;
    }
  }

  /**
   * Opens more sockets until each address has `socketCount`. The addresses must be
   * shared. If that fails, the error is reported and serving goes on.
   */
  listenWith(socketCount: number): void {
    try {
      for (; this.#socketCount < socketCount; this.#socketCount++) {
        if (this.#isStopping) return;
        this.#addresses.forEach((address, index) => {
          this.#accept(this.#engine.bind(address, index));
        });
      }
    } catch (error) {
      this.#onError(error);
    }
  }

  /**
   * Delays announcing the end until no other thread of the server listens: a
   * client that reads `Connection: close` would connect to one of them, which
   * is about to close as well.
   */
  announceAfter(othersClosed: () => Promise<void>): void {
    this.#othersClosed = othersClosed;
  }

  /** Starts to accept from a listener. */
  acceptFrom(listener: Listener): void {
    this.addrs.push(listener.addr);
    this.#accept(listener);
  }

  #accept(listener: Listener): void {
    const acceptLoop = new AcceptLoop(listener, this);
    this.#acceptLoops.push(acceptLoop);
    acceptLoop.run().catch((error) => this.#fail(error));
  }

  /** Serves a connection that the caller has accepted; resolves after its teardown hook. */
  handle(duplex: Duplex): Promise<void> {
    return new Promise((resolve) => {
      const headers = this.#proxyHeaders;
      if (headers === null) this.#admit(duplex, resolve);
      else this.#admitProxied(headers, duplex, null, resolve);
    });
  }

  /**
   * See {@linkcode Serving.stop}. The listeners close before the end is announced:
   * a client that reads `Connection: close` connects again, and a listener that
   * closes resets the connections in its queue.
   */
  stop({ delayMs, graceMs }: StopTimes = { delayMs: 0, graceMs: 0 }): void {
    this.#graceMs = Math.min(this.#graceMs, graceMs);
    if (delayMs > 0) {
      this.#patienceMs = CLOSING_PATIENCE_MS;
      if (!this.#isDraining) this.#announceEnd();
      this.#calm.set(delayMs - Math.min(CALM_MS, delayMs / 4));
    }
    this.#isDraining = true;
    this.#delay.set(delayMs);
    if (!this.#isListening) this.#grace.set(graceMs);
  }

  /** See {@linkcode Serving.closeNow}. */
  closeNow(): void {
    for (const acceptLoop of this.#acceptLoops) acceptLoop.close();
    this.#cut ??= new DOMException("The server was closed", "AbortError");
    this.stop();
    this.#cutProxyHeaders();
    for (const connection of this.#connections) connection.fail(this.#cut);
  }

  /** See {@linkcode Serving.setRef}. */
  setRef(isRef: boolean): void {
    for (const acceptLoop of this.#acceptLoops) acceptLoop.setRef(isRef);
  }

  /** See {@linkcode AcceptLoopOwner.isFull}. */
  get isFull(): boolean {
    return this.#connections.size + this.#pendingHooks >= this.#maxConnections;
  }

  /** See {@linkcode AcceptLoopOwner.admit}. */
  admit(conn: Duplex, listener: Listener): void {
    const headers = this.#proxyHeaders;
    if (headers === null) this.#admit(conn, null);
    else this.#admitProxied(headers, conn, listener, null);
  }

  /** See {@linkcode AcceptLoopOwner.acceptFailed}. */
  async acceptFailed(error: Error): Promise<boolean> {
    if (!isPeerFailure(error)) this.#onError(error);
    const action = await this.#hooks.setUpFailed(error);
    if (action !== ConnectionSetupAction.stopAccepting) return true;
    this.#stopAccepting();
    return false;
  }

  /** See {@linkcode TransportOwner.hasTeardownHook}. */
  get hasTeardownHook(): boolean {
    return this.#hooks.hasTearDown;
  }

  /** See {@linkcode TransportOwner.connect}. */
  connect(transport: Transport, options: ProceedOptions): ConnectionMachine {
    return new Connection(this.context, transport, options);
  }

  /** See {@linkcode TransportOwner.transportClosed}. */
  transportClosed(transport: ServedTransport, error: Error | undefined): void {
    if (this.#connections.size === 0) this.context.texts.clear();
    const onClosed = this.#onClosed.get(transport);
    this.#onClosed.delete(transport);
    this.#pendingHooks++;
    this.#hooks.tearDown(transport.duplex, error).then(() => {
      this.#pendingHooks--;
      onClosed?.();
      this.#onSlotFreed();
    });
  }

  /** Ends serving with an error: accepts no more, closes idle connections, and lets running requests finish. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#onError(error);
    this.stop();
  }

  /** Ends serving because the setup hook asked for it; queued connections are not accepted. */
  #stopAccepting(): void {
    for (const acceptLoop of this.#acceptLoops) acceptLoop.close();
    this.stop({ delayMs: 0, graceMs: IDLE_GRACE_MS });
  }

  /** The next response on each connection says that it closes. */
  #announceEnd(): void {
    this.context.announcesEnd = true;
    for (const connection of this.#connections) connection.announceEnd();
  }

  /** Closes the listeners, with the connections in their queues accepted; then idle connections have their grace. */
  async #stopListening(): Promise<void> {
    this.#isStopping = true;
    this.#calm.set(0);
    this.#pendingHooks++;
    await Promise.all(
      this.#acceptLoops.map((acceptLoop) =>
        acceptLoop.closeGently(this.#patienceMs)
      ),
    );
    if (this.#othersClosed !== null) await this.#othersClosed();
    this.#announceEnd();
    this.#isListening = false;
    this.#grace.set(this.#graceMs);
    this.#pendingHooks--;
    this.#onSlotFreed();
  }

  /** Closes idle connections, after the requests that have already arrived. */
  async #settle(): Promise<void> {
    this.#pendingHooks++;
    if (this.#cut === null) {
      await Promise.all(
        this.#acceptLoops.map((acceptLoop) => acceptLoop.settled()),
      );
    }
    this.#isSettled = true;
    this.#cutProxyHeaders();
    for (const connection of this.#connections) connection.stop();
    this.#pendingHooks--;
    this.#onSlotFreed();
  }

  #cutProxyHeaders(): void {
    this.#proxyHeaders?.then((headers) => headers.cut(), () => {
      // Without them, no connection is served; see `#admitProxied`.
    });
  }

  /** Admits a connection after its PROXY header. */
  #admitProxied(
    headers: Promise<ProxyHeaders>,
    duplex: Duplex,
    listener: Listener | null,
    onClosed: (() => void) | null,
  ): void {
    this.#pendingHooks++;
    headers.then((loaded) => loaded.receive(duplex)).then((isServed) => {
      this.#pendingHooks--;
      if (isServed) {
        this.#admit(listener?.secure?.(duplex) ?? duplex, onClosed);
        return;
      }
      onClosed?.();
      this.#onSlotFreed();
    }).catch((error) => this.#fail(error));
  }

  #admit(duplex: Duplex, onClosed: (() => void) | null): void {
    const action = this.#hooks.setUp(duplex);
    if (!(action instanceof Promise)) {
      this.#enter(duplex, action, onClosed);
      return;
    }
    this.#pendingHooks++;
    action.then((resolved) => {
      this.#pendingHooks--;
      this.#enter(duplex, resolved, onClosed);
    }).catch((error) => this.#fail(error));
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
      transport.connection.fail(this.#cut); // `closeNow()` was called during its setup
      return;
    }
    transport.start();
    if (this.#isSettled) this.#stopSoon(transport.connection);
  }

  /**
   * Stops a connection whose setup ended after `#settle`. It waits for one
   * turn, since the connection's first request may have arrived already.
   */
  #stopSoon(connection: ServedConnection): void {
    this.#pendingHooks++;
    setTimeout(() => {
      connection.stop();
      this.#pendingHooks--;
      this.#onSlotFreed();
    }, 0);
  }

  /** Creates a connection's transport; `null` if the setup hook returned an unusable duplex. */
  #maybeTransport(
    duplex: Duplex,
    options: ProceedOptions,
    isUntrusted: boolean,
  ): ServedTransport | null {
    try {
      return this.#engine.carry({
        context: this.context,
        duplex,
        isUntrusted: isUntrusted || isPatched(duplex),
        options,
        owner: this,
      });
    } catch (error) {
      this.#onError(error);
      return null;
    }
  }

  /**
   * Called when a connection or a hook has ended: resumes paused accept loops,
   * and finishes if serving ends and nothing is left.
   */
  #onSlotFreed(): void {
    for (const acceptLoop of this.#acceptLoops) acceptLoop.wake();
    const isBusy = this.#connections.size > 0 || this.#pendingHooks > 0;
    if (!this.#isStopping || isBusy || this.#isFinished) return;
    if (!this.#isSettled) return this.#grace.set(0); // no connection needs it
    this.#isFinished = true;
    this.#finish();
  }

  async #finish(): Promise<void> {
    try {
      await this.#engine.close();
    } catch (error) {
      this.#failure ??= error;
    }
    if (this.#failure === null) this.#finished.resolve();
    else this.#finished.reject(this.#failure);
  }
}

/**
 * Serves an application on addresses.
 *
 * @throws {Error} If an address cannot be bound; no address stays bound then.
 */
export function startServing(
  app: Application,
  engine: Engine,
  addresses: readonly ListenAddress[],
  onError: Report | undefined,
): ConnectionManager {
  const manager = new ConnectionManager(app, engine, {
    onError: errorReporter(onError),
  });
  manager.listen(addresses);
  return manager;
}

/** Serves an application without an address, for connections that the program has accepted. */
export function startHandling(
  app: Application,
  engine: Engine,
): ConnectionManager {
  const manager = new ConnectionManager(app, engine, {
    onError: errorReporter(),
  });
  manager.finished.catch(() => {}); // `onError` has reported it
  return manager;
}

/** Loads the code for PROXY headers, which most programs do not use. */
async function loadProxyHeaders(init: ProxyHeadersInit): Promise<ProxyHeaders> {
  const { ProxyHeaders } = await import("./proxy_headers.ts");
  return new ProxyHeaders(init);
}

/** Whether the application has replaced methods of a connection. */
function isPatched(duplex: Duplex): boolean {
  return Object.hasOwn(duplex, "read") || Object.hasOwn(duplex, "write") ||
    Object.hasOwn(duplex, "closeWrite");
}
