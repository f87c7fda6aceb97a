/**
 * Replaces `@std/testing/time` if its registry does not answer: the same names
 * and signatures, as far as the tests use them. `Date`, the timers and
 * `AbortSignal.timeout` follow a clock that the test moves; `performance` stays
 * real, as in the original.
 */

const real = {
  Date,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  timeout: AbortSignal.timeout,
};

interface Timer {
  due: number;
  readonly every: number | undefined;
  readonly call: () => void;
}

/** An invalid use of fake time. */
export class TimeError extends Error {
  override name = "TimeError";
}

/** Replaces the clock until `restore()`; one at a time. */
export class FakeTime {
  static #current: FakeTime | undefined;
  #now: number;
  #nextId = 1;
  readonly #timers = new Map<number, Timer>();
  readonly start: number;

  constructor(start?: number | string | Date | null) {
    FakeTime.#current?.restore();
    this.start = new real.Date(start ?? real.Date.now()).getTime();
    if (Number.isNaN(this.start)) {
      throw new TimeError(`Cannot start fake time at ${start}`);
    }
    this.#now = this.start;
    FakeTime.#current = this;
    this.#install();
  }

  get now(): number {
    return this.#now;
  }

  set now(value: number) {
    if (value < this.#now) throw new RangeError("Cannot move time backwards");
    let next = this.#first();
    while (next && next[1].due <= value) {
      const [id, timer] = next;
      this.#now = timer.due;
      this.#timers.delete(id);
      if (timer.every !== undefined) {
        this.#timers.set(id, { ...timer, due: timer.due + timer.every });
      }
      timer.call();
      next = this.#first();
    }
    this.#now = value;
  }

  tick(ms = 0): void {
    this.now += ms;
  }

  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.now += ms;
  }

  next(): boolean {
    const next = this.#first();
    if (next) this.now = next[1].due;
    return next !== undefined;
  }

  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  runAll(): void {
    while (this.next());
  }

  async runAllAsync(): Promise<void> {
    while (await this.nextAsync());
  }

  /** Waits in real time. */
  delay(ms: number): Promise<void> {
    return new Promise((resolve) => real.setTimeout(resolve, ms));
  }

  runMicrotasks(): Promise<void> {
    return this.delay(0);
  }

  restore(): void {
    if (FakeTime.#current !== this) throw new TimeError("Time is restored");
    FakeTime.#current = undefined;
    FakeTime.#uninstall();
  }

  [Symbol.dispose](): void {
    if (FakeTime.#current === this) this.restore();
  }

  static restore(): void {
    if (!FakeTime.#current) throw new TimeError("Time is restored");
    FakeTime.#current.restore();
  }

  static async restoreFor<T>(
    // deno-lint-ignore no-explicit-any -- the original's type
    callback: (...args: any[]) => Promise<T> | T,
    // deno-lint-ignore no-explicit-any -- the original's type
    ...args: any[]
  ): Promise<T> {
    const time = FakeTime.#current;
    if (!time) throw new TimeError("Time is restored");
    FakeTime.#uninstall();
    try {
      return await callback(...args);
    } finally {
      time.#install();
    }
  }

  /** The timer that is due first; among equals, the one that was set first. */
  #first(): [number, Timer] | undefined {
    let first: [number, Timer] | undefined;
    for (const entry of this.#timers) {
      if (!first || entry[1].due < first[1].due) first = entry;
    }
    return first;
  }

  #install(): void {
    const clock = (): number => this.#now;
    const add = (call: () => void, ms: number, repeats: boolean): number => {
      const delay = Math.max(repeats ? 1 : 0, Math.floor(ms) || 0);
      const id = this.#nextId++;
      const every = repeats ? delay : undefined;
      this.#timers.set(id, { due: this.#now + delay, every, call });
      return id;
    };
    const clear = (id?: number): void => void this.#timers.delete(id ?? 0);
    Object.assign(globalThis, {
      Date: class extends real.Date {
        constructor(...args: [] | [number]) {
          super(...(args.length === 0 ? [clock()] as const : args));
        }
        static override now(): number {
          return clock();
        }
      },
      setTimeout: (f: (...a: unknown[]) => void, ms = 0, ...a: unknown[]) =>
        add(() => f(...a), ms, false),
      setInterval: (f: (...a: unknown[]) => void, ms = 0, ...a: unknown[]) =>
        add(() => f(...a), ms, true),
      clearTimeout: clear,
      clearInterval: clear,
    });
    AbortSignal.timeout = (ms: number): AbortSignal => {
      const controller = new AbortController();
      const reason = new DOMException("Signal timed out.", "TimeoutError");
      add(() => controller.abort(reason), ms, false);
      return controller.signal;
    };
  }

  static #uninstall(): void {
    const { timeout, ...globals } = real;
    Object.assign(globalThis, globals);
    AbortSignal.timeout = timeout;
  }
}
