/** Slots of the shared receive area: their layout and their reuse. */

import { assert, assertEquals, assertNotStrictEquals } from "@std/assert";
import {
  ReceiveSlots,
  SLOT_BYTES,
} from "../../../server/connection/receive_slots.ts";

Deno.test("slots fill their area without gaps", () => {
  const bytes = new Uint8Array(5000);
  const slots = new ReceiveSlots({ bytes, start: 100, size: 2 * SLOT_BYTES });
  const first = slots.take();
  const second = slots.take();
  assertEquals([first?.start, second?.start], [100, 100 + SLOT_BYTES]);
  assertEquals(slots.take(), null);
  for (const [value, slot] of [first, second].entries()) {
    assert(slot !== null);
    bytes.fill(value + 1, slot.start, slot.start + slot.size);
  }
  assertEquals(bytes[99 + SLOT_BYTES], 1);
  assertEquals(bytes[100 + SLOT_BYTES], 2);
  assertEquals(bytes[100 + 2 * SLOT_BYTES], 0);
});

Deno.test("a slot that was returned is handed out again, to one owner at a time", () => {
  const bytes = new Uint8Array(2 * SLOT_BYTES);
  const slots = new ReceiveSlots({ bytes, start: 0, size: bytes.length });
  const [first, second] = [slots.take(), slots.take()];
  if (first !== null) slots.give(first);
  const again = slots.take();
  assertEquals(again, first);
  assertNotStrictEquals(again, second);
  assertEquals(slots.take(), null);
});

Deno.test("without an area there are no slots", () => {
  assertEquals(new ReceiveSlots(null).take(), null);
});
