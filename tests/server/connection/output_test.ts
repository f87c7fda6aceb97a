/** Order, counts and reuse in a connection's output. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  Output,
  OutputBuffer,
  OutputPool,
} from "../../../server/connection/output.ts";
import { decodeLatin1, encodeLatin1 } from "../../support/latin1.ts";

/** Takes all segments as an engine does. */
function takeAll(output: Output): string[] {
  const taken: string[] = [];
  for (;;) {
    const segment = output.take();
    if (segment === null) return taken;
    taken.push(decodeLatin1(segment));
    output.sent(segment.length);
  }
}

Deno.test("small pieces are gathered into one segment", () => {
  const output = new Output(new OutputPool());
  output.append(encodeLatin1("ab"));
  output.append(encodeLatin1("cd"));
  assertEquals([output.pendingBytes, output.totalBytes], [4, 4]);
  assertEquals(takeAll(output), ["abcd"]);
  assertEquals([output.pendingBytes, output.sentBytes], [0, 4]);
});

Deno.test("a pushed piece is neither copied nor overtaken", () => {
  const output = new Output(new OutputPool());
  const large = encodeLatin1("large");
  output.append(encodeLatin1("before"));
  output.push(large);
  output.append(encodeLatin1("after"));
  const first = output.take();
  assertEquals(first && decodeLatin1(first), "before");
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
  for (let n = 0; n < 200; n++) output.append(encodeLatin1(piece));
  const segments = takeAll(output);
  assertEquals(segments.join(""), piece.repeat(200));
  assertEquals(segments.length < 6, true);
});

Deno.test("bytes written while a segment is being sent do not change it", () => {
  const output = new Output(new OutputPool());
  output.append(encodeLatin1("first"));
  const first = output.take();
  output.append(encodeLatin1("second"));
  assertEquals(first && decodeLatin1(first), "first");
  output.sent(5);
  assertEquals(takeAll(output), ["second"]);
});

Deno.test("a buffer goes back to its pool only once it was sent", () => {
  const pool = new OutputPool();
  const one = new Output(pool);
  const two = new Output(pool);
  one.append(encodeLatin1("one"));
  const first = one.take();
  two.append(encodeLatin1("two"));
  assertEquals(first && decodeLatin1(first), "one");
  one.sent(3);
  one.append(encodeLatin1("again"));
  assertStrictEquals(one.take()?.buffer, first?.buffer);
  assertEquals(takeAll(two), ["two"]);
});

Deno.test("clear() drops what was not taken", () => {
  const output = new Output(new OutputPool());
  output.append(encodeLatin1("ab"));
  output.push(encodeLatin1("cd"));
  output.clear();
  assertEquals([output.pendingBytes, takeAll(output)], [0, []]);
});

Deno.test("a segment may be sent in parts", () => {
  const output = new Output(new OutputPool());
  output.append(encodeLatin1("parts"));
  output.push(encodeLatin1("more"));
  assertEquals(output.next(), true);
  assertEquals([output.sendStart, output.sendEnd], [0, 5]);
  output.sent(2);
  assertEquals([output.sendStart, output.pendingBytes], [2, 7]);
  assertEquals(output.sendBuffer?.bytes, output.sendBytes);
  output.sent(3);
  assertEquals(output.sendBuffer, null);
  assertEquals(output.next(), true);
  assertEquals(
    decodeLatin1(output.sendBytes.subarray(0, output.sendEnd)),
    "more",
  );
  output.sent(4);
  assertEquals([output.next(), output.pendingBytes], [false, 0]);
});

Deno.test("a constant piece is sent from its own buffer when it is alone, and copied otherwise", () => {
  const output = new Output(new OutputPool());
  const constant = new OutputBuffer(encodeLatin1("same"), false);
  output.appendConstant(constant);
  assertEquals(output.next(), true);
  assertStrictEquals(output.sendBuffer, constant);
  output.sent(4);
  output.appendConstant(constant);
  output.appendConstant(constant);
  assertEquals(takeAll(output), ["samesame"]);
  output.append(encodeLatin1("first "));
  output.appendConstant(constant);
  assertEquals(takeAll(output), ["first same"]);
  output.appendConstant(constant);
  output.appendConstant(new OutputBuffer(encodeLatin1("other"), false));
  assertEquals(takeAll(output), ["sameother"]);
});

Deno.test("a constant piece goes out as often as it was added", () => {
  const output = new Output(new OutputPool());
  const constant = new OutputBuffer(
    encodeLatin1("0123456789".repeat(10)),
    false,
  );
  const text = decodeLatin1(constant.bytes);
  for (const count of [2, 3, 16, 17, 1000]) {
    for (let n = 0; n < count; n++) output.appendConstant(constant);
    assertEquals(output.pendingBytes, count * text.length);
    assertEquals(takeAll(output).join(""), text.repeat(count));
    for (let n = 0; n < count; n++) output.appendConstant(constant);
    output.append(encodeLatin1("end"));
    assertEquals(takeAll(output).join(""), text.repeat(count) + "end");
  }
});

Deno.test("a pooled buffer keeps what an engine keeps with it", () => {
  const output = new Output(new OutputPool());
  const addresses: unknown[] = [];
  for (let turn = 0; turn < 2; turn++) {
    output.append(encodeLatin1("x"));
    output.next();
    addresses.push(output.sendBuffer?.address);
    if (output.sendBuffer !== null) output.sendBuffer.address = "here";
    output.sent(1);
  }
  assertEquals(addresses, [null, "here"]);
});

/** What is left of the segment that is being sent. */
function restOf(output: Output): string {
  const { sendBytes, sendStart, sendEnd } = output;
  return decodeLatin1(sendBytes.subarray(sendStart, sendEnd));
}

Deno.test("a single piece that was taken is sent once, whatever comes behind it meanwhile", () => {
  const single = new OutputBuffer(encodeLatin1("first"), false);
  const cases: ((output: Output) => void)[] = [
    (output) => output.append(encodeLatin1("second")),
    (output) => output.push(encodeLatin1("second")),
    (output) =>
      output.appendConstant(new OutputBuffer(encodeLatin1("second"), false)),
  ];
  for (const add of cases) {
    const output = new Output(new OutputPool());
    output.appendConstant(single);
    assertStrictEquals(output.take(), single.bytes);
    add(output);
    assertEquals([output.pendingBytes, output.sentBytes], [11, 0]);
    output.sent(5);
    assertEquals([output.pendingBytes, output.sentBytes], [6, 5]);
    assertEquals(takeAll(output), ["second"]);
  }
});

Deno.test("a single piece that was taken may be sent in parts", () => {
  const single = new OutputBuffer(encodeLatin1("single"), false);
  const output = new Output(new OutputPool());
  output.appendConstant(single);
  output.take();
  output.sent(4);
  assertEquals([restOf(output), output.pendingBytes], ["le", 2]);
  output.append(encodeLatin1("more"));
  output.sent(2);
  assertEquals(takeAll(output), ["more"]);
  output.appendConstant(single);
  output.take();
  output.singleSent();
  assertEquals([output.pendingBytes, output.sentBytes], [0, 16]);
  output.appendConstant(single);
  output.take();
  output.clear();
  output.append(encodeLatin1("last"));
  assertEquals(takeAll(output), ["last"]);
});
