/**
 * Compares servers of files: CPU time of the server per response, and bytes per
 * second. Servers run on the first core, the load on the second; the rounds of
 * all servers are interleaved, so that other work on the machine affects all of
 * them equally, and a server is frozen while another is measured.
 *
 *     deno task bench:files --cases 1k,304 --targets khttp-epoll,nginx
 *
 * Linux only, with a C compiler: it reads `/proc`, and compiles its load.
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";
import {
  contentOf,
  fieldsOf,
  FILE_CASES,
  type FileCase,
  makeFiles,
} from "./files/cases.ts";
import type {
  FileCaseResult,
  FileResult,
  FileResults,
} from "./files/results.ts";
import { type FileTarget, findTargets } from "./files/targets.ts";
import { findPinning, UNPINNED } from "./load/pinning.ts";
import type { Killable } from "./load/process_tree.ts";
import { RunningTarget } from "./load/running_target.ts";
import { type Launch, maybeOutput } from "./load/target.ts";
import { thisMachine } from "./report/machine.ts";
import {
  maybeReadResults,
  withCases,
  writeResults,
} from "./report/results_file.ts";

const USAGE = `usage: deno task bench:files [options]
  --cases A,B       ${FILE_CASES.map(({ name }) => name).join(", ")} (all)
  --targets A,B     such as khttp-epoll, khttp-listen, nginx, deno.serve (all)
  --connections N   (16)
  --rounds N        rounds of each server, of which the median counts (5)
  --seconds N       length of a round (2)
  --warm-up N       seconds before the first round of each server and case (2)
  --save            store the figures in results/files.json, for bench:report`;

const { values } = parseArgs({
  options: {
    cases: { type: "string" },
    targets: { type: "string" },
    connections: { type: "string", default: "16" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    "warm-up": { type: "string", default: "2" },
    save: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** What the load prints. */
interface Sample {
  readonly requests: number;
  readonly bodyBytes: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

/** One round of one server. */
interface Round extends Sample {
  readonly cpuUs: number;
}

if (values.help) {
  console.log(USAGE);
  Deno.exit();
}
const pinning = await findPinning() ?? UNPINNED;
const scratch = await Deno.makeTempDir({ prefix: "khttp-files-" });
const running = new Set<Killable>();

function endAll(): void {
  for (const target of running) target.kill();
  Deno.removeSync(scratch, { recursive: true });
}

/** @throws {Error} If there is no C compiler. */
async function compileLoad(): Promise<string> {
  const { pathname } = new URL("files/drain.c", import.meta.url);
  const command = `${scratch}/drain`;
  for (const compiler of ["cc", "gcc", "clang"]) {
    const args = ["-O2", "-o", command, decodeURIComponent(pathname)];
    if (await maybeOutput(compiler, args) !== null) return command;
  }
  throw new Error("Cannot compile files/drain.c: there is no C compiler");
}

/** Checks the response of a server, and returns the bytes of the request. */
async function prepareRequest(
  item: FileCase,
  port: number,
): Promise<string> {
  const url = `http://127.0.0.1:${port}/${item.file}`;
  const first = await fetch(url, { method: "HEAD" });
  await first.body?.cancel();
  const fields = fieldsOf(item, first.headers.get("etag"));
  const response = await fetch(url, { headers: fields });
  const body = await response.bytes();
  if (response.status !== item.status) {
    throw new Error(`its status is ${response.status}, not ${item.status}`);
  }
  const expected = contentOf(item.range?.[0] ?? 0, item.bodyBytes);
  if (
    body.length !== expected.length ||
    body.some((byte, at) => byte !== expected[at])
  ) throw new Error(`its body of ${body.length} bytes is not that of the file`);
  const lines = Object.entries(fields).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  return `GET /${item.file} HTTP/1.1\r\nHost: 127.0.0.1\r\n${
    lines.join("")
  }\r\n`;
}

async function load(
  command: string,
  { port }: RunningTarget,
  { status }: FileCase,
  request: string,
  seconds: string,
): Promise<Sample> {
  const file = `${scratch}/request`;
  await Deno.writeTextFile(file, request);
  const [program = "", ...args] = pinning.load([
    ...[command, `${port}`, values.connections, seconds],
    ...[`${status}`, file],
  ]);
  const { success, stdout, stderr } = await new Deno.Command(program, { args })
    .output();
  const decoder = new TextDecoder();
  if (success) return JSON.parse(decoder.decode(stdout));
  throw new Error(`the load failed: ${decoder.decode(stderr)}`);
}

/** One server in one case, and its rounds. */
interface Entrant {
  readonly target: RunningTarget;
  readonly request: string;
  readonly rounds: Round[];
}

async function measure(
  command: string,
  item: FileCase,
  targets: readonly RunningTarget[],
): Promise<readonly Entrant[]> {
  const entrants: Entrant[] = [];
  for (const target of targets) {
    target.thaw();
    try {
      const request = await prepareRequest(item, target.port);
      await load(command, target, item, request, values["warm-up"]);
      entrants.push({ target, request, rounds: [] });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      console.error(`${target.name} fails ${item.name}: ${error.message}`);
    }
    target.freeze();
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { target, request, rounds } of entrants) {
      target.thaw();
      const before = target.tree.cpuMicros();
      const sample = await load(command, target, item, request, values.seconds);
      const cpuUs = target.tree.cpuMicros() - before;
      target.freeze();
      rounds.push({ ...sample, cpuUs });
    }
  }
  return entrants;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Responses of a round. Those that were cut by its end count by their bytes. */
function responsesOf({ bodyBytes }: FileCase, round: Round): number {
  return bodyBytes === 0 ? round.requests : round.bodyBytes / bodyBytes;
}

/** The medians of each server. */
function figuresOf(
  item: FileCase,
  entrants: readonly Entrant[],
): readonly FileResult[] {
  return entrants.map(({ target, rounds }) => ({
    server: target.name,
    cpuUs: median(
      rounds.map((round) => round.cpuUs / responsesOf(item, round)),
    ),
    perSecond: median(
      rounds.map((round) => responsesOf(item, round) / round.seconds),
    ),
    p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
  }));
}

function printTable(item: FileCase, figures: readonly FileResult[]): void {
  const nginx = figures.find(({ server }) => server === "nginx");
  console.log(
    `\n${item.name}: ${item.status}, ${item.bodyBytes} bytes, ${values.connections} connections`,
  );
  console.table(Object.fromEntries(figures.map((row) => [row.server, {
    "CPU µs per response": Number(row.cpuUs.toPrecision(4)),
    ...(nginx === undefined
      ? {}
      : { "to nginx": Number((row.cpuUs / nginx.cpuUs).toFixed(2)) }),
    "responses per second": Number(row.perSecond.toPrecision(4)),
    "MB per second": Math.round(row.perSecond * item.bodyBytes / 1e6),
    "p50 ms": Number(row.p50Ms.toPrecision(3)),
    "errors": row.errors,
  }])));
}

/** Stores the figures, next to earlier ones of other cases. */
async function save(
  { name, status, bodyBytes }: FileCase,
  figures: readonly FileResult[],
): Promise<void> {
  const measured: FileCaseResult = {
    ...{ name, status, bodyBytes },
    connections: Number(values.connections),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    loadAverage: Deno.loadavg()[0] ?? 0,
    results: figures,
  };
  const file = new URL("results/files.json", import.meta.url);
  const earlier = await maybeReadResults<FileResults>(file);
  const cases = withCases(
    earlier?.cases ?? [],
    [measured],
    (item) => item.name,
  );
  const results: FileResults = { machine: thisMachine(), cases };
  await writeResults(file, results);
}

/** Those of a list that an option names, or all. */
function pick<T extends { readonly name: string }>(
  all: readonly T[],
  names: string | undefined,
): readonly T[] {
  if (names === undefined) return all;
  const plain = (name: string) => name.toLowerCase().replaceAll(" ", "-");
  const wanted = names.split(",").map(plain);
  const picked = all.filter(({ name }) => wanted.includes(plain(name)));
  if (picked.length === wanted.length) return picked;
  const known = all.map(({ name }) => plain(name)).join(", ");
  throw new Error(`Cannot find all of "${names}" among: ${known}`);
}

async function start(target: FileTarget): Promise<RunningTarget> {
  const prepared = {
    version: "",
    async launch(port: number): Promise<Launch> {
      const [command = "", ...args] = await target.command(port);
      return { command, args };
    },
  };
  const options = { pinning, running, routes: 0 };
  const started = await RunningTarget.start(target.name, prepared, options);
  started.freeze();
  return started;
}

async function run(): Promise<void> {
  const folder = `${scratch}/files`;
  await Deno.chmod(scratch, 0o755); // servers that drop their privileges read files in it
  await Deno.mkdir(folder);
  await makeFiles(folder);
  const command = await compileLoad();
  const notes: string[] = [];
  const found = await findTargets(folder, scratch, notes);
  for (const note of notes) console.error(note);
  const targets = new Map<FileTarget, RunningTarget>();
  for (const target of pick(found, values.targets)) {
    targets.set(target, await start(target));
  }
  for (const item of pick(FILE_CASES, values.cases)) {
    const able = [...targets].filter(([{ isConstant }]) =>
      !isConstant || item.hasConstant
    );
    const entrants = await measure(command, item, able.map(([, one]) => one));
    const figures = figuresOf(item, entrants);
    printTable(item, figures);
    if (values.save) await save(item, figures);
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    endAll();
    Deno.exit(130);
  });
}
try {
  await run();
} finally {
  endAll();
}
Deno.exit();
