import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { LoadResults, TargetResult } from "../../bench/load/results.ts";
import { loadSection } from "../../bench/report/load_page.ts";
import { MACHINE } from "../support/bench_machine.ts";

function result(target: string, requestsPerSecond: number): TargetResult {
  return {
    target,
    requestsPerSecond,
    p50Ms: 1.234,
    p99Ms: 5,
    cpuMicrosPerRequest: 12.34,
    instructionsPerRequest: null,
    peakRssMiB: 80.25,
    errors: 0,
  };
}

const load: LoadResults = {
  machine: MACHINE,
  versions: { "nginx": "1.26" },
  loader: "wrk 4.2",
  rounds: 3,
  seconds: 5,
  notes: ["one target could not be had"],
  cases: [1, 64].map((connections) => ({
    name: "hello",
    description: "GET /",
    connections,
    pipelined: 1,
    rounds: 3,
    seconds: 5,
    results: [result("nginx", 90_000), result("khttp epoll", 80_000)],
    failures: [{ target: "broken", reason: "it answered 500" }],
  })),
};

Deno.test("loadSection() shows losing targets in the file's order", () => {
  const { markdown } = loadSection(load);
  const rows = markdown.split("\n").filter((line) => line.includes("80.3 MiB"));
  assertEquals(rows.map((row) => row.split(" | ").slice(0, 2)), [
    ["| nginx", "90,000"],
    ["| **khttp epoll**", "80,000"],
    ["| nginx", "90,000"],
    ["| **khttp epoll**", "80,000"],
  ]);
  assertStringIncludes(markdown, "- broken is left out: it answered 500");
  assertStringIncludes(markdown, "- one target could not be had");
});

Deno.test("loadSection() has a column for instructions only if some were counted", () => {
  assert(!loadSection(load).markdown.includes("instructions"));
  const counted = load.cases.map((part) => ({
    ...part,
    results: part.results.map((result) => ({
      ...result,
      userInstructionsPerRequest: 1234,
    })),
  }));
  const { markdown } = loadSection({ ...load, cases: counted });
  assertStringIncludes(markdown, "| 1,234 |");
});

Deno.test("loadSection() draws the cases at 64 connections", () => {
  const { plots } = loadSection(load);
  assertEquals(plots.map(({ name }) => name), ["load-requests", "load-cpu"]);
  for (const { panels } of plots) {
    assertEquals(panels?.map(({ title }) => title), ["hello"]);
  }
});
