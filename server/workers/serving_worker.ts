/**
 * A worker's side: serves as its supervisor wants, reports where it stands,
 * and passes on when its program ends serving, since that is meant for the
 * server and not for one thread of it.
 */

import type { MessagePort } from "node:worker_threads";
import type { RunningEngine } from "../server_handle.ts";
import type { Serving } from "../serving.ts";
import { toError } from "../to_error.ts";
import {
  type Assignment,
  isOurs,
  type Order,
  type Report,
  type TcpAddress,
} from "./assignment.ts";

/** How often the counts are reported, in ms. */
const COUNTS_PERIOD_MS = 1000;

/** What serves in a worker, as the worker's program sees it. */
export class ServingWorker implements RunningEngine {
  #engine: RunningEngine;
  #port: MessagePort;
  #reported = { connectionCount: 0, requestCount: 0 };

  /** Joins what serves here with the supervisor at the other end of the port. */
  constructor({ engine, finished }: Serving, port: MessagePort) {
    this.#engine = engine;
    this.#port = port;
    port.on("message", this.#onOrder);
    port.ref();
    const timer = setInterval(() => this.#reportCounts(), COUNTS_PERIOD_MS);
    Deno.unrefTimer(timer);
    // Later, so that a program that throws right behind its call has not begun to serve.
    const begin = setTimeout(() => this.#report({ khttp: "listening" }), 0);
    const end = (report: Report): void => {
      clearTimeout(begin);
      clearInterval(timer);
      this.#reportCounts();
      this.#report(report);
      // From here on the worker ends when its program has nothing left to do.
      port.off("message", this.#onOrder);
      port.unref();
    };
    finished.then(
      () => end({ khttp: "finished" }),
      (error) => end({ khttp: "failed", message: toError(error).message }),
    );
  }

  /** See {@linkcode RunningEngine.connectionCount}: of this worker. */
  get connectionCount(): number {
    return this.#engine.connectionCount;
  }

  /** See {@linkcode RunningEngine.requestCount}: of this worker. */
  get requestCount(): number {
    return this.#engine.requestCount;
  }

  /** See {@linkcode RunningEngine.stop}: all workers do. */
  stop(): void {
    this.#report({ khttp: "stop" });
    this.#engine.stop();
  }

  /** See {@linkcode RunningEngine.closeNow}: all workers do. */
  closeNow(): void {
    this.#report({ khttp: "closeNow" });
    this.#engine.closeNow();
  }

  /** See {@linkcode RunningEngine.setRef}: a worker lives as long as it serves, and the program as its own thread says. */
  setRef(): void {}

  #onOrder = (order: unknown): void => {
    if (!isOurs<Order>(order)) return;
    if (order.khttp === "stop") this.#engine.stop();
    else this.#engine.closeNow();
  };

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
 * A server that other workers serve: this one is there for another server of
 * the same program. It keeps no worker alive.
 */
export function servedElsewhere(
  addrs: readonly TcpAddress[],
  assignment: Assignment,
  port: MessagePort,
): Serving {
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  const end = (): void => {
    port.off("message", obey);
    resolve();
  };
  const obey = (order: unknown): void => {
    if (isOurs<Order>(order)) end();
  };
  port.on("message", obey);
  if (!assignment.isTaken) port.unref();
  const engine: RunningEngine = {
    connectionCount: 0,
    requestCount: 0,
    stop: end,
    closeNow: end,
    setRef: () => {},
  };
  return { engine, addrs, finished };
}
