/**
 * Compares how long servers take from the start of the process to their first
 * answer, and their memory then and under load:
 *
 *     deno task bench:start --rounds 15
 *
 * The targets take turns, so that other work on the machine affects all of
 * them. Modules are compiled and cached by a start that is not counted. The
 * time is shown twice: as it passes, and as CPU time, which other work changes
 * less. One target is joined to one file first, by `deno bundle --minify`. With
 * wrk installed, each target is also put under load, and its memory is read at
 * the end of the load.
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";

const USAGE = `usage: deno task bench:start [options]
  --rounds N     starts of each target (15)
  --load N       seconds of load on each target, with wrk (3; 0: no load)`;

interface Target {
  readonly name: string;
  /** The program, in the folder `start`. */
  readonly file: string;
  readonly args: readonly string[];
  /** Whether the program and its modules are joined to one file first. @default {false} */
  readonly isBundled?: boolean;
}

const TARGETS: readonly Target[] = [
  { name: "Deno.serve", file: "deno_serve.ts", args: [] },
  { name: "serve()", file: "serve.ts", args: ["listen"] },
  { name: "serve() of ./server", file: "server_entry.ts", args: [] },
  {
    name: "serve() of ./server, bundled",
    file: "server_entry.ts",
    args: [],
    isBundled: true,
  },
  { name: "serveEpoll()", file: "serve.ts", args: ["epoll"] },
  { name: "serve() of ./fetch", file: "fetch_serve.ts", args: [] },
];

/** One start. */
interface Start {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryKiB: number;
}

const HEAD = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

/** How often a connection is tried before a target counts as failed. */
const MAX_TRIES = 10_000;

/** Joins a program and its modules to one file; returns that file's path. */
async function bundle(path: string, folder: string): Promise<string> {
  const bundled = `${folder}/bundled.js`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--output", bundled, path],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return bundled;
}

/** Starts a target, runs `use` when it has answered, and ends it. */
async function withTarget<T>(
  { name, args, file, isBundled = false }: Target,
  use: (pid: number, port: number, startedMs: number) => Promise<T>,
): Promise<T> {
  const port = freePort();
  const path = isBundled ? bundledPath : pathOf(file);
  const startedMs = performance.now();
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      path,
      `${port}`,
      ...args,
    ],
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

function pathOf(file: string): string {
  const { pathname } = new URL(`start/${file}`, import.meta.url);
  return decodeURIComponent(pathname);
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

const { values } = parseArgs({
  args: Deno.args,
  options: {
    help: { type: "boolean" },
    rounds: { type: "string", default: "15" },
    load: { type: "string", default: "3" },
  },
});
if (values.help) {
  console.log(USAGE);
  Deno.exit();
}
const rounds = Number(values.rounds);
const loadSeconds = Number(values.load);
if (!(rounds >= 1) || !(loadSeconds >= 0)) {
  console.error(USAGE);
  Deno.exit(2);
}
const folder = await Deno.makeTempDir();
const bundledPath = await bundle(pathOf("server_entry.ts"), folder);
const starts = TARGETS.map((): Start[] => []);
for (const target of TARGETS) await startOnce(target); // fills the caches
for (let round = 0; round < rounds; round++) {
  for (const [index, target] of TARGETS.entries()) {
    starts[index]!.push(await startOnce(target)); // one list for each target
  }
}
const figures: { name: string; row: number[] }[] = [];
for (const [index, target] of TARGETS.entries()) {
  const own = starts[index]!; // one list for each target
  figures.push({
    name: target.name,
    row: [
      median(own.map(({ wallMs }) => wallMs)),
      median(own.map(({ cpuMs }) => cpuMs)),
      median(own.map(({ memoryKiB }) => memoryKiB)) / 1024,
      loadSeconds === 0
        ? NaN
        : await memoryUnderLoad(target, loadSeconds) / 1024,
    ],
  });
}
await Deno.remove(folder, { recursive: true });
const UNITS = ["ms", "ms", "MiB", "MiB"];
console.log(
  "| server | first answer | CPU until then | memory then | under load |",
);
console.log("| --- | --- | --- | --- | --- |");
for (const { name, row } of figures) {
  const cells = row.map((value, column) =>
    Number.isNaN(value)
      ? "–"
      : shown(value, figures[0]!.row[column]!, UNITS[column]!) // same columns
  );
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}
