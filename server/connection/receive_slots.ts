/**
 * Small receive buffers in the scanner's memory, where heads are scanned
 * without a copy. A transport whose reads stay pending, each with its own
 * buffer, takes one for its connection, unless all are taken or it needs a
 * larger buffer.
 */

import type { ReceiveWindow } from "../../codec/simd/head_scanner.ts";

/** Bytes of a slot: most heads of programs and many of browsers fit. */
export const SLOT_BYTES = 1024;

/** The slots of one engine. */
export class ReceiveSlots {
  #area: ReceiveWindow | null;
  /** Bytes of the area that are divided into slots already. */
  #usedBytes = 0;
  #free: ReceiveWindow[] = [];

  /** Divides an area into slots; without an area there are no slots. */
  constructor(area: ReceiveWindow | null) {
    this.#area = area;
  }

  /** Returns a free slot, or `null` if all are taken. */
  take(): ReceiveWindow | null {
    return this.#free.pop() ?? this.#make();
  }

  /** Takes a slot back. No read into it may be pending. */
  give(slot: ReceiveWindow): void {
    this.#free.push(slot);
  }

  #make(): ReceiveWindow | null {
    const area = this.#area;
    if (area === null || this.#usedBytes + SLOT_BYTES > area.size) return null;
    const start = area.start + this.#usedBytes;
    this.#usedBytes += SLOT_BYTES;
    return { bytes: area.bytes, start, size: SLOT_BYTES };
  }
}
