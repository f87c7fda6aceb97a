/**
 * A duplex that is not the runtime's: whatever it does wrong becomes a
 * rejection, so that it ends its own connection and nothing else.
 */

import type { Duplex } from "../duplex.ts";
import { runtimeTurn } from "./runtime_turn.ts";

/** What is read from and written to. */
export type Streams = Pick<Duplex, "read" | "write" | "closeWrite">;

/**
 * See the file's header. Its methods reject; they never throw. Whoever gives
 * nothing may do so without an end: deadlines get their turn in between.
 */
export class CheckedDuplex implements Streams {
  /** See {@linkcode Duplex.closeWrite}; only where there is one. */
  readonly closeWrite?: () => Promise<void>;
  #duplex: Duplex;

  /**
   * Wraps a duplex.
   *
   * @throws {unknown} If it is none, or one that cannot be looked at.
   */
  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    if (duplex.closeWrite !== undefined) {
      this.closeWrite = async () => await duplex.closeWrite?.();
    }
  }

  /** See {@linkcode Duplex.read}. */
  async read(buffer: Uint8Array): Promise<number | null> {
    const size = await this.#duplex.read(buffer);
    if (size !== null) checkCount("read", size, buffer.length);
    if (size === 0) await runtimeTurn();
    return size;
  }

  /** See {@linkcode Duplex.write}. */
  async write(bytes: Uint8Array): Promise<number> {
    const size = await this.#duplex.write(bytes);
    checkCount("write", size, bytes.length);
    if (size === 0) await runtimeTurn();
    return size;
  }
}

function checkCount(what: "read" | "write", size: number, most: number): void {
  if (Number.isInteger(size) && size >= 0 && size <= most) return;
  throw new RangeError(
    `Cannot go on: a ${what} of at most ${most} bytes gave ${String(size)}`,
  );
}
