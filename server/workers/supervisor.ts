/**
 * The program's own thread while workers serve: starts the workers, replaces
 * those that die, and finishes when the last one has exited. It moves no bytes.
 *
 * Serving ends on all workers together, whether the handle on this thread or
 * the program in a worker ends it.
 */

import type { NetAddr } from "../../codec/socket_address.ts";
import type { SharedPorts } from "../engines/shared_ports.ts";
import { EarliestTimer } from "../engines/earliest_timer.ts";
import { SYSTEM_CLOCK } from "../engines/system_clock.ts";
import type { Serving, StopTimes } from "../server_handle.ts";
import type { Assignment } from "./assignment.ts";
import {
  Heartbeat,
  type HeartbeatCounter,
  heartbeatPeriodMs,
} from "./heartbeat.ts";
import { type SlotOwner, WorkerSlot } from "./worker_slot.ts";

/** Settings of a {@linkcode Supervisor}. */
export interface SupervisorInit {
  readonly workerCount: number;
  /** The module that workers run. */
  readonly module: URL;
  /** The ports that the workers share; the supervisor closes them at the end. */
  readonly ports: SharedPorts;
  /** How long a worker may block its event loop, in ms. */
  readonly hangTimeoutMs: number;
  /** The limit for the heap of a worker, in bytes; `null` if the runtime has none. */
  readonly maxHeapBytes: number | null;
  /** Returns the assignment of the worker at an index. */
  assignmentOf(index: number, heartbeat: HeartbeatCounter): Assignment;
  /** Called once, when all workers listen; serving ends if it throws. */
  onListening(): void;
  /** Called when a worker dies, and with errors of its program. */
  onError(error: unknown): void;
}

/** See the file's header. */
export class Supervisor implements Serving, SlotOwner {
  /** See {@linkcode Serving.addrs}. */
  readonly addrs: readonly NetAddr[];
  #init: SupervisorInit;
  #slots: readonly WorkerSlot[];
  #stopChecks: () => void;
  #isDraining = false;
  #isStopping = false;
  /** Ends the delay of `stop()`, in which dead workers are replaced. */
  #delay = new EarliestTimer(SYSTEM_CLOCK, () => this.#stopNow());
  /** The shortest grace that was asked for, in ms. */
  #graceMs = Infinity;
  /** Whether all workers have listened at the same time once. */
  #isComplete = false;
  #finishedCount = 0;
  #failure: unknown = null;
  #finished: PromiseWithResolvers<void> = Promise.withResolvers();

  /** Starts the workers. */
  constructor(init: SupervisorInit) {
    const { workerCount, module, ports, hangTimeoutMs, maxHeapBytes } = init;
    this.#init = init;
    this.addrs = ports.addrs;
    this.#slots = Array.from({ length: workerCount }, (_, index) => {
      const heartbeat = new Heartbeat(hangTimeoutMs);
      const assignment = init.assignmentOf(index, heartbeat.counter);
      return new WorkerSlot({
        ...{ index, module, assignment, heartbeat, hangTimeoutMs },
        ...{ maxHeapBytes, ports, owner: this },
      });
    });
    for (const slot of this.#slots) slot.start();
    this.#stopChecks = SYSTEM_CLOCK.every(
      heartbeatPeriodMs(hangTimeoutMs),
      () => this.#slots.forEach((slot) => slot.checkHeartbeat()),
    );
  }

  /** See {@linkcode Serving.finished}. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** See {@linkcode Serving.connectionCount}: as the workers reported last. */
  get connectionCount(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.connectionCount, 0);
  }

  /** See {@linkcode Serving.requestCount}: as the workers reported last. */
  get requestCount(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.requestCount, 0);
  }

  /** See {@linkcode Serving.isDraining}. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** See {@linkcode Serving.stop}. */
  stop({ delayMs, graceMs }: StopTimes = { delayMs: 0, graceMs: 0 }): void {
    this.#isDraining = true;
    this.#graceMs = Math.min(this.#graceMs, graceMs);
    const isRepeated = this.#isStopping;
    this.#delay.set(delayMs);
    if (delayMs === 0 && !isRepeated) return; // the workers have their order
    for (const slot of this.#slots) slot.drain();
  }

  #stopNow(): void {
    this.#isStopping = true;
    for (const slot of this.#slots) slot.stop();
  }

  /** See {@linkcode SlotOwner.stopTimes}. */
  get stopTimes(): StopTimes {
    return { delayMs: this.#delay.remainingMs, graceMs: this.#graceMs };
  }

  /** See {@linkcode Serving.closeNow}. */
  closeNow(): void {
    this.stop();
    for (const slot of this.#slots) slot.closeNow();
  }

  /** See {@linkcode Serving.setRef}. */
  setRef(isRef: boolean): void {
    for (const slot of this.#slots) slot.setRef(isRef);
  }

  /** See {@linkcode SlotOwner.isStopping}. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** See {@linkcode SlotOwner.slotListens}. */
  slotListens(): void {
    if (this.#isComplete) return;
    if (!this.#slots.every((slot) => slot.isListening)) return;
    this.#isComplete = true;
    try {
      this.#init.onListening();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** See {@linkcode SlotOwner.slotClosed}. */
  slotClosed(): void {
    // Outside of a shutdown, one worker has stopped by itself.
    if (this.#isDraining && this.#slots.some((slot) => slot.mayListen)) return;
    for (const slot of this.#slots) slot.allClosed();
  }

  /** See {@linkcode SlotOwner.slotEnds}. */
  slotEnds(times: StopTimes | null): void {
    if (times === null) this.closeNow();
    else this.stop(times);
  }

  /** See {@linkcode SlotOwner.slotDied}. */
  slotDied(error: Error, hasListened: boolean): boolean {
    // A program that failed to start would fail again.
    const isHopeless = !hasListened &&
      (!this.#isComplete || !this.#slots.some((slot) => slot.isListening));
    if (isHopeless) this.#fail(error);
    else this.#init.onError(error);
    return !isHopeless;
  }

  /** See {@linkcode SlotOwner.slotAbandoned}. */
  slotAbandoned(): void {
    for (const slot of this.#slots) {
      slot.listenWith(this.#init.ports.socketCount);
    }
  }

  /** See {@linkcode SlotOwner.slotIsLate}. */
  slotIsLate(error: Error): void {
    this.#init.onError(error);
  }

  /** See {@linkcode SlotOwner.slotFailedAtEnd}. */
  slotFailedAtEnd(error: Error): void {
    this.#init.onError(error);
  }

  /** See {@linkcode SlotOwner.slotFinished}. */
  slotFinished(): void {
    if (++this.#finishedCount < this.#slots.length) return;
    this.#stopChecks();
    this.#init.ports.close();
    if (this.#failure === null) this.#finished.resolve();
    else this.#finished.reject(this.#failure);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.closeNow();
  }
}
