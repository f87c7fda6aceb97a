/**
 * Compares how long servers take from the start of the process to their first
 * answer, and their memory then and under load:
 *
 *     deno task bench:start --rounds 15
 *
 * Each program is started in up to three ways: from the sources; from the
 * published package, which Deno loads and caches from a registry on this
 * machine, as it does for users; and as one file, which
 * `deno bundle --minify` makes. The targets take turns, so that other work on
 * the machine affects all of them. The first two starts of each are not
 * counted: they load, compile and cache the modules. The time is shown twice:
 * as wall-clock time, and as CPU time, which other work changes less. If wrk is
 * installed, it also loads each target in turn with 64 connections; the
 * target's memory is read at the end of the load.
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";
import { prepareTargets, type Target, type Targets } from "./start/targets.ts";

const USAGE = `usage: deno task bench:start [options]
  --rounds N       starts of each target (15)
  --load N         seconds of each load, with wrk (3; 0: no load)
  --load-rounds N  loads of each target (3)
  --only TEXT      only targets whose name contains the text, and Deno.serve`;

/** One start. */
interface Start {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryKiB: number;
}

const HEAD = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

/** How often a connection is tried before a target counts as failed. */
const MAX_TRIES = 10_000;

/** Starts a target, runs `use` when it has answered, and ends it. */
async function withTarget<T>(
  { name, path, args }: Target,
  use: (pid: number, port: number, startedMs: number) => Promise<T>,
): Promise<T> {
  const port = freePort();
  const startedMs = performance.now();
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", path, `${port}`, ...args],
    env: { ...prepared.env },
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  try {
    await firstAnswer(name, port);
    return await use(process.pid, port, startedMs);
  } finally {
    process.kill("SIGKILL");
    await process.status;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port; // it is a TCP listener
}

/** Connects until the target accepts, and reads the beginning of its answer. */
async function firstAnswer(name: string, port: number): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      await conn.write(HEAD);
      const size = await conn.read(new Uint8Array(1024));
      if (size !== null) return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 0.5));
    }
  }
  throw new Error(`Cannot measure ${name}: it does not answer`);
}

/** CPU time so far, of all threads; the kernel counts it in 10 ms. */
async function cpuMsOf(pid: number): Promise<number> {
  let nanoseconds = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const line = await Deno.readTextFile(
      `/proc/${pid}/task/${name}/schedstat`,
    );
    nanoseconds += Number(line.split(" ")[0]);
  }
  return nanoseconds / 1e6;
}

async function memoryKiBOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
}

function startOnce(target: Target): Promise<Start> {
  return withTarget(target, async (pid, _port, startedMs) => {
    const wallMs = performance.now() - startedMs;
    const cpuMs = await cpuMsOf(pid);
    return { wallMs, cpuMs, memoryKiB: await memoryKiBOf(pid) };
  });
}

/** Memory at the end of a load by 64 connections. */
function memoryUnderLoad(target: Target, seconds: number): Promise<number> {
  return withTarget(target, async (pid, port) => {
    const { success, stderr } = await new Deno.Command("wrk", {
      args: [
        "-t1",
        "-c64",
        `-d${seconds}s`,
        `http://127.0.0.1:${port}/`,
      ],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return await memoryKiBOf(pid);
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** A figure, and its ratio to that of the first target. */
function shown(value: number, first: number, unit: string): string {
  return `${value.toFixed(1)} ${unit} (${(value / first).toFixed(2)})`;
}

/** Calls `measure` for each target in turn; returns the results of each. */
async function inTurn<T>(
  rounds: number,
  measure: (target: Target) => Promise<T>,
): Promise<T[][]> {
  const results = targets.map((): T[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, target] of targets.entries()) {
      results[index]!.push(await measure(target)); // one list for each target
    }
  }
  return results;
}

function printTable(rows: readonly (readonly number[])[]): void {
  const UNITS = ["ms", "ms", "MiB", "MiB"];
  console.log(
    "| server | first answer | CPU until then | memory then | under load |",
  );
  console.log("| --- | --- | --- | --- | --- |");
  for (const [index, row] of rows.entries()) {
    const cells = row.map((value, column) =>
      Number.isNaN(value)
        ? "–"
        : shown(value, rows[0]![column]!, UNITS[column]!) // same columns
    );
    console.log(`| ${targets[index]?.name} | ${cells.join(" | ")} |`);
  }
}

const { values } = parseArgs({
  args: Deno.args,
  options: {
    help: { type: "boolean" },
    rounds: { type: "string", default: "15" },
    load: { type: "string", default: "3" },
    "load-rounds": { type: "string", default: "3" },
    only: { type: "string", default: "" },
  },
});
if (values.help) {
  console.log(USAGE);
  Deno.exit();
}
const rounds = Number(values.rounds);
const loadSeconds = Number(values.load);
const loadRounds = loadSeconds === 0 ? 0 : Number(values["load-rounds"]);
if (!(rounds >= 1) || !(loadSeconds >= 0) || !(loadRounds >= 0)) {
  console.error(USAGE);
  Deno.exit(2);
}
await using prepared: Targets = await prepareTargets();
const targets = prepared.targets.filter(({ name }, index) =>
  index === 0 || name.includes(values.only)
);
await inTurn(2, startOnce); // fills the caches
const starts = await inTurn(rounds, startOnce);
const loads = await inTurn(
  loadRounds,
  (target) => memoryUnderLoad(target, loadSeconds),
);
printTable(starts.map((own, index) => [
  median(own.map(({ wallMs }) => wallMs)),
  median(own.map(({ cpuMs }) => cpuMs)),
  median(own.map(({ memoryKiB }) => memoryKiB)) / 1024,
  median(loads[index] ?? []) / 1024,
]));
