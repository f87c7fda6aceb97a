/**
 * The worker's side of serving on several cores: follows the supervisor's
 * orders and reports counts. When the worker's program ends serving, it tells
 * the supervisor, since this must end the whole server and not only one thread.
 */

import type { Addr } from "../../codec/socket_address.ts";
import type { MessagePort } from "node:worker_threads";
import type { TcpAddress } from "../address.ts";
import { setTimerRef } from "../engines/runtime.ts";
import type { Serving, StopTimes } from "../server_handle.ts";
import { toError } from "../to_error.ts";
import {
  type Assignment,
  isOurs,
  type Order,
  type Report,
} from "./assignment.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { exitThread, HEAP_LIMIT_REACHED } from "./threads.ts";

/** How often the counts are reported, in ms. */
const COUNTS_PERIOD_MS = 1000;

/**
 * How long a worker that has stopped listening waits for the others, in ms. It
 * matters if one of them hangs.
 */
const MAX_CLOSING_WAIT_MS = 1000;

/** Serving on the thread of a worker. */
export interface ThreadServing extends Serving {
  /** Opens more sockets until each address has `socketCount`. */
  listenWith(socketCount: number): void;
  /** Sets what is awaited between the end of listening and its announcement to clients. */
  announceAfter(othersClosed: () => Promise<void>): void;
}

/** Serving in one worker, as the worker's program controls it. */
export class ServingWorker implements Serving {
  readonly addrs: readonly Addr[];
  readonly finished: Promise<void>;
  #serving: ThreadServing;
  #port: MessagePort;
  #reported = { connectionCount: 0, requestCount: 0 };
  /** Resolves when no other worker listens. */
  #othersClosed: PromiseWithResolvers<void> = Promise.withResolvers();

  /**
   * Connects the serving on this thread to the supervisor.
   *
   * @param port The port to the supervisor's thread.
   */
  constructor(
    serving: ThreadServing,
    { heartbeat, socketCount }: Assignment,
    port: MessagePort,
  ) {
    this.#serving = serving;
    serving.listenWith(socketCount);
    serving.announceAfter(() => this.#awaitOthers());
    this.addrs = serving.addrs;
    this.finished = serving.finished;
    this.#port = port;
    port.on("message", this.#onOrder);
    port.ref();
    const timer = setInterval(() => this.#reportCounts(), COUNTS_PERIOD_MS);
    setTimerRef(timer, false);
    const stopHeartbeat = startHeartbeat(heartbeat, () => {
      this.#report({ khttp: "failed", message: HEAP_LIMIT_REACHED });
      exitThread(1);
    });
    // Reported one turn later: a program that throws directly after its call
    // does not count as serving.
    const start = setTimeout(() => this.#report({ khttp: "listening" }), 0);
    const end = (report: Report): void => {
      clearTimeout(start);
      clearInterval(timer);
      stopHeartbeat();
      this.#reportCounts();
      this.#report(report);
      // From now on, the worker exits when its program has nothing left to do.
      port.off("message", this.#onOrder);
      port.unref();
    };
    serving.finished.then(
      () => end({ khttp: "finished" }),
      (error) => end({ khttp: "failed", message: toError(error).message }),
    );
  }

  /** See {@linkcode Serving.connectionCount}: those of this worker. */
  get connectionCount(): number {
    return this.#serving.connectionCount;
  }

  /** See {@linkcode Serving.requestCount}: those of this worker. */
  get requestCount(): number {
    return this.#serving.requestCount;
  }

  /** See {@linkcode Serving.isDraining}. */
  get isDraining(): boolean {
    return this.#serving.isDraining;
  }

  /** See {@linkcode Serving.stop}: on all workers. */
  stop(times: StopTimes = { delayMs: 0, graceMs: 0 }): void {
    this.#report({ khttp: "stop", times });
    this.#serving.stop(times);
  }

  /** See {@linkcode Serving.closeNow}: on all workers. */
  closeNow(): void {
    this.#report({ khttp: "closeNow" });
    this.#closeNow();
  }

  #closeNow(): void {
    this.#othersClosed.resolve(); // no client is left to connect again
    this.#serving.closeNow();
  }

  /**
   * Does nothing: a worker stays alive while it serves, and the program's own
   * thread decides when the process exits.
   */
  setRef(): void {}

  #onOrder = (order: unknown): void => {
    if (!isOurs<Order>(order)) return;
    switch (order.khttp) {
      case "stop":
        return this.#serving.stop(order.times);
      case "closeNow":
        return this.#closeNow();
      case "listenWith":
        return this.#serving.listenWith(order.socketCount);
      case "allClosed":
        return this.#othersClosed.resolve();
    }
  };

  async #awaitOthers(): Promise<void> {
    this.#report({ khttp: "closed" });
    const { promise, resolve } = this.#othersClosed;
    const timer = setTimeout(resolve, MAX_CLOSING_WAIT_MS);
    await promise;
    clearTimeout(timer);
  }

  #reportCounts(): void {
    const { connectionCount, requestCount } = this;
    const before = this.#reported;
    if (
      connectionCount === before.connectionCount &&
      requestCount === before.requestCount
    ) return;
    this.#reported = { connectionCount, requestCount };
    this.#report({ khttp: "counts", connectionCount, requestCount });
  }

  #report(report: Report): void {
    this.#port.postMessage(report);
  }
}

/**
 * The result of `serveThreaded()` in a worker for a server that it is not
 * assigned to: serves nothing, and finishes when the supervisor ends serving.
 * It does not keep the worker alive.
 */
export class IdleServing implements Serving {
  readonly addrs: readonly TcpAddress[];
  readonly connectionCount = 0;
  readonly requestCount = 0;
  /** See {@linkcode Serving.isDraining}. */
  isDraining = false;
  #port: MessagePort;
  #finished: PromiseWithResolvers<void> = Promise.withResolvers();

  /**
   * Waits for an order from the supervisor.
   *
   * @param assignment The worker's assignment, which is for another server.
   * @param port The port to the supervisor's thread.
   */
  constructor(
    addrs: readonly TcpAddress[],
    { isTaken }: Assignment,
    port: MessagePort,
  ) {
    this.addrs = addrs;
    this.#port = port;
    port.on("message", this.#onOrder);
    if (!isTaken) port.unref();
  }

  /** See {@linkcode Serving.finished}. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** See {@linkcode Serving.stop}. */
  stop(): void {
    this.isDraining = true;
    this.#port.off("message", this.#onOrder);
    this.#finished.resolve();
  }

  /** See {@linkcode Serving.closeNow}. */
  closeNow(): void {
    this.stop();
  }

  /** Does nothing: it never keeps the worker alive. */
  setRef(): void {}

  #onOrder = (order: unknown): void => {
    if (!isOurs<Order>(order)) return;
    if (order.khttp === "stop" || order.khttp === "closeNow") this.stop();
  };
}
