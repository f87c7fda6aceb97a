/** Results as a table for the terminal. */

import type { CaseResult, TargetResult } from "./results.ts";

type Column = readonly [
  title: string,
  value: (result: TargetResult, first: TargetResult) => string,
];

const COLUMNS: readonly Column[] = [
  ["target", ({ target }) => target],
  ["req/s", ({ requestsPerSecond }) => requestsPerSecond.toFixed(0)],
  [
    "to first",
    ({ requestsPerSecond }, first) =>
      (requestsPerSecond / first.requestsPerSecond).toFixed(2),
  ],
  ["p50 ms", ({ p50Ms }) => p50Ms.toFixed(3)],
  ["p99 ms", ({ p99Ms }) => p99Ms.toFixed(3)],
  ["CPU µs", ({ cpuMicrosPerRequest }) => cpuMicrosPerRequest.toFixed(2)],
  [
    "instr",
    ({ instructionsPerRequest }) => instructionsPerRequest?.toFixed(0) ?? "–",
  ],
  ["MiB", ({ peakRssMiB }) => peakRssMiB.toFixed(0)],
  ["errors", ({ errors }) => String(errors)],
];

/** Renders a case: a title, a row for each target, a line for each that failed. */
export function renderTable(item: CaseResult): string {
  const { name, description, connections, results, failures } = item;
  const [first] = results;
  const rows = [COLUMNS.map(([title]) => title)];
  if (first !== undefined) {
    for (const result of results) {
      rows.push(COLUMNS.map(([, value]) => value(result, first)));
    }
  }
  const widths = COLUMNS.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 0
        ? cell.padEnd(widths[column] ?? 0)
        : cell.padStart(widths[column] ?? 0)
    ).join("  ")
  );
  return [
    `${name}, ${connections} connections (${description})`,
    ...lines,
    ...failures.map(({ target, reason }) => `${target}: ${reason}`),
  ].join("\n");
}
