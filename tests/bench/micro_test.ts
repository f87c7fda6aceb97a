import { assertEquals, assertStringIncludes } from "@std/assert";
import { peerVersions } from "../../bench/report/machine.ts";
import {
  combineRounds,
  median,
  type Round,
  type Sample,
} from "../../bench/report/micro.ts";
import { lostGroups, microSection } from "../../bench/report/micro_page.ts";

function sample(name: string, minimum: number, average: number): Sample {
  return {
    group: "head",
    name,
    isBaseline: name === "khttp",
    minimum,
    average,
  };
}

function round(loadAverage: number, ...samples: Sample[]): Round {
  return { samples, loadAverage };
}

const file = combineRounds([
  round(1, sample("peer", 300, 350), sample("khttp", 120, 130)),
  round(5, sample("peer", 250, 900), sample("khttp", 100, 110)),
  round(2, sample("peer", 400, 450), sample("khttp", 500, 600)),
], "2026-01-01");

Deno.test("combineRounds() keeps the fastest batch and the median average", () => {
  assertEquals([file.rounds, file.loadAverage], [3, 5]);
  assertEquals(file.groups, [{
    name: "head",
    results: [
      {
        name: "peer",
        isBaseline: false,
        nanoseconds: 250,
        averageNanoseconds: 450,
        timesBaseline: 2.5,
      },
      {
        name: "khttp",
        isBaseline: true,
        nanoseconds: 100,
        averageNanoseconds: 130,
        timesBaseline: 1,
      },
    ],
  }]);
});

Deno.test("median() takes the mean of two in the middle", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
});

Deno.test("lostGroups() names groups in which a peer is faster than all of ours", () => {
  assertEquals(lostGroups([file]), []);
  const lost = combineRounds([
    round(1, sample("khttp", 100, 100), sample("peer", 50, 50)),
  ], "2026-01-01");
  assertEquals(lostGroups([file, lost]), ["head: peer takes 0.50 the time"]);
});

Deno.test("microSection() shows losing groups like any other", () => {
  const { markdown, plots } = microSection(
    "date_bench.ts",
    "/**\n * Dates: `deno bench`.\n *\n * How it is\n * done.\n */",
    file,
  );
  assertStringIncludes(markdown, "## Dates\n\nHow it is done.");
  assertStringIncludes(markdown, "| **khttp** | 100 ns | 130 ns | 1.00 |");
  assertStringIncludes(markdown, "| peer | 250 ns | 450 ns | 2.50 |");
  assertEquals(plots.map(({ name }) => name), ["date"]);
});

Deno.test("peerVersions() reads pinned packages, including scoped ones", () => {
  assertEquals(
    peerVersions([
      `import a from "npm:undici@8.1.0/lib/a.js";`,
      `await import("npm:@scope/name@1.2.3");`,
    ]),
    { "@scope/name": "1.2.3", "undici": "8.1.0" },
  );
});
