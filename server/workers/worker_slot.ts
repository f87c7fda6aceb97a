/**
 * One place in the row of workers: the worker that has it, and after its death
 * the next one. What a death means for the server is the supervisor's affair.
 */

import { Worker } from "node:worker_threads";
import type { SharedPorts } from "../engines/shared_ports.ts";
import {
  type Assignment,
  isOurs,
  type Order,
  type Report,
} from "./assignment.ts";

/**
 * How long a worker may live on when it is to end, in ms: its program may have
 * something to finish, or hang.
 */
const END_GRACE_MS = 1000;

/** Wait before a dead worker is replaced, in ms: it doubles from the first to the second. */
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2000;

/** A worker that served for so long has earned the shortest wait again, in ms. */
const STEADY_MS = 10_000;

/** What a slot asks of its supervisor. */
export interface SlotOwner {
  /** Whether nobody is replaced any more. */
  readonly isStopping: boolean;
  /** A worker listens. */
  slotListens(): void;
  /** A worker's program ends serving. */
  slotEnds(isNow: boolean): void;
  /** A worker died; says whether it is replaced. */
  slotDied(error: Error, hasListened: boolean): boolean;
  /** A worker's program failed at its end. */
  slotComplains(error: Error): void;
  /** There is no worker, and will be none. */
  slotOver(): void;
}

/** What a slot is made of. */
export interface SlotInit {
  /** From 0. */
  readonly index: number;
  readonly module: URL;
  readonly assignment: Assignment;
  readonly sockets: SharedPorts;
  readonly owner: SlotOwner;
}

/** See the file's header. */
export class WorkerSlot {
  #init: SlotInit;
  #worker: Worker | null = null;
  #isListening = false;
  #listensSinceMs = 0;
  #isFinished = false;
  #isOver = false;
  #isRef = true;
  /** Why the worker dies. */
  #error: Error | null = null;
  #connections = 0;
  #requests = 0;
  /** Requests of those who died. */
  #pastRequests = 0;
  #backoffMs = MIN_BACKOFF_MS;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #restart: ReturnType<typeof setTimeout> | undefined;

  /** Creates a slot without a worker. */
  constructor(init: SlotInit) {
    this.#init = init;
  }

  /** Whether its worker listens. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Connections of its worker, as it said last. */
  get connectionCount(): number {
    return this.#connections;
  }

  /** Requests of all its workers, as they said last. */
  get requestCount(): number {
    return this.#pastRequests + this.#requests;
  }

  /** Puts a worker in. */
  start(): void {
    if (this.#isOver) return;
    const { module, assignment } = this.#init;
    this.#isFinished = false;
    this.#error = null;
    const worker = new Worker(module, {
      name: this.#name,
      workerData: assignment,
    });
    this.#worker = worker;
    worker.on("message", (message) => {
      if (isOurs<Report>(message)) this.#onReport(message);
    });
    worker.on("error", (error) => this.#error ??= this.#describe(error));
    worker.on("exit", (code) => this.#exited(code));
    if (!this.#isRef) worker.unref();
  }

  /** Has its worker finish what it has begun. */
  stop(): void {
    if (this.#worker === null) return this.#end();
    this.#order("stop");
    // What does not listen has nothing to finish.
    if (!this.#isListening) this.#expectExit();
  }

  /** Has its worker cut everything. */
  closeNow(): void {
    if (this.#worker === null) return this.#end();
    this.#order("closeNow");
    this.#expectExit();
  }

  /** Lets the process live as long as the worker does, or not. */
  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (isRef) this.#worker?.ref();
    else this.#worker?.unref();
    if (this.#restart === undefined) return;
    if (isRef) Deno.refTimer(this.#restart);
    else Deno.unrefTimer(this.#restart);
  }

  get #name(): string {
    return `khttp ${this.#init.index + 1}`;
  }

  #order(khttp: Order["khttp"]): void {
    this.#worker?.postMessage({ khttp } satisfies Order);
  }

  #onReport(report: Report): void {
    const { owner } = this.#init;
    switch (report.khttp) {
      case "listening":
        this.#isListening = true;
        this.#listensSinceMs = performance.now();
        if (!owner.isStopping) return owner.slotListens();
        this.#cancelKill(); // it may have begun something meanwhile
        return;
      case "counts":
        this.#connections = report.connectionCount;
        this.#requests = report.requestCount;
        return;
      case "stop":
      case "closeNow":
        return owner.slotEnds(report.khttp === "closeNow");
      case "failed":
        this.#error ??= this.#describe(new Error(report.message));
        this.#expectExit();
        return;
      case "finished":
        this.#isFinished = true;
        this.#expectExit();
        return owner.slotEnds(false);
    }
  }

  /** The worker has to end by itself soon. */
  #expectExit(): void {
    this.#grace ??= setTimeout(
      () => this.#worker?.terminate(),
      END_GRACE_MS,
    );
  }

  #cancelKill(): void {
    clearTimeout(this.#grace);
    this.#grace = undefined;
  }

  #exited(code: number): void {
    const { index, owner, sockets } = this.#init;
    const hasListened = this.#isListening;
    this.#cancelKill();
    this.#worker = null;
    this.#isListening = false;
    this.#connections = 0;
    this.#pastRequests += this.#requests;
    this.#requests = 0;
    if (!this.#isFinished) sockets.recover(index);
    if (owner.isStopping) {
      if (this.#error !== null) owner.slotComplains(this.#error);
      return this.#end();
    }
    const error = this.#error ?? this.#withoutReason(code, hasListened);
    if (owner.slotDied(error, hasListened)) this.#replace(hasListened);
    else this.#end();
  }

  #replace(hasListened: boolean): void {
    const isSteady = hasListened &&
      performance.now() - this.#listensSinceMs >= STEADY_MS;
    if (isSteady) this.#backoffMs = MIN_BACKOFF_MS;
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      this.start();
    }, this.#backoffMs);
    if (!this.#isRef) Deno.unrefTimer(this.#restart);
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#restart);
    this.#init.sockets.release(this.#init.index);
    this.#init.owner.slotOver();
  }

  #withoutReason(code: number, hasListened: boolean): Error {
    const what = hasListened
      ? `it ended with code ${code}`
      : "it ended before it called serveThreaded() for that address";
    return new Error(`Cannot go on in worker "${this.#name}": ${what}`);
  }

  #describe(cause: Error): Error {
    return new Error(
      `Cannot go on in worker "${this.#name}": ${cause.message}`,
      { cause },
    );
  }
}
