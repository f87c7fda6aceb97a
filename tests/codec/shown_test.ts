import { assertEquals } from "@std/assert";
import { isOptions, shown, typeName } from "../../codec/shown.ts";

Deno.test("shown() tells values of different types apart, in a bounded length", () => {
  const values: readonly (readonly [value: unknown, text: string])[] = [
    ["1", '"1"'],
    [1, "1"],
    [1n, "1"],
    [NaN, "NaN"],
    [null, "null"],
    [undefined, "undefined"],
    [Symbol("a"), "Symbol(a)"],
    [["a"], "an array"],
    [{ a: 1 }, "an object"],
    [() => 1, "a function"],
    ["\n".repeat(100), JSON.stringify("\n".repeat(64))],
  ];
  for (const [value, text] of values) assertEquals(shown(value), text);
});

Deno.test("isOptions() accepts objects, but no arrays or functions", () => {
  for (const value of [{}, Object.create(null)]) {
    assertEquals(isOptions(value), true);
  }
  for (const value of [null, undefined, [], "a", 1, () => {}]) {
    assertEquals(isOptions(value), false);
  }
});

Deno.test("typeName() tells null from objects", () => {
  assertEquals([null, {}, "a", undefined].map(typeName), [
    "null",
    "object",
    "string",
    "undefined",
  ]);
});
