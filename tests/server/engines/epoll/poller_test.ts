import { assertEquals } from "@std/assert";
import { eventLayout } from "../../../../server/engines/epoll/poller.ts";

Deno.test("eventLayout() is packed on x86-64 and aligned on aarch64", () => {
  // 12 bytes with the data at 4, and 16 with the data at 8
  assertEquals(eventLayout("x86_64"), { stride: 3, keyAt: 1 });
  assertEquals(eventLayout("aarch64"), { stride: 4, keyAt: 2 });
});
