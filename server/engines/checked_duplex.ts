/**
 * Wraps a duplex that the program created or changed. Every misbehaviour of the
 * duplex becomes a rejection, so that it closes its own connection and does not
 * affect others.
 */

import type { Duplex } from "../duplex.ts";
import { runtimeTurn } from "./runtime_turn.ts";

/** The part of a duplex that a transport uses. */
export type Streams = Pick<Duplex, "read" | "write" | "closeWrite">;

/**
 * See the file's header. The methods reject; they never throw. A duplex that
 * keeps returning 0 would make the transport spin. A turn of the event loop
 * follows each 0, so that deadlines can end the connection.
 */
export class CheckedDuplex implements Streams {
  /** See {@linkcode Duplex.closeWrite}; missing if the duplex has none. */
  readonly closeWrite?: () => Promise<void>;
  #duplex: Duplex;

  /**
   * Wraps a duplex.
   *
   * @throws {unknown} If the value is not a duplex, or reading its properties throws.
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
    `Cannot continue: a ${what} of at most ${most} bytes gave ${String(size)}`,
  );
}
