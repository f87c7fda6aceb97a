import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import { decodeLatin1, encodeLatin1 } from "../../codec/ascii.ts";
import { ReceiveBuffer } from "../../codec/receive_buffer.ts";

function append(buffer: ReceiveBuffer, text: string): void {
  const bytes = encodeLatin1(text);
  buffer.append(bytes, 0, bytes.length);
}

function textOf(buffer: ReceiveBuffer): string {
  return decodeLatin1(buffer.bytes, buffer.start, buffer.end);
}

Deno.test("ReceiveBuffer keeps appended bytes until they are consumed", () => {
  const buffer = new ReceiveBuffer();
  assertEquals([buffer.length, buffer.bytes.length], [0, 0]);
  buffer.append(encodeLatin1("xabcx"), 1, 4);
  append(buffer, "def");
  assertEquals(textOf(buffer), "abcdef");
  buffer.consume(2);
  assertEquals([textOf(buffer), buffer.length], ["cdef", 4]);
  buffer.append(encodeLatin1("y"), 1, 1);
  assertEquals(textOf(buffer), "cdef");
});

Deno.test("ReceiveBuffer returns to the start of its array when it is empty", () => {
  const buffer = new ReceiveBuffer();
  append(buffer, "abc");
  buffer.consume(3);
  assertEquals([buffer.start, buffer.end], [0, 0]);
});

Deno.test("ReceiveBuffer moves its window to the start before it grows", () => {
  const buffer = new ReceiveBuffer();
  append(buffer, "x".repeat(2000));
  const { bytes } = buffer;
  buffer.consume(1999);
  append(buffer, "y".repeat(100));
  assertStrictEquals(buffer.bytes, bytes);
  assertEquals(textOf(buffer), `x${"y".repeat(100)}`);
  append(buffer, "z".repeat(5000));
  assertNotStrictEquals(buffer.bytes, bytes);
  assertEquals(textOf(buffer), `x${"y".repeat(100)}${"z".repeat(5000)}`);
});

Deno.test("ReceiveBuffer does not change a pinned view", () => {
  for (const more of [100, 3000]) {
    const buffer = new ReceiveBuffer();
    append(buffer, "a".repeat(2000));
    const view = buffer.bytes.subarray(0, 2000);
    buffer.pin();
    buffer.consume(2000);
    append(buffer, "b".repeat(more));
    append(buffer, "c".repeat(more));
    assertEquals(decodeLatin1(view, 0, 2000), "a".repeat(2000));
    assertEquals(textOf(buffer), "b".repeat(more) + "c".repeat(more));
    buffer.unpin();
    buffer.consume(2 * more);
    assertEquals([buffer.start, buffer.end], [0, 0]);
  }
});

Deno.test("ReceiveBuffer.clear() drops its bytes and its array", () => {
  const buffer = new ReceiveBuffer();
  append(buffer, "abc");
  const view = buffer.bytes.subarray(0, 3);
  buffer.pin();
  buffer.clear();
  assertEquals([buffer.length, buffer.bytes.length], [0, 0]);
  append(buffer, "def");
  assertEquals([textOf(buffer), decodeLatin1(view, 0, 3)], ["def", "abc"]);
});

Deno.test("ReceiveBuffer R57: allocates at most twice what it needs", () => {
  const buffer = new ReceiveBuffer();
  for (let size = 1; size <= 20_000; size++) {
    append(buffer, "x");
    const most = Math.max(2048, 2 * size);
    assertEquals(buffer.bytes.length <= most, true);
  }
  assertEquals(buffer.length, 20_000);
});
