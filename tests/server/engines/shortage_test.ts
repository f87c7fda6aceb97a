/** Errors about missing descriptors, and stack traces that are turned off meanwhile. */

import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  isShortage,
  TraceSwitch,
  withoutTrace,
} from "../../../server/engines/shortage.ts";

/** The stack of a new error, without its first line. */
function traceOf(error: Error): string {
  return error.stack?.replace(/^.*\n?/, "") ?? "";
}

Deno.test("isShortage() recognises errors about descriptors by their code", () => {
  const cases: readonly (readonly [unknown, boolean])[] = [
    [Object.assign(new Error(), { code: "EMFILE" }), true],
    [Object.assign(new TypeError(), { code: "ENFILE" }), true],
    [Object.assign(new Error(), { code: "ENOMEM" }), false],
    [new Error("EMFILE"), false],
    [{ code: "EMFILE" }, false],
    [null, false],
  ];
  for (const [error, expected] of cases) {
    assertEquals(isShortage(error), expected);
  }
});

Deno.test("withoutTrace() leaves name and message as the stack", () => {
  assertEquals(withoutTrace(new TypeError("x")).stack, "TypeError: x");
});

Deno.test("TraceSwitch turns stack traces off for 5 s after the last shortage", () => {
  using time = new FakeTime();
  const limit = Error.stackTraceLimit;
  const traces = new TraceSwitch();
  traces.turnOff();
  assertEquals(traceOf(new Error("x")), "");
  time.tick(4000);
  traces.turnOff();
  time.tick(4999);
  assertEquals(traceOf(new Error("x")), "");
  time.tick(1);
  assert(traceOf(new Error("x")).includes("shortage_test.ts"));
  assertEquals(Error.stackTraceLimit, limit);
});

Deno.test("TraceSwitch does not turn on what it did not turn off", () => {
  const limit = Error.stackTraceLimit;
  const [first, second] = [new TraceSwitch(), new TraceSwitch()];
  first.turnOff();
  second.turnOff();
  second.turnOn();
  assertEquals(Error.stackTraceLimit, 0);
  first.turnOn();
  first.turnOn();
  assertEquals(Error.stackTraceLimit, limit);
});
