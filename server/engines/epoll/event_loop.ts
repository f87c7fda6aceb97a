/**
 * The engine's event loop, which runs inside the runtime's. A turn is a callback
 * of `setImmediate`: it runs tasks, waits at most a millisecond for events,
 * handles them, and polls again until no event comes or its budget is used up.
 *
 * States: *busy* (each turn schedules the next one by `setImmediate`) → after
 * some empty waits *parked* (another thread waits in the kernel and this one
 * sleeps in the runtime, so that an idle server uses no CPU) → busy. When the
 * runtime itself has I/O, its driver runs between turns; see `reactor.ts`.
 */

import type { Libc } from "./libc.ts";
import { DRIVER, Poller, READABLE, type Watched } from "./poller.ts";
import { Reactor } from "./reactor.ts";

/**
 * Budget of one turn, after which timers and the runtime's callbacks run. Under
 * load, a timer of the program is late by about this time. 256 small requests
 * take 1 to 2 ms, so the time usually ends a turn before the count does.
 */
const MAX_TURN_EVENTS = 256;
const MAX_TURN_MS = 2;

/**
 * Work budget for microtask code between two turns: one step for each system
 * call plus one for each 16 KiB that it moves. Without it, code that awaits
 * sockets that are always ready would starve timers and the runtime's I/O. 128
 * is also what tokio, the runtime's I/O library, grants a task between two yields.
 */
const MAX_STEPS = 128;
/** Bytes that a system call moves for one further step. */
export const STEP_BYTES = 16_384;

/**
 * Budget of one turn for bytes of files, in ms of the calls that send them. Small
 * requests of other connections wait for about this time beside downloads. The
 * budget does not count bytes, since these take much longer from a disk than from
 * memory.
 */
const MAX_BULK_MS = 1;
/** The least that one call is charged, in ms. It bounds the number of calls in a turn. */
const MIN_BULK_MS = 0.015;

/** The turn counter wraps here; V8 keeps a number of 31 bits without an allocation. */
const MAX_TURN = 0x3fffffff;

/** Turns after which `settled()` resolves on a loop that is never idle. */
const MAX_SETTLING_TURNS = 10;

/** Longest wait on this thread, in ms; a timer of the program may be late by this much. */
const WAIT_MS = 1;

/**
 * Empty waits before the loop parks. A wait on another thread costs 35,000
 * instructions more a request than one on this thread.
 */
const EMPTY_WAITS_BEFORE_PARK = 20;

/** Time between two turns of the runtime's I/O driver if its epoll instance is not known, in ms. */
const DRIVER_PERIOD_MS = 2;
/** The same if a turn of the driver needs a timer, in ms. */
const TIMER_PERIOD_MS = 20;

/** Time between two turns of an idle loop that does not keep the process alive, in ms. */
const UNREF_PERIOD_MS = 10;

/** Work that is deferred to the next turn. */
export interface Task {
  /** Does the work. */
  run(): void;
}

/** One engine's loop. */
export class EventLoop {
  /**
   * Whether the last events or tasks have queued microtasks. The loop then ends
   * the turn without waiting, so that they run first.
   */
  hasMicrotasks = false;
  /** The C library, also for the loop's sockets. */
  readonly libc: Libc;
  readonly #poller: Poller;
  #tasks: Task[] = [];
  /** Tasks that move many bytes, in the order in which they wait for budget. */
  #bulkTasks: Task[] = [];
  /** The number of the current turn. */
  turn = 0;
  /** The rest of {@linkcode MAX_STEPS} in this turn. */
  #steps = MAX_STEPS;
  /** What is spent of {@linkcode MAX_BULK_MS} in this turn. */
  #bulkMs = 0;
  /** Pending calls of {@linkcode EventLoop.settled}. */
  #settling: { readonly resolve: () => void; turns: number }[] = [];
  #reactor: Reactor | null = null;
  #isReactorReady = false;
  #lastYieldMs = 0;
  #emptyWaits = 0;
  #isParked = false;
  #isRef = true;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isClosing = false;
  #closed = Promise.withResolvers<void>();
  #onFailure: (error: unknown) => void;

  /**
   * Creates and starts a loop.
   *
   * @param maxEvents The most events that one wait returns.
   * @param onFailure Called when polling fails, which ends serving.
   * @throws {Error} If the system is out of descriptors.
   */
  constructor(
    libc: Libc,
    maxEvents: number,
    onFailure: (error: unknown) => void,
  ) {
    this.libc = libc;
    this.#poller = new Poller(libc, maxEvents);
    this.#onFailure = onFailure;
    this.#begin();
  }

  /**
   * Watches a descriptor until {@linkcode EventLoop.forget}.
   *
   * @throws {Error} If the system is out of memory or watches.
   */
  watch(fd: number, target: Watched, events: number): void {
    this.#poller.watch(fd, target, events);
  }

  /** Stops watching a descriptor; the caller is about to close it. */
  forget(fd: number): void {
    this.#poller.forget(fd);
  }

  /** Runs a task in the next turn. */
  schedule(task: Task): void {
    this.#tasks.push(task);
    this.#wake();
  }

  /**
   * Runs a task as soon as a turn has budget for it, after the bulk tasks that wait
   * already. So a turn stays short however many connections have much to send.
   */
  scheduleBulk(task: Task): void {
    this.#bulkTasks.push(task);
    this.#wake();
  }

  /** Charges a system call that moved `sizeBytes` to the budget of microtask code. */
  spend(sizeBytes: number): void {
    this.#steps -= 1 + Math.floor(sizeBytes / STEP_BYTES);
  }

  /** Whether microtask code has used up its budget and has to wait for the next turn. */
  isSpent(): boolean {
    return this.#steps <= 0;
  }

  /** Charges a call that sent bytes of a file to the budget of bulk tasks. */
  spendBulk(durationMs: number): void {
    this.#bulkMs += Math.max(durationMs, MIN_BULK_MS);
  }

  /** Whether bulk tasks have used up their budget. */
  isBulkSpent(): boolean {
    return this.#bulkMs >= MAX_BULK_MS;
  }

  /** Resolves in the next turn. */
  nextTurn(): Promise<void> {
    return new Promise((run) => this.schedule({ run }));
  }

  /** Sets whether the loop keeps the process alive. */
  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    this.#wake();
  }

  /** Resolves after a wait without events, or after {@linkcode MAX_SETTLING_TURNS} turns under load. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settling.push({ resolve, turns: MAX_SETTLING_TURNS });
      this.#emptyWaits = 0; // earlier waits do not count
      this.#wake();
    });
  }

  /** Closes everything that the loop watches, and the loop; only when nothing of the program runs afterwards. */
  abandon(): void {
    this.#poller.abandon();
  }

  /** Ends the loop; resolves when its resources are released. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake();
    await this.#closed.promise;
  }

  async #begin(): Promise<void> {
    try {
      this.#reactor = await Reactor.find(this.libc, this.#poller);
      this.#watchReactor();
    } catch (error) {
      this.#onFailure(error);
    }
    this.#scheduleTurn();
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Makes the next turn come soon if the loop is parked or waits for a timer. */
  #wake(): void {
    if (this.#isParked) this.#poller.wake();
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    setImmediate(this.#turn);
  }

  #watchReactor(): void {
    const fd = this.#reactor?.fd ?? -1;
    if (fd < 0) return;
    this.#poller.add(fd, { fd: DRIVER, generation: 0, events: READABLE });
  }

  #scheduleTurn(): void {
    if (this.#isClosing) {
      this.#end();
      return;
    }
    if (this.#isRef) setImmediate(this.#turn);
    else this.#scheduleByTimer();
  }

  /**
   * Used while unreferenced: the runtime may never call an unreferenced
   * immediate, but it calls an unreferenced timer while anything else keeps the
   * process alive.
   */
  #scheduleByTimer(): void {
    const periodMs = this.#emptyWaits > 0 ? UNREF_PERIOD_MS : 0;
    const timer = setTimeout(() => this.#wake(), periodMs);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #turn = (): void => {
    if (this.#isClosing) return this.#end();
    this.turn = (this.turn + 1) & MAX_TURN;
    this.#steps = MAX_STEPS;
    this.#bulkMs = 0;
    this.#try(() => {
      this.#runBulkTasks(); // first, since other tasks run without budget too
      this.#runTasks();
      this.#pollRepeatedly();
    });
    if (this.#settling.length > 0) this.#settle();
    if (this.#mustYield()) this.#yield();
    else if (this.#mayPark()) this.#park();
    else this.#scheduleTurn();
  };

  #pollRepeatedly(): void {
    const poller = this.#poller;
    const startMs = Date.now();
    let budget = MAX_TURN_EVENTS;
    let hasWork = false;
    do {
      hasWork = this.hasMicrotasks || this.#hasTasks;
      this.hasMicrotasks = false;
      const count = poller.wait(hasWork ? 0 : WAIT_MS);
      if (count === 0) {
        if (!hasWork) this.#emptyWaits++;
        return;
      }
      this.#emptyWaits = 0;
      if (poller.dispatch(count)) this.#isReactorReady = true;
      budget -= count;
    } while (
      budget > 0 && !hasWork && !this.hasMicrotasks && !this.#isReactorReady &&
      !this.#hasTasks && Date.now() - startMs < MAX_TURN_MS
    );
  }

  #settle(): void {
    const isQuiet = this.#emptyWaits > 0;
    const due = this.#settling.filter((call) => isQuiet || --call.turns < 0);
    this.#settling = this.#settling.filter((call) => !due.includes(call));
    for (const { resolve } of due) resolve();
  }

  /** Runs the tasks that are due; those scheduled meanwhile wait for the next turn. */
  #runTasks(): void {
    if (this.#tasks.length === 0) return;
    const tasks = this.#tasks;
    this.#tasks = [];
    this.hasMicrotasks = true; // a task may resolve promises
    for (const task of tasks) task.run();
  }

  /** Runs bulk tasks while there is budget. Those scheduled meanwhile wait for the next turn. */
  #runBulkTasks(): void {
    let count = this.#bulkTasks.length;
    if (count === 0) return;
    this.hasMicrotasks = true; // a task may resolve promises
    for (; count > 0 && !this.isBulkSpent(); count--) {
      this.#bulkTasks.shift()!.run(); // there are at least as many as were counted
    }
  }

  get #hasTasks(): boolean {
    return this.#tasks.length > 0 || this.#bulkTasks.length > 0;
  }

  #mayPark(): boolean {
    return this.#isRef && !this.#hasTasks &&
      this.#emptyWaits >= EMPTY_WAITS_BEFORE_PARK;
  }

  #mustYield(): boolean {
    if (this.#isReactorReady) return true;
    const reactor = this.#reactor;
    if (reactor === null || reactor.fd >= 0) return false;
    const periodMs = reactor.canYield ? DRIVER_PERIOD_MS : TIMER_PERIOD_MS;
    return Date.now() - this.#lastYieldMs >= periodMs;
  }

  async #yield(): Promise<void> {
    this.#isReactorReady = false;
    await this.#reactor?.yield();
    this.#lastYieldMs = Date.now();
    this.#scheduleTurn();
  }

  /** Waits on another thread, which uses no CPU. The runtime's driver runs by itself meanwhile, so its instance is not watched. */
  async #park(): Promise<void> {
    const poller = this.#poller;
    this.#emptyWaits = 0;
    const reactorFd = this.#reactor?.fd ?? -1;
    if (reactorFd >= 0) poller.remove(reactorFd);
    this.#isParked = true;
    const count = await poller.waitInBackground();
    this.#isParked = false;
    this.#try(() => {
      this.#watchReactor();
      if (poller.dispatch(count)) this.#isReactorReady = true;
    });
    this.#scheduleTurn();
  }

  #end(): void {
    this.#runTasks(); // there will be no further turn
    this.#reactor?.close();
    this.#poller.close();
    this.#closed.resolve();
  }
}
