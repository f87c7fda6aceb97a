/** What a closing connection keeps and drops. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Closing } from "../../../server/connection/closing.ts";

Deno.test("a closing connection drops 65,536 bytes, and reads one more to see that the peer sends too many", () => {
  const closing = new Closing();
  assertEquals([closing.capacity, closing.isExhausted], [65_537, false]);
  closing.discard(65_536);
  assertEquals([closing.capacity, closing.isExhausted], [1, false]);
  closing.discard(1);
  assertEquals([closing.capacity, closing.isExhausted], [0, true]);
  closing.discard(1000);
  assertEquals([closing.capacity, closing.isExhausted], [0, true]);
});

Deno.test("a closing connection keeps the first fault", () => {
  const closing = new Closing();
  assertEquals(closing.fault, null);
  const first = new Error("first");
  closing.noteFault(first);
  closing.noteFault(new Error("second"));
  assertStrictEquals(closing.fault, first);
});
