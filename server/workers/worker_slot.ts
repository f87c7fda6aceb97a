/**
 * One worker position: runs a worker and starts another one when it dies. The
 * supervisor decides how a death affects the server.
 */

import type { Worker } from "node:worker_threads";
import { setTimerRef } from "../engines/runtime.ts";
import type { SharedPorts } from "../engines/shared_ports.ts";
import { IDLE_GRACE_MS, type StopTimes } from "../server_handle.ts";
import {
  type Assignment,
  isOurs,
  type Order,
  type Report,
} from "./assignment.ts";
import type { Heartbeat } from "./heartbeat.ts";
import {
  HEAP_LIMIT_REACHED,
  startThread,
  WHAT_HANGING_THREADS_DO,
} from "./threads.ts";

/**
 * How long a worker may take to exit after it was told to, in ms. Its program
 * may have work to finish; if it hangs, the worker is killed.
 */
const END_GRACE_MS = 1000;

/** The shortest and the longest wait before a dead worker is replaced, in ms; it doubles with each death. */
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2000;

/** If a worker has listened for this long, in ms, its death resets the wait to the shortest. */
const STEADY_MS = 10_000;

/** How long a worker may take to listen before it is reported, in ms; `hangTimeout` if that is longer. */
const LATE_START_MS = 10_000;

/** What a slot needs from its supervisor. */
export interface SlotOwner {
  /** Whether serving is ending, so that dead workers are not replaced. */
  readonly isStopping: boolean;
  /** Whether serving is ending, or will end after a delay. */
  readonly isDraining: boolean;
  /** When the workers are to stop, from now on. */
  readonly stopTimes: StopTimes;
  /** Called when the slot's worker listens. */
  slotListens(): void;
  /** Called when the slot's worker has stopped listening. */
  slotClosed(): void;
  /** Called when the worker's program ends serving; `null`: immediately. */
  slotEnds(times: StopTimes | null): void;
  /** Called when the worker has died during serving; returns whether to replace it. */
  slotDied(error: Error, hasListened: boolean): boolean;
  /** Called when the worker was told to end but may still run; its sockets may stay open. */
  slotAbandoned(): void;
  /** Called once if the worker does not listen in time. */
  slotIsLate(error: Error): void;
  /** Called when the worker's program failed while serving ended. */
  slotFailedAtEnd(error: Error): void;
  /** Called when the slot has no worker and will start none. */
  slotFinished(): void;
}

/** What a slot is made of. */
export interface SlotInit {
  /** The position, from 0. */
  readonly index: number;
  /** The module that the worker runs. */
  readonly module: URL;
  readonly assignment: Assignment;
  readonly heartbeat: Heartbeat;
  /** How long the worker may block its event loop, in ms. */
  readonly hangTimeoutMs: number;
  /** The limit for the worker's heap, in bytes; `null` if the runtime has none. */
  readonly maxHeapBytes: number | null;
  readonly ports: SharedPorts;
  readonly owner: SlotOwner;
}

/** See the file's header. */
export class WorkerSlot {
  #init: SlotInit;
  #worker: Worker | null = null;
  #isListening = false;
  /** Whether the worker has stopped listening. */
  #isClosed = false;
  #listensSinceMs = 0;
  /** Whether the worker has ended serving normally. */
  #hasEndedWell = false;
  /** Whether the worker was told to end, which it does only between two turns of its event loop. */
  #isTerminated = false;
  /** Whether the slot has no worker and will start none. */
  #isFinished = false;
  #isRef = true;
  /** The reason for the worker's death, if it is known. */
  #error: Error | null = null;
  #startedMs = 0;
  /** Whether it was reported that the worker does not listen yet. */
  #isLate = false;
  #connectionCount = 0;
  #requestCount = 0;
  /** Requests of the slot's earlier workers. */
  #pastRequestCount = 0;
  #backoffMs = MIN_BACKOFF_MS;
  #killTimer: ReturnType<typeof setTimeout> | undefined;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;

  /** Creates a slot without a worker. */
  constructor(init: SlotInit) {
    this.#init = init;
  }

  /** Whether the worker listens. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Whether the worker listens, or may still begin to. */
  get mayListen(): boolean {
    return this.#worker !== null && !this.#isClosed;
  }

  /** How many connections the worker had at its last report. */
  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** How many requests all workers of this slot had at their last reports. */
  get requestCount(): number {
    return this.#pastRequestCount + this.#requestCount;
  }

  /** Starts a worker. */
  start(): void {
    if (this.#isFinished) return;
    const { index, module, assignment, ports, maxHeapBytes } = this.#init;
    this.#hasEndedWell = false;
    this.#error = null;
    this.#isClosed = false;
    this.#isTerminated = false;
    this.#startedMs = performance.now();
    this.#isLate = false;
    const descriptors = ports.descriptorsOf(index);
    const worker = startThread(module, {
      name: this.#name,
      data: { ...assignment, descriptors, socketCount: ports.socketCount },
      maxHeapBytes,
    });
    this.#worker = worker;
    worker.on("message", (message) => {
      if (isOurs<Report>(message)) this.#onReport(message);
    });
    worker.on(
      "error",
      (error) => this.#error ??= this.#describe(reasonOf(error)),
    );
    worker.on("exit", (code) => this.#exited(code));
    if (!this.#isRef) worker.unref();
  }

  /** Tells the worker when serving ends. */
  drain(): void {
    this.#order({ khttp: "stop", times: this.#init.owner.stopTimes });
  }

  /** Makes the worker open more sockets until each address has `socketCount`. */
  listenWith(socketCount: number): void {
    this.#order({ khttp: "listenWith", socketCount });
  }

  /** Tells the worker that no worker listens any more. */
  allClosed(): void {
    this.#order({ khttp: "allClosed" });
  }

  /** Makes the worker end serving after its running requests. */
  stop(): void {
    if (this.#worker === null) return this.#end();
    this.drain();
    // A worker that does not listen has no requests to finish.
    if (!this.#isListening) this.#expectExit();
  }

  /** Makes the worker end serving immediately. */
  closeNow(): void {
    if (this.#worker === null) return this.#end();
    this.#order({ khttp: "closeNow" });
    this.#expectExit();
  }

  /** Ends the worker if it blocks its event loop for too long; called once in each period of the heartbeat. */
  checkHeartbeat(): void {
    if (this.#killTimer !== undefined) return;
    if (!this.#isListening) return this.#checkStart();
    const { heartbeat, hangTimeoutMs } = this.#init;
    if (!heartbeat.check()) return;
    this.#error ??= this.#describe(
      new Error(
        `it blocked its event loop for more than ${hangTimeoutMs} ms (hangTimeout), with ${this.#connectionCount} open connections; ${WHAT_HANGING_THREADS_DO}`,
      ),
    );
    this.#terminate();
  }

  /**
   * Reports a worker that does not listen in time. The worker is not ended, since
   * its program may be waiting for something, such as a database.
   */
  #checkStart(): void {
    const { hangTimeoutMs, owner } = this.#init;
    if (this.#isLate || this.#worker === null || owner.isStopping) return;
    const lateMs = Math.max(LATE_START_MS, hangTimeoutMs);
    if (performance.now() - this.#startedMs < lateMs) return;
    this.#isLate = true;
    owner.slotIsLate(
      new Error(
        `Worker "${this.#name}" has not called serveThreaded() within ${lateMs} ms: its program is still waiting for something, or is in an endless loop`,
      ),
    );
  }

  /** Sets whether the worker keeps the process alive. */
  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (isRef) this.#worker?.ref();
    else this.#worker?.unref();
    if (this.#restartTimer === undefined) return;
    setTimerRef(this.#restartTimer, isRef);
  }

  get #name(): string {
    return `khttp ${this.#init.index + 1}`;
  }

  #order(order: Order): void {
    this.#worker?.postMessage(order);
  }

  #onReport(report: Report): void {
    const { owner } = this.#init;
    switch (report.khttp) {
      case "listening":
        this.#isListening = true;
        this.#listensSinceMs = performance.now();
        this.#init.heartbeat.reset();
        if (owner.isDraining) this.drain(); // it may have started during the delay
        if (!owner.isStopping) return owner.slotListens();
        this.#cancelKill(); // it may have accepted requests, which `stop` lets finish
        return;
      case "closed":
        this.#isClosed = true;
        return owner.slotClosed();
      case "counts":
        this.#connectionCount = report.connectionCount;
        this.#requestCount = report.requestCount;
        return;
      case "stop":
        return owner.slotEnds(report.times);
      case "closeNow":
        return owner.slotEnds(null);
      case "failed":
        this.#error ??= this.#describe(new Error(report.message));
        this.#expectExit();
        return;
      case "finished":
        this.#hasEndedWell = true;
        this.#expectExit();
        return owner.slotEnds({ delayMs: 0, graceMs: IDLE_GRACE_MS });
    }
  }

  /** Kills the worker unless it exits by itself soon. */
  #expectExit(): void {
    this.#killTimer ??= setTimeout(
      () => this.#terminate(),
      END_GRACE_MS,
    );
  }

  #terminate(): void {
    this.#isTerminated = true;
    this.#worker?.terminate();
  }

  #cancelKill(): void {
    clearTimeout(this.#killTimer);
    this.#killTimer = undefined;
  }

  #exited(code: number): void {
    const { index, owner, ports } = this.#init;
    const hasListened = this.#isListening;
    this.#cancelKill();
    this.#worker = null;
    this.#isListening = false;
    this.#connectionCount = 0;
    this.#pastRequestCount += this.#requestCount;
    this.#requestCount = 0;
    if (this.#isTerminated) {
      ports.abandon(index);
      owner.slotAbandoned();
    } else if (!this.#hasEndedWell) ports.recover(index);
    if (owner.isDraining) owner.slotClosed();
    if (owner.isStopping) {
      if (this.#error !== null) owner.slotFailedAtEnd(this.#error);
      return this.#end();
    }
    const error = this.#error ?? this.#unexplainedExit(code, hasListened);
    if (owner.slotDied(error, hasListened)) this.#replace(hasListened);
    else this.#end();
  }

  #replace(hasListened: boolean): void {
    const isSteady = hasListened &&
      performance.now() - this.#listensSinceMs >= STEADY_MS;
    if (isSteady) this.#backoffMs = MIN_BACKOFF_MS;
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = undefined;
      this.start();
    }, this.#backoffMs);
    if (!this.#isRef) setTimerRef(this.#restartTimer, false);
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
  }

  #end(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    clearTimeout(this.#restartTimer);
    this.#init.ports.release(this.#init.index);
    this.#init.owner.slotFinished();
  }

  #unexplainedExit(code: number, hasListened: boolean): Error {
    const what = hasListened
      ? `it ended with code ${code}`
      : "it ended before it called serveThreaded() for that address";
    return new Error(`Cannot continue in worker "${this.#name}": ${what}`);
  }

  #describe(cause: Error): Error {
    return new Error(
      `Cannot continue in worker "${this.#name}": ${cause.message}`,
      { cause },
    );
  }
}

/** Returns why a worker has died. If its heap was full, all runtimes get the same words. */
function reasonOf(error: Error): Error {
  const isHeapFull = "code" in error &&
    error.code === "ERR_WORKER_OUT_OF_MEMORY";
  return isHeapFull ? new Error(HEAP_LIMIT_REACHED, { cause: error }) : error;
}
