/**
 * Small places to receive into, where heads are scanned without a copy. A
 * transport whose reads wait with a buffer of their own takes one for its
 * connection, while there are any left and it needs no larger one.
 */

import type { ReceiveWindow } from "../../codec/simd/head_scanner.ts";

/** Bytes of a slot: most heads of programs fit, many of browsers too. */
export const SLOT_BYTES = 1024;

/** The slots of one engine. */
export class ReceiveSlots {
  #area: ReceiveWindow | null;
  /** Bytes of the area that slots were made of. */
  #usedBytes = 0;
  #free: ReceiveWindow[] = [];

  /** Divides an area into slots; without one there are none. */
  constructor(area: ReceiveWindow | null) {
    this.#area = area;
  }

  /** Gives a slot that no other connection has, or `null` if all are taken. */
  take(): ReceiveWindow | null {
    return this.#free.pop() ?? this.#make();
  }

  /** Takes a slot back; nothing may be read into it any more. */
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
