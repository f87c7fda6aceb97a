/**
 * The default engine: `Deno.listen` and `TcpConn`, with nothing but the
 * permission to use the network. It accepts, moves bytes and counts
 * connections; what they mean is the connection machine's affair.
 */

import { Admission } from "../admission.ts";
import type { Application } from "../application.ts";
import type { ListenAddress } from "../address.ts";
import { type Clock, SYSTEM_CLOCK } from "../deadlines.ts";
import type { ConnectionSetupAction } from "../hooks.ts";
import { Services } from "../services.ts";
import { toError } from "../to_error.ts";
import type { TlsIdentity } from "../tls.ts";
import type { Duplex } from "../transport.ts";
import { DuplexTransport } from "./duplex_transport.ts";

/** Wait after a failed accept, in ms: it doubles from the first to the second. */
const MIN_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 1000;

/** Failures that pass: no descriptor or memory left, or a peer that left the queue. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "ECONNABORTED",
  "ECONNRESET",
  "EINTR",
  "EPROTO",
  "EPERM",
]);

/** What an engine tells its owner. */
export interface EngineEvents {
  /** Serving is over: no listener, no connection. */
  onFinished(error: unknown): void;
  /** A hook threw, or an accept failed. */
  onError(error: unknown): void;
}

/** Serves an application on listeners of the runtime. */
export class ListenEngine {
  #services: Services;
  #admission: Admission;
  #events: EngineEvents;
  #listeners: Deno.Listener[] = [];
  #transports: Set<DuplexTransport> = new Set();
  #maxConnections: number;
  /** Connections that are being set up or torn down. */
  #inPassage = 0;
  #isStopping = false;
  #isFinished = false;
  #failure: unknown = null;
  #waiting: Set<() => void> = new Set();

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
    this.#listeners.push(listener);
    this.#accept(listener).catch((error) => this.#fail(error));
    return listener.addr;
  }

  /** Serves one connection that was accepted elsewhere; resolves when it ended. */
  handle(duplex: Duplex): Promise<void> {
    return new Promise((resolve) => this.#admit(duplex, resolve));
  }

  /** Accepts no more; idle connections close, running requests finish. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#services.isStopping = true;
    for (const listener of this.#listeners) closeListener(listener);
    for (const wake of this.#waiting) wake();
    for (const { connection } of this.#transports) connection.stop();
    this.#finishIfDone();
  }

  /** Ends everything at once. */
  closeNow(): void {
    this.stop();
    const error = new DOMException("The server was closed", "AbortError");
    for (const { connection } of this.#transports) connection.fail(error);
  }

  /** Lets the process live as long as the listeners do, or not. */
  setRef(isRef: boolean): void {
    for (const listener of this.#listeners) {
      if (isRef) listener.ref();
      else listener.unref();
    }
  }

  async #accept(listener: Deno.Listener): Promise<void> {
    let backoffMs = MIN_BACKOFF_MS;
    while (!this.#isStopping) {
      if (this.#transports.size + this.#inPassage >= this.#maxConnections) {
        await this.#pause(null);
        continue;
      }
      let conn: Deno.Conn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (this.#isStopping) return;
        const action = await this.#admission.setUp({
          ok: false,
          error: toError(error),
        });
        if (action.kind === "stopAccepting") return this.stop();
        if (!isTransient(error)) throw error;
        await this.#pause(backoffMs);
        backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
        continue;
      }
      backoffMs = MIN_BACKOFF_MS;
      setNoDelay(conn);
      this.#admit(conn, null);
    }
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
      if (action.kind === "stopAccepting") this.stop();
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
    transport.start();
    if (this.#isStopping) transport.connection.stop();
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
    for (const wake of this.#waiting) wake();
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

  /** Waits for that long, for room, or for the end. */
  async #pause(durationMs: number | null): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wake = (): void => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      if (durationMs !== null) timer = setTimeout(resolve, durationMs);
    });
    this.#waiting.delete(wake);
    clearTimeout(timer);
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

/** Answers are whole writes, so that waiting for more of them only delays. */
function setNoDelay(conn: Deno.Conn): void {
  if (!("setNoDelay" in conn)) return;
  try {
    (conn as Deno.TcpConn).setNoDelay(true); // only TCP has it
  } catch {
    // The peer has left already; the first read will say so.
  }
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return TRANSIENT_CODES.has(code) ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.Interrupted;
}

function closeListener(listener: Deno.Listener): void {
  try {
    listener.close();
  } catch {
    // It was closed from elsewhere, which is what is wanted.
  }
}

function closeQuietly(duplex: Duplex): void {
  try {
    duplex.close();
  } catch {
    // The hook has closed it already.
  }
}
