/** The page's section on HTTP clients, from the results of `client.ts`. */

import type { ClientCaseResult, ClientResults } from "../client/results.ts";
import { machineTable } from "./machine.ts";
import type { Section } from "./micro_page.ts";

/** What each case exchanges, in the order of the page. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  get: "GET with 13 bytes in response",
  post: "POST of 4 KB, with 13 bytes in response",
  large: "GET with 130 KB in response",
  chunked: "GET with 130 KB in response, in chunks of 16 KB",
};

/** Renders the section. */
export function clientSection(results: ClientResults): Section {
  const { machine, versions, cases } = results;
  const order = Object.keys(DESCRIPTIONS);
  const sorted = cases.toSorted((a, b) =>
    order.indexOf(a.name) - order.indexOf(b.name) ||
    a.concurrency - b.concurrency
  );
  return {
    plots: [],
    markdown: [
      "## HTTP clients",
      "CPU time of a client's process for each exchange with a server in C on another core, on connections that stay open ([client.ts](client.ts)). Each figure is the median of processes that take turns. The floor is a bare loop over `Deno.connect` that parses nothing: the least that a client on the runtime's sockets can cost. `khttp` is `Client`, `khttp fetch` is `createFetch()`; every client reads the whole body. A load average well above 2 means that other work ran on the machine: then only the ratios say something. Cases where ours are slower are shown in the same way as cases where they are faster.",
      machineTable(machine, versions),
      ...sorted.map(caseText),
    ].join("\n\n"),
  };
}

/** The names of the contenders that differ from those of their files. */
const NAMES: Readonly<Record<string, string>> = {
  khttp: "**khttp**",
  khttp_fetch: "**khttp fetch**",
  khttp_stream: "**khttp**, streamed",
  fetch: "Deno's fetch",
  bun: "Bun's fetch",
  undici_request: "undici request, on Deno",
  undici_fetch: "undici fetch, on Deno",
  node_http: "node:http, on Deno",
  got: "got, on Deno",
};

function caseText(
  { name, concurrency, rounds, seconds, loadAverage, results }:
    ClientCaseResult,
): string {
  const floor = results.find(({ contender }) => contender === "floor");
  const plural = rounds === 1 ? "round" : "rounds";
  return [
    `### Client: ${name}, ${concurrency} at one time`,
    `${DESCRIPTIONS[name] ?? name} (${rounds} ${plural} of ${seconds} s${
      loadAverage === undefined
        ? ""
        : `, load average ${loadAverage.toFixed(1)}`
    }).`,
    [
      "| client | CPU an exchange | times the floor | exchanges/s |",
      "| --- | ---: | ---: | ---: |",
      ...results.map(({ contender, cpuUs, exchangesPerSecond }) => {
        const ratio = floor === undefined
          ? "–"
          : (cpuUs / floor.cpuUs).toFixed(2);
        const cells = [
          NAMES[contender] ?? contender,
          `${cpuUs.toFixed(1)} µs`,
          ratio,
          Math.round(exchangesPerSecond).toLocaleString("en"),
        ];
        return `| ${cells.join(" | ")} |`;
      }),
    ].join("\n"),
  ].join("\n\n");
}
