/**
 * How many bytes the connections of an engine may write before the event loop
 * turns. The system often takes a write at once, and the stream reports it
 * before the next turn. Without a limit, a connection whose peer reads fast
 * could write an endless body while all others wait.
 */

import { runtimeTurn } from "../runtime_turn.ts";

/** Bytes in a turn: a few hundred microseconds of work. */
const MAX_TURN_BYTES = 1_048_576;

/** See the file's header. */
export class TurnBudget {
  #leftBytes = MAX_TURN_BYTES;
  #turn: Promise<void> | null = null;

  /** Whether the writers have to wait for the next turn. */
  get isSpent(): boolean {
    return this.#leftBytes <= 0;
  }

  /** Notes bytes that were written. */
  spend(sizeBytes: number): void {
    this.#leftBytes -= sizeBytes;
  }

  /** Starts again, since the event loop has turned. */
  renew(): void {
    this.#leftBytes = MAX_TURN_BYTES;
  }

  /** Resolves in the next turn. */
  nextTurn(): Promise<void> {
    return this.#turn ??= runtimeTurn().then(() => {
      this.#turn = null;
      this.renew();
    });
  }
}
