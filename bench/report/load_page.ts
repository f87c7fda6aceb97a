/**
 * The page's section on servers under load, from the results of `load.ts`. It
 * shows every target of a case, in the order of the file.
 */

import type { CaseResult, LoadResults, TargetResult } from "../load/results.ts";
import type { Bar, Panel } from "../plot.ts";
import { machineTable } from "./machine.ts";
import type { Section } from "./micro_page.ts";
import { picture, type Plot } from "./plots.ts";

/** Cases with this number of connections are plotted. */
const DRAWN_CONNECTIONS = 64;

/** Renders the section. */
export function loadSection(load: LoadResults): Section {
  const drawn = load.cases.filter(({ connections }) =>
    connections === DRAWN_CONNECTIONS
  );
  const plots = drawn.length === 0 ? [] : [
    plotOf(drawn, "load-requests", "Requests a second, more is better", {
      valueOf: ({ requestsPerSecond }) => requestsPerSecond,
      textOf: whole,
    }),
    plotOf(drawn, "load-cpu", "CPU time per request, less is better", {
      valueOf: ({ cpuMicrosPerRequest }) => cpuMicrosPerRequest,
      textOf: (value) => `${short(value)} µs`,
    }),
  ];
  return {
    plots,
    markdown: [
      "## Servers under load",
      `Whole servers on one core, with load from ${load.loader} on another core. The servers take turns, and each figure is the median of the rounds. Before the first round every server's responses are checked. Servers of this library are in bold; cases where they are slower are shown in the same way as cases where they are faster.`,
      machineTable(load.machine, load.versions),
      ...load.notes.length === 0 ? [] : [list(load.notes)],
      ...plots.map(picture),
      ...load.cases.map(caseText),
    ].join("\n\n"),
  };
}

function caseText(load: CaseResult): string {
  const { name, description, connections, pipelined, failures } = load;
  const pipelining = pipelined > 1 ? `, ${pipelined} pipelined` : "";
  const plural = connections === 1 ? "connection" : "connections";
  return [
    `### ${name}, ${connections} ${plural}${pipelining}`,
    `${description} (${load.rounds} rounds of ${load.seconds} s).`,
    caseTable(load.results),
    ...failures.length === 0 ? [] : [
      list(
        failures.map(({ target, reason }) =>
          `${target} is left out: ${reason}`
        ),
      ),
    ],
  ].join("\n\n");
}

/** A column: its title, and its content for a target. */
type Column = readonly [head: string, cellOf: (result: TargetResult) => string];

const COLUMNS: readonly Column[] = [
  [
    "target",
    (result) => isOurs(result) ? `**${result.target}**` : result.target,
  ],
  ["requests/s", ({ requestsPerSecond }) => whole(requestsPerSecond)],
  ["p50", ({ p50Ms }) => `${short(p50Ms)} ms`],
  ["p99", ({ p99Ms }) => `${short(p99Ms)} ms`],
  [
    "CPU a request",
    ({ cpuMicrosPerRequest }) => `${short(cpuMicrosPerRequest)} µs`,
  ],
  ["peak memory", ({ peakRssMiB }) => `${peakRssMiB.toFixed(1)} MiB`],
  ["errors", ({ errors }) => whole(errors)],
];

const COUNTED: Column = [
  "instructions",
  ({ instructionsPerRequest }) => whole(instructionsPerRequest),
];

const SIMULATED: Column = [
  "instructions, user, by callgrind",
  ({ userInstructionsPerRequest }) => whole(userInstructionsPerRequest),
];

function caseTable(results: readonly TargetResult[]): string {
  const columns = [
    ...COLUMNS,
    ...results.some(({ instructionsPerRequest }) =>
        instructionsPerRequest !== null
      )
      ? [COUNTED]
      : [],
    ...results.some(({ userInstructionsPerRequest }) =>
        userInstructionsPerRequest !== undefined
      )
      ? [SIMULATED]
      : [],
  ];
  return [
    `| ${columns.map(([head]) => head).join(" | ")} |`,
    `| --- |${" ---: |".repeat(columns.length - 1)}`,
    ...results.map((result) =>
      `| ${columns.map(([, cellOf]) => cellOf(result)).join(" | ")} |`
    ),
  ].join("\n");
}

/** The value of a bar and its label. */
interface Measure {
  readonly valueOf: (result: TargetResult) => number;
  readonly textOf: (value: number) => string;
}

function plotOf(
  cases: readonly CaseResult[],
  name: string,
  title: string,
  { valueOf, textOf }: Measure,
): Plot {
  const panels = cases.map(({ name, results }): Panel => ({
    title: name,
    bars: results.map((result): Bar => {
      const value = valueOf(result);
      const ours = isOurs(result);
      return { label: result.target, value, text: textOf(value), isOurs: ours };
    }),
  }));
  return {
    name,
    title: `${title} (${DRAWN_CONNECTIONS} connections)`,
    description: "The tables below the plot have the same figures.",
    panels,
  };
}

function isOurs({ target }: TargetResult): boolean {
  return target.startsWith("khttp");
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

function short(value: number): string {
  return value < 1000 ? value.toPrecision(3) : whole(value);
}

function whole(value: number | null | undefined): string {
  return value === null || value === undefined
    ? "not known"
    : Math.round(value).toLocaleString("en-US");
}
