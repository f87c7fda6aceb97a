/** Promises for the moment when a connection's output was sent up to some byte. */

interface SentWaiter {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Who waits for which byte; positions never go back. */
export class SentWaiters {
  #waiters: SentWaiter[] = [];
  #failure: Error | null = null;

  /** Resolves when `position` bytes were sent; rejects when they cannot be. */
  wait(position: number, sentBytes: number): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (sentBytes >= position) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ position, resolve, reject });
    });
  }

  /** Says how many bytes were sent. */
  settle(sentBytes: number): void {
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter(({ position }) => position <= sentBytes);
    this.#waiters = this.#waiters.filter(({ position }) =>
      position > sentBytes
    );
    for (const { resolve } of due) resolve();
  }

  /** Says that nothing more can be sent. */
  fail(reason: Error): void {
    this.#failure = reason;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(reason);
  }
}
