/**
 * How many connections the origins of an agent may have together. If there are
 * too many, an idle connection of any origin closes; if none is idle, an
 * exchange waits.
 */

/** A pool, as far as a budget needs it. */
export interface BudgetedPool {
  /** How long its oldest idle connection has been idle, in ms; -1 if none is idle. */
  readonly longestIdleMs: number;
  /** Closes the connection that has been idle for the longest time. */
  closeOldestIdle(): void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** The connections of one agent. */
export class ConnectionBudget {
  #maxConnections: number;
  #taken = 0;
  #waiters: Waiter[] = [];
  #pools: Set<BudgetedPool> = new Set();

  /** Creates a budget of which nothing is taken. */
  constructor(maxConnections: number) {
    this.#maxConnections = maxConnections;
  }

  /** Whether an exchange waits for a connection, so that none should stay idle. */
  get isContended(): boolean {
    return this.#waiters.length > 0;
  }

  /** Adds a pool that has connections, of which the idle ones may be closed. */
  add(pool: BudgetedPool): void {
    this.#pools.add(pool);
  }

  /** Removes a pool that has no connection. */
  remove(pool: BudgetedPool): void {
    this.#pools.delete(pool);
  }

  /**
   * Takes one connection, and waits for it if necessary.
   *
   * @throws {unknown} The reason of the signal, if that is aborted.
   */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken >= this.#maxConnections) this.#closeOldestIdle();
    if (this.#taken < this.#maxConnections) {
      this.#taken++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { resolve, reject };
    const abort = (): void => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#waiters.push(waiter);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Gives a connection back: it is closed, or was not opened. */
  give(): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#taken--;
    else waiter.resolve(); // which takes over the connection
  }

  #closeOldestIdle(): void {
    let oldest: BudgetedPool | null = null;
    let longestMs = -1;
    for (const pool of this.#pools) {
      const { longestIdleMs } = pool;
      if (longestIdleMs <= longestMs) continue;
      oldest = pool;
      longestMs = longestIdleMs;
    }
    oldest?.closeOldestIdle();
  }
}
