/**
 * The load comparison: starts each server on one core, generates load on
 * another and writes the figures to `bench/results/load.json`.
 *
 *     deno task bench:load --cases hello,params --targets khttp-listen,nginx
 *
 * Linux only: it reads `/proc`.
 */
// deno-lint-ignore-file no-console

import { countUserInstructions } from "./load/callgrind.ts";
import { LOAD_CASES } from "./load/cases.ts";
import { chooseLoader } from "./load/loader.ts";
import { type Bench, measurePart, type Part } from "./load/measure.ts";
import { type LoadOptions, parseOptions, USAGE } from "./load/options.ts";
import { canCountInstructions } from "./load/perf_counter.ts";
import { findPinning, UNPINNED } from "./load/pinning.ts";
import {
  countSteps,
  planParts,
  prepareTargets,
  versionsOf,
} from "./load/plan.ts";
import { Progress } from "./load/progress.ts";
import type { Killable } from "./load/process_tree.ts";
import {
  describeMachine,
  type LoadResults,
  mergeResults,
  withUserInstructions,
  writeResults,
} from "./load/results.ts";
import { renderTable } from "./load/table.ts";
import { maybeReadResults } from "./report/results_file.ts";

if (Deno.args.includes("--help")) {
  console.log(USAGE);
  Deno.exit();
}
const options = readOptions();
const folder = await Deno.makeTempDir({ prefix: "khttp-load-" });
const running = new Set<Killable>();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    for (const target of running) target.kill();
    Deno.removeSync(folder, { recursive: true });
    Deno.exit(130);
  });
}
try {
  await Deno.chmod(folder, 0o755); // servers that drop their privileges read files in it
  await run();
} finally {
  for (const target of running) target.kill();
  await Deno.remove(folder, { recursive: true });
}
Deno.exit();

function readOptions(): LoadOptions {
  try {
    return parseOptions(Deno.args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}

async function run(): Promise<void> {
  const notes: string[] = [];
  const prepared = await prepareTargets(options.targets, folder, notes);
  const parts = planParts(options, prepared);
  const steps = countSteps(parts, options.rounds + 1);
  const bench = await setUp(new Progress(steps), notes);
  for (const note of notes) console.error(note);
  for (const part of parts) {
    const { loadCase, connections } = part;
    bench.progress.heading(`${loadCase.name}, ${connections} connections`);
    if (options.isCallgrind) await count(bench, part);
    else await time(bench, part, notes, versionsOf(prepared));
  }
}

/** Detects the machine's tools: pinning, counters and load generator. */
async function setUp(progress: Progress, notes: string[]): Promise<Bench> {
  const pinning = await findPinning();
  if (pinning === null) notes.push("Servers and load share all cores");
  const hasCounters = await canCountInstructions();
  if (!hasCounters) {
    notes.push("Instructions are not counted: perf has no counters here");
  }
  const loader = await chooseLoader(folder, options.isBuiltIn);
  if (loader.name === "built in") {
    notes.push(
      "The built-in generator makes the load. It is slower than most servers: compare CPU time, not requests per second",
    );
  }
  const { rounds, seconds, warmUpSeconds } = options;
  return {
    ...{ loader, pinning: pinning ?? UNPINNED, hasCounters, progress, running },
    ...{ rounds, seconds, warmUpSeconds },
  };
}

/** Times a part and saves its results immediately, so that an interrupted run keeps them. */
async function time(
  bench: Bench,
  part: Part,
  notes: readonly string[],
  versions: Readonly<Record<string, string>>,
): Promise<void> {
  const { connections, loadCase: { name, description, pipelined } } = part;
  const { rounds, seconds } = bench;
  const measured = await measurePart(bench, part);
  bench.progress.skip(measured.failures.length * rounds);
  const what = { name, description, connections, pipelined, rounds, seconds };
  const item = { ...what, ...measured };
  console.log(`\n${renderTable(item)}\n`);
  const run = {
    ...{ machine: describeMachine(), versions, loader: bench.loader.name },
    ...{ rounds, seconds, notes, cases: [item] },
  };
  const order = LOAD_CASES.map(({ name }) => name);
  const old = await maybeReadResults<LoadResults>(options.output);
  await writeResults(options.output, mergeResults(old, run, order));
}

/** Counts the instructions of a part and adds them to the timed results. */
async function count(bench: Bench, part: Part): Promise<void> {
  for (const entry of part.targets) {
    const [target] = entry;
    try {
      const value = await countUserInstructions(bench, part, entry, folder);
      console.log(
        `${target}: ${value.toFixed(0)} user instructions per request`,
      );
      const old = await maybeReadResults<LoadResults>(options.output);
      if (old === null) continue;
      const { loadCase: { name }, connections } = part;
      const key = { name, connections, target };
      await writeResults(options.output, withUserInstructions(old, key, value));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      console.error(`${target} is not counted: ${error.message}`);
    }
  }
}
