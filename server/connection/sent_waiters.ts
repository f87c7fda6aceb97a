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
  /** How many bytes had been sent when it failed. */
  #sentAtFailure = 0;

  /** Resolves when `position` bytes were sent; rejects when they cannot be. */
  wait(position: number, sentBytes: number): Promise<void> {
    const failure = this.#failure;
    const sent = failure === null ? sentBytes : this.#sentAtFailure;
    if (sent >= position) return Promise.resolve();
    if (failure !== null) return Promise.reject(failure);
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

  /** Says that nothing more can be sent than the bytes that were. */
  fail(reason: Error, sentBytes: number): void {
    this.#failure = reason;
    this.#sentAtFailure = sentBytes;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(reason);
  }
}
