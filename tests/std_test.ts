/**
 * The behaviour of `@std` that the tests rely on. Runs with the registry's
 * packages and with the adapters in `tests/std/`, so that both stay the same.
 */
import {
  assert,
  assertEquals,
  AssertionError,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { mergeReadableStreams, toArrayBuffer, toText } from "@std/streams";
import { assertSpyCall, assertSpyCalls, spy, stub } from "@std/testing/mock";
import { FakeTime } from "@std/testing/time";

class Left {
  constructor(readonly value: number) {}
}
class Right {
  constructor(readonly value: number) {}
}

const equalPairs: readonly (readonly [unknown, unknown])[] = [
  [NaN, NaN],
  [{ a: [1, { b: 2n }] }, { a: [1, { b: 2n }] }],
  [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
  [new Map([["a", [1]]]), new Map([["a", [1]]])],
  [new Set([1, 2]), new Set([2, 1])],
  [new Date(5), new Date(5)],
  [/a/g, /a/g],
];

const differentPairs: readonly (readonly [unknown, unknown])[] = [
  [1, "1"],
  [{ a: undefined }, {}],
  [[1, 2], [1, 2, 3]],
  [Uint8Array.of(1, 2), [1, 2]],
  [Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
  [new Map([["a", 1]]), new Map([["a", 2]])],
  [new Set([1]), new Set([2])],
  [new Left(1), new Right(1)],
  [new Left(1), { value: 1 }],
];

Deno.test("assertEquals() compares deeply, classes included", () => {
  for (const [a, b] of equalPairs) {
    assertEquals(a, b);
    assertThrows(() => assertNotEquals(a, b), AssertionError);
  }
  for (const [a, b] of differentPairs) {
    assertNotEquals(a, b);
    assertThrows(() => assertEquals(a, b), AssertionError);
  }
});

Deno.test("assertThrows() checks class and message and returns the error", () => {
  const error = new TypeError("Cannot do it");
  const fn = (): never => {
    throw error;
  };
  assertStrictEquals(assertThrows(fn, TypeError, "do it"), error);
  assertStrictEquals(assertThrows(fn), error);
  assertThrows(() => assertThrows(fn, RangeError), AssertionError);
  assertThrows(() => assertThrows(fn, TypeError, "other"), AssertionError);
  assertThrows(() => assertThrows(() => {}), AssertionError);
});

Deno.test("assertRejects() checks class and message and returns the error", async () => {
  const error = new TypeError("Cannot do it");
  const fn = (): Promise<never> => Promise.reject(error);
  assertStrictEquals(await assertRejects(fn, TypeError, "do it"), error);
  await assertRejects(() => assertRejects(fn, RangeError), AssertionError);
  await assertRejects(
    () => assertRejects(() => Promise.resolve()),
    AssertionError,
  );
  await assertRejects(
    () =>
      assertRejects(() => {
        throw error;
      }),
    AssertionError,
  );
});

Deno.test("streams are read to their end and merged", async () => {
  const one = (): ReadableStream<Uint8Array> =>
    ReadableStream.from([Uint8Array.of(0xc3), Uint8Array.of(0xa4)]);
  assertEquals(await toText(one()), "ä");
  assertEquals(
    new Uint8Array(await toArrayBuffer(one())),
    Uint8Array.of(0xc3, 0xa4),
  );
  const merged = await toArrayBuffer(mergeReadableStreams(one(), one()));
  assertEquals(merged.byteLength, 4);
});

Deno.test("spies and stubs record their calls", () => {
  const add = spy((a: number, b: number) => a + b);
  assertEquals(add(1, 2), 3);
  assertSpyCalls(add, 1);
  assertSpyCall(add, 0, { args: [1, 2], returned: 3 });
  assertThrows(() => assertSpyCalls(add, 2), AssertionError);

  const target = { greet: (name: string): string => `Hello, ${name}` };
  {
    using greet = stub(target, "greet", (name) => `Bye, ${name}`);
    assertEquals(target.greet("Ann"), "Bye, Ann");
    assertSpyCall(greet, 0, { args: ["Ann"], returned: "Bye, Ann" });
  }
  assertEquals(target.greet("Ann"), "Hello, Ann");
});

Deno.test("FakeTime moves the clock and the timers", async () => {
  const before = globalThis.setTimeout;
  {
    using time = new FakeTime(1_000);
    const calls: string[] = [];
    setTimeout(() => calls.push(`timeout ${Date.now()}`), 20);
    const interval = setInterval(() => calls.push("interval"), 10);
    const cleared = setTimeout(() => calls.push("cleared"), 15);
    clearTimeout(cleared);
    time.tick(20);
    assertEquals(calls, ["interval", "timeout 1020", "interval"]);
    clearInterval(interval);
    await time.tickAsync(100);
    assertEquals(calls.length, 3);
    assertEquals(new Date().getTime(), 1_120);
    assert(new Date() instanceof Date);
  }
  assertStrictEquals(globalThis.setTimeout, before);
});
