/**
 * The program's own thread while workers serve: starts the workers, replaces
 * those that die, and finishes when the last one has exited. It moves no bytes.
 *
 * Serving ends on all workers together, whether the handle on this thread or
 * the program in a worker ends it.
 */

import type { SharedPorts } from "../engines/shared_ports.ts";
import type { Serving } from "../server_handle.ts";
import type { Assignment } from "./assignment.ts";
import { type SlotOwner, WorkerSlot } from "./worker_slot.ts";

/** Settings of a {@linkcode Supervisor}. */
export interface SupervisorInit {
  readonly workerCount: number;
  /** The module that workers run. */
  readonly module: URL;
  /** The ports that the workers share; the supervisor closes them at the end. */
  readonly ports: SharedPorts;
  /** Returns the assignment of the worker at an index. */
  assignmentOf(index: number): Assignment;
  /** Called once, when all workers listen; serving ends if it throws. */
  onListening(): void;
  /** Called when a worker dies, and with errors of its program. */
  onError(error: unknown): void;
}

/** See the file's header. */
export class Supervisor implements Serving, SlotOwner {
  /** See {@linkcode Serving.addrs}. */
  readonly addrs: readonly Deno.NetAddr[];
  #init: SupervisorInit;
  #slots: readonly WorkerSlot[];
  #isStopping = false;
  /** Whether all workers have listened at the same time once. */
  #isComplete = false;
  #finishedCount = 0;
  #failure: unknown = null;
  #finished: PromiseWithResolvers<void> = Promise.withResolvers();

  /** Starts the workers. */
  constructor(init: SupervisorInit) {
    const { workerCount, module, ports } = init;
    this.#init = init;
    this.addrs = ports.addrs;
    this.#slots = Array.from({ length: workerCount }, (_, index) => {
      const assignment = init.assignmentOf(index);
      return new WorkerSlot({ index, module, assignment, ports, owner: this });
    });
    for (const slot of this.#slots) slot.start();
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

  /** See {@linkcode Serving.stop}. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const slot of this.#slots) slot.stop();
  }

  /** See {@linkcode Serving.closeNow}. */
  closeNow(): void {
    this.#isStopping = true;
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

  /** See {@linkcode SlotOwner.slotEnds}. */
  slotEnds(isNow: boolean): void {
    if (isNow) this.closeNow();
    else this.stop();
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

  /** See {@linkcode SlotOwner.slotFailedAtEnd}. */
  slotFailedAtEnd(error: Error): void {
    this.#init.onError(error);
  }

  /** See {@linkcode SlotOwner.slotFinished}. */
  slotFinished(): void {
    if (++this.#finishedCount < this.#slots.length) return;
    this.#init.ports.close();
    if (this.#failure === null) this.#finished.resolve();
    else this.#finished.reject(this.#failure);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.closeNow();
  }
}
