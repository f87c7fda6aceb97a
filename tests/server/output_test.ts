/** Order, counts and reuse in a connection's output. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Output, OutputPool } from "../../server/output.ts";
import { fromOctets, toOctets } from "../_raw_client.ts";

/** Takes all segments as an engine does. */
function takeAll(output: Output): string[] {
  const taken: string[] = [];
  for (;;) {
    const segment = output.take();
    if (segment === null) return taken;
    taken.push(fromOctets(segment));
    output.sent(segment.length);
  }
}

Deno.test("small pieces are gathered into one segment", () => {
  const output = new Output(new OutputPool());
  output.append(toOctets("ab"));
  output.append(toOctets("cd"));
  assertEquals([output.pendingBytes, output.totalBytes], [4, 4]);
  assertEquals(takeAll(output), ["abcd"]);
  assertEquals([output.pendingBytes, output.sentBytes], [0, 4]);
});

Deno.test("a pushed piece is neither copied nor overtaken", () => {
  const output = new Output(new OutputPool());
  const large = toOctets("large");
  output.append(toOctets("before"));
  output.push(large);
  output.append(toOctets("after"));
  const first = output.take();
  assertEquals(first && fromOctets(first), "before");
  output.sent(6);
  assertStrictEquals(output.take(), large);
  output.sent(5);
  assertEquals(takeAll(output), ["after"]);
});

Deno.test("an empty piece makes no segment", () => {
  const output = new Output(new OutputPool());
  output.push(new Uint8Array(0));
  output.append(new Uint8Array(0));
  assertEquals(takeAll(output), []);
});

Deno.test("what is gathered grows over one buffer, and stays in order over the largest", () => {
  const output = new Output(new OutputPool());
  const piece = "0123456789".repeat(100);
  for (let n = 0; n < 200; n++) output.append(toOctets(piece));
  const segments = takeAll(output);
  assertEquals(segments.join(""), piece.repeat(200));
  assertEquals(segments.length < 6, true);
});

Deno.test("bytes written while a segment is being sent do not change it", () => {
  const output = new Output(new OutputPool());
  output.append(toOctets("first"));
  const first = output.take();
  output.append(toOctets("second"));
  assertEquals(first && fromOctets(first), "first");
  output.sent(5);
  assertEquals(takeAll(output), ["second"]);
});

Deno.test("a buffer goes back to its pool only once it was sent", () => {
  const pool = new OutputPool();
  const one = new Output(pool);
  const two = new Output(pool);
  one.append(toOctets("one"));
  const first = one.take();
  two.append(toOctets("two"));
  assertEquals(first && fromOctets(first), "one");
  one.sent(3);
  one.append(toOctets("again"));
  assertStrictEquals(one.take()?.buffer, first?.buffer);
  assertEquals(takeAll(two), ["two"]);
});

Deno.test("clear() drops what was not taken", () => {
  const output = new Output(new OutputPool());
  output.append(toOctets("ab"));
  output.push(toOctets("cd"));
  output.clear();
  assertEquals([output.pendingBytes, takeAll(output)], [0, []]);
});
