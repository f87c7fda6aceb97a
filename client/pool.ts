/**
 * The connections to one origin: which are idle, how many may exist, and which
 * exchanges wait for one.
 */

import type { ClientConn } from "./client_conn.ts";
import { ClientConnection, type ConnectionContext } from "./connection.ts";
import type { BudgetedPool, ConnectionBudget } from "./connection_budget.ts";
import { ClientError } from "./errors.ts";
import { IdleUnref } from "./idle_unref.ts";
import type { Origin } from "./origin.ts";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A connection that was idle for less than this, in ms, counts as in constant use. */
const SHORT_IDLE_MS = 1;

/** One origin's connections. */
export class Pool implements BudgetedPool {
  readonly origin: Origin;
  #context: ConnectionContext;
  #idle: ClientConnection[] = [];
  #open: Set<ClientConnection> = new Set();
  #connecting = 0;
  #waiters: Waiter[] = [];
  #closing = new AbortController();
  #idleUnref: IdleUnref;
  #turn: Promise<void> | null = null;

  /** Creates an empty pool. */
  constructor(origin: Origin, context: ConnectionContext) {
    this.origin = origin;
    this.#context = context;
    this.#idleUnref = new IdleUnref(context.clock);
  }

  /** Connections that are open or being opened. */
  get size(): number {
    return this.#open.size + this.#connecting;
  }

  /** Whether no exchange uses it or waits for it. */
  get isIdle(): boolean {
    return this.#idle.length === this.size && this.#waiters.length === 0;
  }

  /** See {@linkcode BudgetedPool.longestIdleMs}. */
  get longestIdleMs(): number {
    return this.#idle[0]?.idleMs ?? -1;
  }

  /** Closes all connections that are idle. */
  closeIdle(): void {
    while (this.#idle.length > 0) this.closeOldestIdle();
  }

  /**
   * Returns a connection: the idle one that was used last, a new one, or the
   * next that becomes free.
   *
   * @param isFresh Whether it must be a new one.
   * @throws {ClientError} If none can be made, or the client is closed.
   * @throws {unknown} The reason of the signal, if that is aborted.
   */
  async acquire(
    isFresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ClientConnection> {
    const { maxConnections } = this.#context.options;
    for (;;) {
      this.#closing.signal.throwIfAborted();
      if (signal?.aborted === true) {
        this.#wakeNext(); // this exchange was woken but cannot use the connection
        throw signal.reason;
      }
      const idle = isFresh ? null : this.#takeIdle();
      if (idle !== null) return idle;
      if (isFresh && this.size >= maxConnections) this.closeOldestIdle();
      if (this.size < maxConnections) return await this.#connect(signal);
      await this.#wait(signal);
    }
  }

  /** Returns the idle connection that was used last, or `null` if there is none or the signal is aborted. */
  maybeIdle(signal: AbortSignal | undefined): ClientConnection | null {
    return signal?.aborted === true ? null : this.#takeIdle();
  }

  /**
   * As {@linkcode Pool.acquire}, for a request that must not be sent twice.
   * Before such a request reuses a connection, it waits until the runtime has
   * polled its sockets. So the client notices if the server has closed the
   * connection or sent unexpected bytes.
   *
   * The runtime always polls sockets when it sleeps. So the request waits for a
   * timer, which takes a millisecond, and then for one more turn, since the
   * runtime calls timers before it delivers what it polled. With the timer,
   * requests in a row would take several times as long. After a shorter idle
   * time, they wait for the turn only: sockets are nearly always polled before it.
   */
  async acquireChecked(
    isFresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ClientConnection> {
    for (;;) {
      const connection = (isFresh ? null : this.maybeIdle(signal)) ??
        await this.acquire(isFresh, signal);
      if (!connection.isReused) return connection;
      if (connection.idleMs >= SHORT_IDLE_MS) {
        await new Promise<void>((resolve) => {
          this.#context.clock.after(0, resolve);
        });
      }
      await this.#nextTurn();
      if (connection.claim()) return connection;
      connection.close();
    }
  }

  /** Resolves at the end of the current turn of the event loop, for all requests at once. */
  #nextTurn(): Promise<void> {
    return this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = null;
        resolve();
      });
    });
  }

  /** An exchange is over; its connection is idle or closed. */
  released(connection: ClientConnection): void {
    if (!connection.isClosed) {
      this.#idle.push(connection);
      this.#idleUnref.add(connection);
    }
    this.#wakeNext();
    const { budget } = this.#context;
    if (budget !== null && budget.isContended) this.#yieldTo(budget);
  }

  /** Closes all connections and rejects all waiting exchanges. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(closedError("connect"));
    this.#idleUnref.stop();
    for (const connection of [...this.#open]) {
      connection.close(closedError("read"));
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(this.#closing.signal.reason);
  }

  #takeIdle(): ClientConnection | null {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return null;
      if (connection.claim()) return connection;
      connection.close();
    }
  }

  /** Makes room for a new connection. */
  closeOldestIdle(): void {
    this.#idle.shift()?.close();
  }

  /** Closes an idle connection for an exchange of another origin, unless one of this origin takes it. */
  #yieldTo(budget: ConnectionBudget): void {
    queueMicrotask(() => {
      if (budget.isContended) this.closeOldestIdle();
    });
  }

  async #connect(signal: AbortSignal | undefined): Promise<ClientConnection> {
    this.#connecting++;
    const closing = this.#closing.signal;
    const ends = signal === undefined
      ? closing
      : AbortSignal.any([signal, closing]);
    const { budget, connector } = this.#context;
    let conn: ClientConn;
    let isTaken = false;
    try {
      if (budget !== null) {
        await budget.take(ends);
        budget.add(this);
        isTaken = true;
      }
      conn = await connector.connect(this.origin, ends);
    } catch (error) {
      this.#connecting--;
      if (isTaken) this.#giveBack();
      this.#wakeNext();
      throw error;
    }
    this.#connecting--;
    if (closing.aborted) {
      this.#giveBack();
      conn.close();
      throw closing.reason;
    }
    const connection = new ClientConnection(
      conn,
      this.#context,
      (closed) => this.#closed(closed),
    );
    this.#open.add(connection);
    return connection;
  }

  /** Gives a connection back to the budget of an agent. */
  #giveBack(): void {
    const { budget } = this.#context;
    if (this.size === 0) budget?.remove(this);
    budget?.give();
  }

  #closed(connection: ClientConnection): void {
    this.#open.delete(connection);
    if (this.#open.size === 0) this.#idleUnref.stop();
    this.#giveBack();
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

/** Only an exchange that was still waiting for a connection has certainly sent nothing. */
function closedError(phase: "connect" | "read"): ClientError {
  const what = phase === "connect" ? "send request" : "read response";
  return new ClientError(`Cannot ${what}: the client was closed`, {
    phase,
    code: "CLIENT_CLOSED",
    retryable: phase === "connect",
  });
}
