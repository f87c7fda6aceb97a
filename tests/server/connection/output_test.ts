/** The output of a connection: order, counts, reuse of buffers, and promises for sent bytes. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  type FileRegion,
  Output,
  OutputBuffer,
  OutputPool,
} from "../../../server/connection/output.ts";
import { decodeLatin1, encodeLatin1 } from "../../support/latin1.ts";

/** The bytes to send next as a string, or `null` if there are none. */
function peek(output: Output): string | null {
  const buffer = output.take();
  if (buffer === null) return null;
  return decodeLatin1(buffer.bytes.subarray(output.sentOfFirst, buffer.end));
}

/** Sends everything as an engine does; returns the bytes of each buffer. */
function sendAll(output: Output): string[] {
  const taken: string[] = [];
  for (;;) {
    const text = peek(output);
    if (text === null) return taken;
    taken.push(text);
    output.sent(text.length);
  }
}

function constant(text: string): OutputBuffer {
  return OutputBuffer.constant(encodeLatin1(text));
}

Deno.test("small pieces are gathered into one buffer", () => {
  const output = new Output(new OutputPool());
  output.append(encodeLatin1("ab"));
  output.append(encodeLatin1("cd"));
  assertEquals([output.pendingBytes, output.totalBytes], [4, 4]);
  assertEquals(sendAll(output), ["abcd"]);
  assertEquals([output.pendingBytes, output.sentBytes], [0, 4]);
});

Deno.test("a pushed piece is not copied, and keeps its position", () => {
  const output = new Output(new OutputPool());
  const large = encodeLatin1("large");
  output.append(encodeLatin1("before"));
  output.push(large);
  output.append(encodeLatin1("after"));
  assertEquals(peek(output), "before");
  output.sent(6);
  assertStrictEquals(output.take()?.bytes, large);
  output.sent(5);
  assertEquals(sendAll(output), ["after"]);
});

Deno.test("an empty piece adds no buffer", () => {
  const output = new Output(new OutputPool());
  output.push(new Uint8Array(0));
  output.append(new Uint8Array(0));
  assertEquals(sendAll(output), []);
});

Deno.test("gathered bytes may exceed one buffer, and keep their order above the largest size", () => {
  const output = new Output(new OutputPool());
  const piece = "0123456789".repeat(100);
  for (let n = 0; n < 200; n++) output.append(encodeLatin1(piece));
  const segments = sendAll(output);
  assertEquals(segments.join(""), piece.repeat(200));
  assertEquals(segments.length < 6, true);
});

Deno.test("bytes that are added while a buffer is being sent go to another one", () => {
  const output = new Output(new OutputPool());
  output.append(encodeLatin1("first"));
  const first = output.take();
  output.append(encodeLatin1("second"));
  assertEquals(first && decodeLatin1(first.view()), "first");
  output.sent(5);
  assertEquals(sendAll(output), ["second"]);
});

Deno.test("a buffer returns to its pool only after it was sent", () => {
  const pool = new OutputPool();
  const one = new Output(pool);
  const two = new Output(pool);
  one.append(encodeLatin1("one"));
  const first = one.take();
  two.append(encodeLatin1("two"));
  assertEquals(first && decodeLatin1(first.view()), "one");
  one.sent(3);
  one.append(encodeLatin1("again"));
  assertStrictEquals(one.take(), first);
  assertEquals(sendAll(two), ["two"]);
});

Deno.test("a buffer may be sent in parts", () => {
  const output = new Output(new OutputPool());
  output.append(encodeLatin1("parts"));
  output.push(encodeLatin1("more"));
  assertEquals([peek(output), output.sentOfFirst], ["parts", 0]);
  output.sent(2);
  assertEquals([peek(output), output.pendingBytes], ["rts", 7]);
  output.sent(0);
  assertEquals([peek(output), output.sentOfFirst], ["rts", 2]);
  output.sent(3);
  assertEquals([peek(output), output.sentOfFirst], ["more", 0]);
  output.sent(4);
  assertEquals([peek(output), output.pendingBytes], [null, 0]);
});

Deno.test("a constant is sent from its own buffer when it is alone, and copied otherwise", () => {
  const output = new Output(new OutputPool());
  const same = constant("same");
  output.appendConstant(same);
  assertStrictEquals(output.take(), same);
  output.sent(4);
  output.appendConstant(same);
  output.appendConstant(same);
  assertEquals(sendAll(output), ["samesame"]);
  output.append(encodeLatin1("first "));
  output.appendConstant(same);
  assertEquals(sendAll(output), ["first same"]);
  output.appendConstant(same);
  output.appendConstant(constant("other"));
  assertEquals(sendAll(output), ["sameother"]);
  output.appendConstant(same);
  output.push(encodeLatin1("pushed"));
  assertEquals(sendAll(output), ["same", "pushed"]);
  assertEquals([same.end, decodeLatin1(same.bytes)], [4, "same"]);
});

Deno.test("a constant is sent as often as it was added", () => {
  const output = new Output(new OutputPool());
  const text = "0123456789".repeat(10);
  const buffer = constant(text);
  for (const count of [2, 3, 16, 17, 1000]) {
    for (let n = 0; n < count; n++) output.appendConstant(buffer);
    assertEquals(output.pendingBytes, count * text.length);
    assertEquals(sendAll(output).join(""), text.repeat(count));
    for (let n = 0; n < count; n++) output.appendConstant(buffer);
    output.append(encodeLatin1("end"));
    assertEquals(sendAll(output).join(""), text.repeat(count) + "end");
    for (let n = 0; n < count; n++) output.appendConstant(buffer);
    output.push(encodeLatin1("pushed"));
    output.appendConstant(buffer);
    assertEquals(
      sendAll(output).join(""),
      text.repeat(count) + "pushed" + text,
    );
    for (let n = 0; n < count; n++) output.appendConstant(buffer);
    output.appendConstant(constant("other"));
    assertEquals(sendAll(output).join(""), text.repeat(count) + "other");
  }
});

Deno.test("a constant that is being sent is sent once, whatever is added after it", () => {
  const first = constant("first");
  const cases: ((output: Output) => void)[] = [
    (output) => output.append(encodeLatin1("second")),
    (output) => output.push(encodeLatin1("second")),
    (output) => output.appendConstant(constant("second")),
  ];
  for (const add of cases) {
    const output = new Output(new OutputPool());
    output.appendConstant(first);
    assertStrictEquals(output.take(), first);
    add(output);
    assertEquals([output.pendingBytes, output.sentBytes], [11, 0]);
    output.sent(2);
    add(output);
    assertEquals([peek(output), output.sentBytes], ["rst", 2]);
    output.sent(3);
    assertEquals([output.pendingBytes, output.sentBytes], [12, 5]);
    assertEquals(sendAll(output).join(""), "secondsecond");
  }
});

Deno.test("an unused reservation has no effect", () => {
  const output = new Output(new OutputPool());
  output.reserve(10);
  output.push(encodeLatin1("pushed"));
  output.append(encodeLatin1("after"));
  assertEquals(sendAll(output), ["pushed", "after"]);
  output.reserve(10);
  output.reserve(10_000);
  output.append(encodeLatin1("more"));
  assertEquals(sendAll(output), ["more"]);
  output.push(encodeLatin1("pushed"));
  output.reserve(10);
  output.appendConstant(constant("constant"));
  assertEquals(sendAll(output), ["pushed", "constant"]);
});

Deno.test("a pooled buffer keeps the data that an engine attached to it", () => {
  const output = new Output(new OutputPool());
  const addresses: unknown[] = [];
  for (let turn = 0; turn < 2; turn++) {
    output.append(encodeLatin1("x"));
    const buffer = output.take();
    addresses.push(buffer?.address);
    if (buffer !== null) buffer.address = "here";
    output.sent(1);
  }
  assertEquals(addresses, [null, "here"]);
});

Deno.test("sentUpTo() resolves when the buffer with its position was sent", async () => {
  const output = new Output(new OutputPool());
  const resolved: number[] = [];
  const wait = (position: number) =>
    output.sentUpTo(position).then(() => resolved.push(position));
  await output.drained();
  output.append(encodeLatin1("first"));
  wait(3);
  wait(5);
  wait(6);
  output.take();
  output.append(encodeLatin1("second"));
  const drained = output.drained();
  output.sent(4);
  await Promise.resolve();
  assertEquals(resolved, []);
  output.sent(1);
  await Promise.resolve();
  assertEquals(resolved, [3, 5]);
  assertEquals(sendAll(output), ["second"]);
  await drained;
  assertEquals(resolved, [3, 5, 6]);
});

Deno.test("fail() drops unsent bytes, and pending sentUpTo() calls reject with the reason", async () => {
  const output = new Output(new OutputPool());
  const reason = new Error("gone");
  output.append(encodeLatin1("sent"));
  assertEquals(sendAll(output), ["sent"]);
  output.append(encodeLatin1("kept"));
  output.push(encodeLatin1("pushed"));
  output.take();
  output.sent(2);
  const before = assertRejects(() => output.drained(), Error, "gone");
  output.fail(reason);
  await before;
  assertEquals([output.take(), output.failure], [null, reason]);
  assertEquals([output.sentBytes, output.pendingBytes], [6, 8]);
  await output.sentUpTo(6);
  await assertRejects(() => output.sentUpTo(7), Error, "gone");
  await assertRejects(() => output.drained(), Error, "gone");
});

Deno.test("fail() drops the copies of a constant that were not taken", () => {
  const output = new Output(new OutputPool());
  const buffer = constant("same");
  output.appendConstant(buffer);
  output.appendConstant(buffer);
  output.fail(new Error("gone"));
  output.reserve(10);
  output.push(encodeLatin1("late"));
  assertEquals(output.sentBytes, 0);
  assertEquals([buffer.end, decodeLatin1(buffer.bytes)], [4, "same"]);
});

Deno.test("the end of the output is reported once", () => {
  const output = new Output(new OutputPool());
  assertEquals(output.takeEnd(), false);
  output.requestEnd();
  assertEquals([output.takeEnd(), output.takeEnd()], [true, false]);
});

/** A region that counts what was sent of it, and keeps its error. */
class Region implements FileRegion {
  readonly fd = null;
  readonly callBytes = 1;
  readonly isReading = false;
  position = 0;
  failure: unknown = null;

  constructor(readonly end: number) {}

  nextPiece(): Uint8Array {
    return new Uint8Array(1);
  }

  noteDuration(): void {}

  advance(size: number): void {
    this.position += size;
  }

  fail(error: unknown): void {
    this.failure = error;
  }
}

Deno.test("a file follows the buffers, and counts as pending until it is sent", async () => {
  const output = new Output(new OutputPool());
  const file = new Region(1000);
  output.append(encodeLatin1("head"));
  output.pushFile(file);
  assertEquals([output.pendingBytes, output.totalBytes], [1004, 1004]);
  let isSent = false;
  const drained = output.drained().then(() => isSent = true);
  assertEquals(sendAll(output), ["head"]);
  output.sentOfFile(400);
  assertStrictEquals(output.file, file);
  await Promise.resolve();
  assertEquals([isSent, output.pendingBytes, output.sentBytes], [
    false,
    600,
    404,
  ]);
  output.sentOfFile(600);
  await drained;
  assertEquals([output.file, output.pendingBytes, output.sentBytes], [
    null,
    0,
    1004,
  ]);
  output.append(encodeLatin1("next"));
  assertEquals(sendAll(output), ["next"]);
});

Deno.test("copies of a constant are sent before a file", () => {
  for (const count of [1, 2, 3]) {
    const output = new Output(new OutputPool());
    const ok = constant("ok");
    for (let n = 0; n < count; n++) output.appendConstant(ok);
    output.append(encodeLatin1("head"));
    output.pushFile(new Region(10));
    assertEquals(sendAll(output).join(""), "ok".repeat(count) + "head");
    assertEquals([output.pendingBytes, output.file?.end], [10, 10]);
  }
});

Deno.test("of a very long file, only a part counts as pending at a time", () => {
  const output = new Output(new OutputPool());
  const size = 5 * 2 ** 30;
  output.pushFile(new Region(size));
  let count = 0;
  while (output.file !== null) {
    assert(output.pendingBytes > 0 && output.pendingBytes < 2 ** 30);
    output.sentOfFile(output.pendingBytes);
    count++;
  }
  assertEquals([count, output.totalBytes, output.pendingBytes], [6, size, 0]);
});

Deno.test("a file that fails is removed with what was pending of it", () => {
  const output = new Output(new OutputPool());
  const file = new Region(100);
  output.pushFile(file);
  output.sentOfFile(30);
  output.fileFailed("reason");
  assertEquals([
    file.failure,
    output.file,
    output.pendingBytes,
    output.totalBytes,
  ], ["reason", null, 0, 30]);
});
