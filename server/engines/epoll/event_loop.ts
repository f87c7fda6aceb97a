/**
 * Turns of the epoll engine within those of the runtime. A turn is a callback
 * of the runtime's check phase, when all microtasks are done: it waits a
 * millisecond at most, handles what came, and goes on for as long as there is
 * something and neither its budget nor the runtime's patience is spent.
 *
 * States: *busy* (turn follows turn by setImmediate) → after some empty
 * milliseconds *resting* (another thread waits; this one sleeps in the
 * runtime, so that an idle server uses no CPU) → busy. In between, whenever
 * the runtime has I/O of its own, its driver gets a turn; see `reactor.ts`.
 */

import { setImmediate } from "node:timers";
import type { Libc } from "./libc.ts";
import { DRIVER, Poller, READABLE, type Watched } from "./poller.ts";
import { Reactor } from "./reactor.ts";

/** What a turn may do before everybody else's callbacks get theirs. */
const MAX_TURN_EVENTS = 256;
const MAX_TURN_MS = 2;

/**
 * What those who go on by microtasks may do between two turns: a call of the
 * system is one step, and each 16 KiB that it moved another. Sockets are often
 * ready, so that microtasks would follow each other without an end and nobody
 * else's callbacks get a turn; the runtime's own I/O has such a bound.
 */
const MAX_STEPS = 128;
/** What a call may move as one step, in bytes. */
export const STEP_BYTES = 16_384;

/** Where the count of turns begins anew: one that a number of 31 bits holds. */
const MAX_TURN = 0x3fffffff;

/** Turns after which a loop that is never idle counts as settled. */
const MAX_SETTLING_TURNS = 10;

/** Longest wait on this thread, in ms: what timers of the program may be late by. */
const WAIT_MS = 1;

/**
 * Empty waits until the loop rests: a wait on another thread costs 35,000
 * instructions more a request than one on this.
 */
const EMPTY_WAITS_BEFORE_REST = 20;

/** Time between two turns of the runtime's driver where its instance is not known, in ms. */
const DRIVER_PERIOD_MS = 2;
/** The same where its turn costs a timer. */
const TIMER_PERIOD_MS = 20;

/** Time between two looks of a loop that keeps no process alive, in ms. */
const UNREF_PERIOD_MS = 10;

/** Something that has more to do than one turn should take. */
export interface Task {
  /** Goes on. */
  run(): void;
}

/** One engine's loop. */
export class EventLoop {
  /** Whether callbacks began something that goes on by microtasks: they come before the next wait. */
  isFresh = false;
  /** The C library that its sockets use too. */
  readonly libc: Libc;
  readonly #poller: Poller;
  #tasks: Task[] = [];
  /** Counts turns. */
  turn = 0;
  /** Steps that are left until the next one. */
  #steps = MAX_STEPS;
  /** Those who wait until nothing comes any more. */
  #settling: { readonly resolve: () => void; turns: number }[] = [];
  #reactor: Reactor | null = null;
  #isReactorReady = false;
  #lastYieldMs = 0;
  #emptyWaits = 0;
  #isResting = false;
  #isRef = true;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isClosing = false;
  #closed = Promise.withResolvers<void>();
  #onFailure: (error: unknown) => void;

  /**
   * Creates a loop that goes round from now on.
   *
   * @param maxEvents How many events one wait gives at most.
   * @param onFailure Told that the system polls no more, which ends serving.
   * @throws {Error} If the system has no descriptor left.
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
   * @throws {Error} If the system has no room for it.
   */
  watch(fd: number, target: Watched, events: number): void {
    this.#poller.watch(fd, target, events);
  }

  /** Tells no more of a descriptor, which is about to be closed. */
  forget(fd: number): void {
    this.#poller.forget(fd);
  }

  /** Runs a task in a turn of its own, soon. */
  schedule(task: Task): void {
    this.#tasks.push(task);
    this.#wake();
  }

  /** Counts a call of the system and what it has moved. */
  spend(sizeBytes: number): void {
    this.#steps -= 1 + Math.floor(sizeBytes / STEP_BYTES);
  }

  /** Whether whoever goes on by microtasks has to wait for the next turn. */
  isSpent(): boolean {
    return this.#steps <= 0;
  }

  /** Resolves in the next turn. */
  nextTurn(): Promise<void> {
    return new Promise((run) => this.schedule({ run }));
  }

  /** Keeps the process alive, or lets it end. */
  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    this.#wake();
  }

  /** Resolves when the system had nothing more to tell, or after some turns if it always has. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settling.push({ resolve, turns: MAX_SETTLING_TURNS });
      this.#emptyWaits = 0; // what was empty before does not count
      this.#wake();
    });
  }

  /** Ends the loop; resolves when nothing of it is left. */
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

  /** Ends a rest. */
  #wake(): void {
    if (this.#isResting) this.#poller.wake();
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
    else this.#goRoundByTimer();
  }

  /** An immediate without a reference may never be called; a timer is, as long as something else lives. */
  #goRoundByTimer(): void {
    const periodMs = this.#emptyWaits > 0 ? UNREF_PERIOD_MS : 0;
    const timer = setTimeout(() => this.#wake(), periodMs);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #turn = (): void => {
    if (this.#isClosing) return this.#end();
    this.turn = (this.turn + 1) & MAX_TURN;
    this.#steps = MAX_STEPS;
    this.#try(() => {
      this.#runTasks();
      this.#pollRepeatedly();
    });
    if (this.#settling.length > 0) this.#settle();
    if (this.#mustYield()) this.#yield();
    else if (this.#mayRest()) {
      this.#rest();
    } else this.#scheduleTurn();
  };

  #pollRepeatedly(): void {
    const poller = this.#poller;
    const beganMs = Date.now();
    let budget = MAX_TURN_EVENTS;
    let isPressed = false;
    do {
      isPressed = this.isFresh || this.#tasks.length > 0;
      this.isFresh = false;
      const count = poller.wait(isPressed ? 0 : WAIT_MS);
      if (count === 0) {
        if (!isPressed) this.#emptyWaits++;
        return;
      }
      this.#emptyWaits = 0;
      if (poller.tell(count)) this.#isReactorReady = true;
      budget -= count;
    } while (
      budget > 0 && !isPressed && !this.isFresh && !this.#isReactorReady &&
      this.#tasks.length === 0 && Date.now() - beganMs < MAX_TURN_MS
    );
  }

  #settle(): void {
    const isQuiet = this.#emptyWaits > 0;
    const due = this.#settling.filter((one) => isQuiet || --one.turns < 0);
    this.#settling = this.#settling.filter((one) => !due.includes(one));
    for (const { resolve } of due) resolve();
  }

  /** Tasks that come meanwhile have to wait for the next turn. */
  #runTasks(): void {
    if (this.#tasks.length === 0) return;
    const tasks = this.#tasks;
    this.#tasks = [];
    this.isFresh = true; // whoever waited goes on by microtasks
    for (const task of tasks) task.run();
  }

  #mayRest(): boolean {
    return this.#isRef && this.#tasks.length === 0 &&
      this.#emptyWaits >= EMPTY_WAITS_BEFORE_REST;
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

  /** Waits where it costs nothing; the runtime watches its own sockets meanwhile. */
  async #rest(): Promise<void> {
    const poller = this.#poller;
    this.#emptyWaits = 0;
    const reactorFd = this.#reactor?.fd ?? -1;
    if (reactorFd >= 0) poller.remove(reactorFd);
    this.#isResting = true;
    const count = await poller.waitInBackground();
    this.#isResting = false;
    this.#try(() => {
      this.#watchReactor();
      if (poller.tell(count)) this.#isReactorReady = true;
    });
    this.#scheduleTurn();
  }

  #end(): void {
    this.#runTasks(); // whoever waits for a turn waits no more
    this.#reactor?.close();
    this.#poller.close();
    this.#closed.resolve();
  }
}
