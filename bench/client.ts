/**
 * Compares HTTP clients: CPU time per exchange with a server in C, and the
 * floor that a bare loop over `Deno.connect` sets. Each measurement runs in its
 * own process; the server runs on the first core, the client on the second. The
 * rounds of all clients are interleaved, so that other work on the machine
 * affects all of them equally.
 *
 *     deno task bench:client --cases get,post --concurrency 1,64 --rounds 5
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";
import { CLIENT_CASES } from "./client/contender.ts";
import type { ClientCaseResult, ClientResults } from "./client/results.ts";
import type { ClientFigures } from "./client/run.ts";
import { installNpmPeers } from "./load/npm_peers.ts";
import { findPinning, type Pinning, UNPINNED } from "./load/pinning.ts";
import { maybeOutput } from "./load/target.ts";
import { peerVersions, thisMachine } from "./report/machine.ts";
import {
  maybeReadResults,
  withCases,
  writeResults,
} from "./report/results_file.ts";

const USAGE = `usage: deno task bench:client [options]
  --cases A,B         ${Object.keys(CLIENT_CASES).join(", ")} (all)
  --contenders A,B    khttp, khttp_fetch, khttp_stream, floor, fetch, bun, undici_request, undici_fetch, node_http, got (all)
  --concurrency N,M   exchanges at one time (1,64)
  --rounds N          processes for each figure, of which the median counts (5)
  --duration MS       time of each measurement, after half of it as warm-up (2000)
  --save              store the figures in results/client.json, for bench:report`;

const CONTENDERS = [
  ...["khttp", "khttp_fetch", "khttp_stream", "floor", "fetch", "bun"],
  ...["undici_request", "undici_fetch", "node_http", "got"],
] as const;

/** The results of one client in one case. */
interface Cell {
  readonly caseName: string;
  readonly concurrency: number;
  readonly contender: string;
  /** CPU µs per exchange, one for each round. */
  readonly cpuUs: number[];
  /** Exchanges per second, one for each round. */
  readonly perSecond: number[];
}

/** How a client is run. */
interface Setup {
  readonly port: number;
  readonly pinning: Pinning;
  /** The path of Bun's executable, or `null` if it is not installed. */
  readonly bun: string | null;
  readonly durationMs: number;
}

/** @throws {Error} If there is no C compiler. */
async function compileOrigin(folder: string): Promise<string> {
  const { pathname } = new URL("floor/origin.c", import.meta.url);
  const command = `${folder}/origin`;
  for (const compiler of ["cc", "gcc", "clang"]) {
    const source = decodeURIComponent(pathname);
    const args = ["-O2", "-o", command, source];
    if (await maybeOutput(compiler, args) !== null) return command;
  }
  throw new Error("Cannot compile floor/origin.c: there is no C compiler");
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until the server accepts connections. */
async function untilListening(port: number): Promise<void> {
  for (let count = 0; count < 100; count++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((wake) => setTimeout(wake, 20)); // the server is still starting
    }
  }
  throw new Error(`Cannot connect to the server on port ${port}`);
}

/** Runs one client once, and adds its results to the cell. */
async function measure(cell: Cell, setup: Setup): Promise<void> {
  const { port, pinning, bun, durationMs } = setup;
  const script = decodeURIComponent(
    new URL("client/run.ts", import.meta.url).pathname,
  );
  const isBun = cell.contender === "bun";
  const [command = "", ...args] = pinning.load([
    ...(isBun && bun !== null
      ? [bun, "run"]
      : [Deno.execPath(), "run", "-A", "--no-check"]),
    script,
    ...["--contender", isBun ? "fetch" : cell.contender],
    ...["--case", cell.caseName, "--port", String(port)],
    ...["--concurrency", String(cell.concurrency)],
    ...["--duration", String(durationMs)],
    ...["--warmup", String(durationMs / 2)],
  ]);
  const text = await maybeOutput(command, args);
  if (text === null) throw new Error(`Cannot measure ${cell.contender}`);
  const figures: ClientFigures = JSON.parse(text);
  cell.cpuUs.push(figures.cpuUs / figures.exchanges);
  cell.perSecond.push(figures.exchanges / figures.wallMs * 1000);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** The cells of each case and concurrency. */
function groupsOf(cells: readonly Cell[]): Map<string, Cell[]> {
  return Map.groupBy(
    cells,
    ({ caseName, concurrency }) => `${caseName}, ${concurrency} at a time`,
  );
}

/** Prints one table for each case and concurrency. */
function print(cells: readonly Cell[]): void {
  for (const [title, group] of groupsOf(cells)) {
    const floor = group.find(({ contender }) => contender === "floor");
    const floorUs = floor === undefined ? NaN : median(floor.cpuUs);
    console.log(`\n${title}`);
    console.table(Object.fromEntries(group.map((cell) => [cell.contender, {
      "CPU µs per exchange": Number(median(cell.cpuUs).toFixed(1)),
      "times the floor": Number((median(cell.cpuUs) / floorUs).toFixed(2)),
      "exchanges per second": Math.round(median(cell.perSecond)),
    }])));
  }
}

async function versionsOf(bun: string | null): Promise<Record<string, string>> {
  const sources = CONTENDERS.filter((name) => name !== "bun").map((name) =>
    Deno.readTextFile(new URL(`client/${name}.ts`, import.meta.url))
  );
  const version = bun === null ? null : await maybeOutput(bun, ["--version"]);
  return {
    ...peerVersions(await Promise.all(sources)),
    ...version === null ? {} : { bun: version.trim() },
  };
}

/** Stores the figures, beside those of other cases that were stored before. */
async function save(
  cells: readonly Cell[],
  duration: string,
  bun: string | null,
): Promise<void> {
  const cases = [...groupsOf(cells).values()].flatMap(
    (group): ClientCaseResult[] => {
      const [first] = group;
      if (first === undefined) return [];
      const { caseName: name, concurrency, cpuUs } = first;
      return [{
        ...{ name, concurrency, rounds: cpuUs.length },
        seconds: Number(duration) / 1000,
        loadAverage: Deno.loadavg()[0] ?? 0,
        results: group.map(({ contender, cpuUs, perSecond }) => ({
          contender,
          cpuUs: median(cpuUs),
          exchangesPerSecond: median(perSecond),
        })),
      }];
    },
  );
  const file = new URL("results/client.json", import.meta.url);
  const earlier = await maybeReadResults<ClientResults>(file);
  const results: ClientResults = {
    machine: thisMachine(),
    versions: await versionsOf(bun),
    cases: withCases(
      earlier?.cases ?? [],
      cases,
      ({ name, concurrency }) => `${name} ${concurrency}`,
    ),
  };
  await writeResults(file, results);
}

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: Object.keys(CLIENT_CASES).join(",") },
    contenders: { type: "string", default: CONTENDERS.join(",") },
    concurrency: { type: "string", default: "1,64" },
    rounds: { type: "string", default: "5" },
    duration: { type: "string", default: "2000" },
    save: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  Deno.exit();
}
const contenders = values.contenders.split(",");
const bun = contenders.includes("bun")
  ? await (await installNpmPeers()).bun()
  : null;
const folder = await Deno.makeTempDir({ prefix: "khttp-client-" });
const pinning = await findPinning() ?? UNPINNED;
const port = freePort();
const [command = "", ...args] = pinning.server([
  await compileOrigin(folder),
  ...["--port", String(port)],
]);
const server = new Deno.Command(command, { args }).spawn();
try {
  await untilListening(port);
  const cells: Cell[] = values.cases.split(",").flatMap((caseName) =>
    values.concurrency.split(",").map(Number).flatMap((concurrency) =>
      contenders.filter((contender) => contender !== "bun" || bun !== null)
        .map((contender) => ({
          ...{ caseName, concurrency, contender },
          ...{ cpuUs: [], perSecond: [] },
        }))
    )
  );
  const setup = { port, pinning, bun, durationMs: Number(values.duration) };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const cell of cells) await measure(cell, setup);
  }
  print(cells);
  if (values.save) await save(cells, values.duration, bun);
} finally {
  server.kill();
  await server.status;
  await Deno.remove(folder, { recursive: true });
}
