/**
 * The connections to one origin: the idle ones, how many there may be, and who
 * waits for one.
 */

import { connect } from "./connect.ts";
import { ClientConnection } from "./connection.ts";
import { ClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import type { Origin } from "./origin.ts";
import type { Watch } from "./watch.ts";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** One origin's connections. */
export class Pool {
  readonly origin: Origin;
  #options: ClientOptions;
  #watch: Watch;
  #idle: ClientConnection[] = [];
  #open: Set<ClientConnection> = new Set();
  #connecting = 0;
  #waiters: Waiter[] = [];
  #closing = new AbortController();

  /** Creates an empty pool. */
  constructor(origin: Origin, options: ClientOptions, watch: Watch) {
    this.origin = origin;
    this.#options = options;
    this.#watch = watch;
  }

  /** Connections at this moment. */
  get size(): number {
    return this.#open.size + this.#connecting;
  }

  /**
   * Gives a connection: the idle one that was used last, a new one, or the
   * next that becomes free.
   *
   * @param isFresh Whether it must be a new one.
   * @throws {ClientError} If none can be made, or the client is closed.
   */
  async acquire(
    isFresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ClientConnection> {
    for (;;) {
      this.#closing.signal.throwIfAborted();
      if (signal?.aborted === true) {
        this.#wakeNext(); // a turn that this waiter cannot use
        throw signal.reason;
      }
      const idle = isFresh ? undefined : this.#takeIdle();
      if (idle !== undefined) return idle;
      if (isFresh && this.size >= this.#options.maxConnections) {
        this.#dropIdle();
      }
      if (this.size < this.#options.maxConnections) {
        return await this.#make(signal);
      }
      await this.#wait(signal);
    }
  }

  /** An exchange is over: the connection is idle or closed. */
  released(connection: ClientConnection): void {
    if (!connection.isClosed) this.#idle.push(connection);
    this.#wakeNext();
  }

  /** Closes all connections, and turns away who waits. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(closedError("connect"));
    for (const connection of [...this.#open]) {
      connection.close(closedError("read"));
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(this.#closing.signal.reason);
  }

  #takeIdle(): ClientConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || connection.isUsable) return connection;
      connection.close();
    }
  }

  /** Makes room for a new connection at the cost of the one that was idle longest. */
  #dropIdle(): void {
    this.#idle.shift()?.close();
  }

  async #make(signal: AbortSignal | undefined): Promise<ClientConnection> {
    this.#connecting++;
    const closing = this.#closing.signal;
    let conn: Deno.Conn;
    try {
      conn = await connect(
        this.origin,
        this.#options,
        signal === undefined ? closing : AbortSignal.any([signal, closing]),
      );
    } catch (error) {
      this.#connecting--;
      this.#wakeNext();
      throw error;
    }
    this.#connecting--;
    if (closing.aborted) {
      conn.close();
      throw closing.reason;
    }
    const connection = new ClientConnection(
      conn,
      this.#options,
      this.#watch,
      (closed) => this.#closed(closed),
    );
    this.#open.add(connection);
    return connection;
  }

  #closed(connection: ClientConnection): void {
    this.#open.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    this.#wakeNext();
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { resolve, reject };
    const abort = (): void => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiters.push(waiter);
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #wakeNext(): void {
    this.#waiters.shift()?.resolve();
  }
}

/** What is sent already may have been processed. */
function closedError(phase: "connect" | "read"): ClientError {
  const what = phase === "connect" ? "send request" : "read response";
  return new ClientError(`Cannot ${what}: the client was closed`, {
    phase,
    code: "CLIENT_CLOSED",
    retryable: phase === "connect",
  });
}
