/** Errors that reach no caller: how often they are reported, and how they are printed. */

import { assertEquals } from "@std/assert";
import { stub } from "@std/testing/mock";
import { errorReporter } from "../../server/error_reporter.ts";

/** Calls a reporter at given times, in ms; returns what it printed. */
function printed(
  calls: readonly (readonly [atMs: number, error: unknown])[],
): unknown[] {
  const lines: unknown[] = [];
  let nowMs = 0;
  using _now = stub(performance, "now", () => nowMs);
  using _error = stub(console, "error", (line) => void lines.push(line));
  const report = errorReporter();
  for (const [atMs, error] of calls) {
    nowMs = atMs;
    report(error);
  }
  return lines;
}

Deno.test("errorReporter() prints at most one error a second", () => {
  const errors = [1, 2, 3].map((n) => new Error(`${n}`));
  const calls = errors.map((error, n) => [n * 600, error] as const);
  assertEquals(printed(calls), [errors[0], errors[2]]);
});

Deno.test("errorReporter() prints no stack for 5 s after descriptors were out", () => {
  const full = Object.assign(new Error("full"), { code: "EMFILE" });
  const late = new Error("late");
  const lines = printed([
    [0, new Error("other")],
    [500, full], // too soon to be printed
    [2000, new Error("while out")],
    [4000, "a string"],
    [6000, late],
  ]);
  assertEquals(lines.slice(1), ["Error: while out", "a string", late]);
});

Deno.test("errorReporter() prints what the application's own function throws", () => {
  const thrown = new Error("thrown");
  const lines: unknown[] = [];
  using _ = stub(console, "error", (line) => void lines.push(line));
  const report = errorReporter(() => {
    throw thrown;
  });
  report(new Error("reported"));
  assertEquals(lines, [thrown]);
});
