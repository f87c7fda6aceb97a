/** The page's section on file servers, from the results of `files.ts`. */

import type { FileCaseResult, FileResults } from "../files/results.ts";
import { machineTable } from "./machine.ts";
import type { Section } from "./micro_page.ts";

/** What each case asks for, in the order of the page. */
const DESCRIPTIONS: ReadonlyMap<string, string> = new Map([
  ["1k", "A file of 1 KiB"],
  ["4k", "A file of 4 KiB"],
  ["64k", "A file of 64 KiB"],
  ["1m", "A file of 1 MiB"],
  ["100m", "A file of 100 MiB"],
  ["304", "A file of 4 KiB that the client has already"],
  ["range", "A range of 1 MiB of a file of 100 MiB"],
]);

/** Renders the section. */
export function filesSection({ machine, cases }: FileResults): Section {
  const order = [...DESCRIPTIONS.keys()];
  const sorted = cases.toSorted((a, b) =>
    order.indexOf(a.name) - order.indexOf(b.name)
  );
  return {
    plots: [],
    markdown: [
      "## Servers of files",
      "CPU time of a server for each response with a file, on one core ([files.ts](files.ts)). The load generator on the other core reads as fast as the server sends, and drops the bodies without copying them. The servers take turns in every round, and each figure is the median of the rounds. nginx has one worker, sendfile, and descriptors that stay open for a second. `from memory` sends the same bytes without a file. A load average well above 2 means that other work ran on the machine: then only the ratios mean something. Cases where khttp is slower are shown in the same way as cases where it is faster.",
      machineTable(machine, {}),
      ...sorted.map(caseText),
    ].join("\n\n"),
  };
}

function caseText(
  { name, status, bodyBytes, connections, rounds, seconds, ...rest }:
    FileCaseResult,
): string {
  const { loadAverage, results } = rest;
  const nginx = results.find(({ server }) => server === "nginx");
  const plural = rounds === 1 ? "round" : "rounds";
  return [
    `### Files: ${name}`,
    `${
      DESCRIPTIONS.get(name) ?? name
    }: status ${status}, ${connections} connections (${rounds} ${plural} of ${seconds} s, load average ${
      loadAverage.toFixed(1)
    }).`,
    [
      "| server | CPU a response | times nginx | responses/s | MB/s | p50 |",
      "| --- | ---: | ---: | ---: | ---: | ---: |",
      ...results.map(({ server, cpuUs, perSecond, p50Ms }) => {
        const cells = [
          server.startsWith("khttp") ? `**${server}**` : server,
          `${threeDigits(cpuUs)} µs`,
          nginx === undefined ? "–" : (cpuUs / nginx.cpuUs).toFixed(2),
          threeDigits(perSecond),
          Math.round(perSecond * bodyBytes / 1e6).toLocaleString("en"),
          p50Ms === 0 ? "–" : `${threeDigits(p50Ms)} ms`, // no response was complete
        ];
        return `| ${cells.join(" | ")} |`;
      }),
    ].join("\n"),
  ].join("\n\n");
}

function threeDigits(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en", {
    maximumSignificantDigits: 3,
  });
}
