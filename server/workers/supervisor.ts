/**
 * The program's own thread while workers serve: it starts them, replaces those
 * that die, and is told when and how serving ends. It moves no bytes itself.
 *
 * The end of serving is the same for all workers, whoever asks for it: the
 * handle here, or a worker's program by its own.
 */

import type { SharedPorts } from "../engines/shared_ports.ts";
import type { RunningEngine } from "../server_handle.ts";
import type { Assignment } from "./assignment.ts";
import { type SlotOwner, WorkerSlot } from "./worker_slot.ts";

/** What a supervisor tells its owner. */
export interface SupervisorEvents {
  /** All workers listen. */
  onListening(): void;
  /** Serving is over, and no worker is left. */
  onFinished(error: unknown): void;
  /** A worker died. */
  onError(error: unknown): void;
}

/** What a supervisor is made of. */
export interface SupervisorInit {
  readonly workerCount: number;
  readonly module: URL;
  readonly sockets: SharedPorts;
  /** What a worker is told. */
  assignmentOf(index: number): Assignment;
}

/** See the file's header. */
export class Supervisor implements RunningEngine, SlotOwner {
  #slots: readonly WorkerSlot[];
  #sockets: SharedPorts;
  #events: SupervisorEvents;
  #isStopping = false;
  /** Whether all workers have listened at some time. */
  #isComplete = false;
  #overCount = 0;
  #failure: unknown = null;

  /** Starts the workers. */
  constructor(init: SupervisorInit, events: SupervisorEvents) {
    const { workerCount, module, sockets } = init;
    this.#sockets = sockets;
    this.#events = events;
    this.#slots = Array.from({ length: workerCount }, (_, index) => {
      const assignment = init.assignmentOf(index);
      return new WorkerSlot({
        index,
        module,
        assignment,
        sockets,
        owner: this,
      });
    });
    for (const slot of this.#slots) slot.start();
  }

  /** See {@linkcode RunningEngine.connectionCount}: as the workers said last. */
  get connectionCount(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.connectionCount, 0);
  }

  /** See {@linkcode RunningEngine.requestCount}: as the workers said last. */
  get requestCount(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.requestCount, 0);
  }

  /** See {@linkcode RunningEngine.stop}. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const slot of this.#slots) slot.stop();
  }

  /** See {@linkcode RunningEngine.closeNow}. */
  closeNow(): void {
    this.#isStopping = true;
    for (const slot of this.#slots) slot.closeNow();
  }

  /** See {@linkcode RunningEngine.setRef}. */
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
      this.#events.onListening();
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
    // A program that cannot even begin would only die again.
    const isHopeless = !hasListened &&
      (!this.#isComplete || !this.#slots.some((slot) => slot.isListening));
    if (isHopeless) this.#fail(error);
    else this.#events.onError(error);
    return !isHopeless;
  }

  /** See {@linkcode SlotOwner.slotComplains}. */
  slotComplains(error: Error): void {
    this.#events.onError(error);
  }

  /** See {@linkcode SlotOwner.slotOver}. */
  slotOver(): void {
    if (++this.#overCount < this.#slots.length) return;
    this.#sockets.close();
    this.#events.onFinished(this.#failure);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.closeNow();
  }
}
