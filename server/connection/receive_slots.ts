/**
 * Small places to receive into, where heads are scanned without a copy: one for
 * each connection of an engine whose reads wait with a buffer of their own, as
 * long as there are any left and it needs no larger one.
 */

import type { ReceiveWindow } from "../../codec/simd/head_scanner.ts";

/** Octets of a slot: most heads of machines fit, many of browsers too. */
export const SLOT_BYTES = 1024;

/** One place. */
export interface ReceiveSlot {
  /** The slot alone, as a read takes it. */
  readonly view: Uint8Array<ArrayBuffer>;
  /** The array in which it lies. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of its first octet in that array. */
  readonly start: number;
}

/** The places of one engine. */
export class ReceiveSlots {
  #area: ReceiveWindow | null;
  /** Octets of the area that were never a slot's. */
  #unusedAt = 0;
  #free: ReceiveSlot[] = [];

  /** Divides an area; without one there are no slots. */
  constructor(area: ReceiveWindow | null) {
    this.#area = area;
  }

  /** Gives a slot that is nobody else's, or `null` if all are taken. */
  take(): ReceiveSlot | null {
    return this.#free.pop() ?? this.#make();
  }

  /** Takes a slot back, into which nothing will be read any more. */
  give(slot: ReceiveSlot): void {
    this.#free.push(slot);
  }

  #make(): ReceiveSlot | null {
    const area = this.#area;
    if (area === null || this.#unusedAt + SLOT_BYTES > area.size) return null;
    const { bytes } = area;
    const start = area.start + this.#unusedAt;
    this.#unusedAt += SLOT_BYTES;
    return { view: bytes.subarray(start, start + SLOT_BYTES), bytes, start };
  }
}
