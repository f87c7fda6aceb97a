/**
 * Counts the user-space instructions of a target under valgrind's callgrind,
 * for machines without hardware counters. Callgrind is slow and runs one thread
 * at a time, so nothing is timed; the kernel's work is not counted.
 */

import { findFault } from "./check.ts";
import { makeLoad } from "./make_load.ts";
import type { Bench, Part } from "./measure.ts";
import { RunningTarget } from "./running_target.ts";
import { maybeOutput, type Prepared } from "./target.ts";

/** Time limit for the start, and for the check of the responses. */
const DEADLINE_MS = 180_000;

/**
 * Counts one target in one case, in several windows after a warm-up, and
 * returns the lowest count: compiling and garbage collection only add to it.
 * The warm-up must take at least two minutes.
 *
 * @param folder A folder for callgrind's files.
 * @throws {Error} If the target cannot be counted, with the reason.
 */
export async function countUserInstructions(
  bench: Bench,
  { loadCase, connections }: Part,
  [name, prepared]: readonly [string, Prepared],
  folder: string,
): Promise<number> {
  const { pinning, running, rounds, seconds, warmUpSeconds } = bench;
  const file = `${folder}/callgrind`;
  await using target = await RunningTarget.start(name, prepared, {
    pinning,
    running,
    routes: loadCase.routes,
    wrapper: valgrind(file),
    deadlineMs: DEADLINE_MS,
  });
  const { port, pid } = target;
  const run = { loadCase, port, connections };
  const fault = await findFault(loadCase, port, DEADLINE_MS);
  if (fault !== null) throw new Error(target.ended ?? fault);
  if (target.tree.pids().length > 1) {
    throw new Error("its processes cannot be counted together");
  }
  bench.progress.step(`${name}, warm-up`);
  await makeLoad(bench, { ...run, seconds: warmUpSeconds });
  const counts: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    bench.progress.step(`${name}, count ${round}`);
    await control("--zero", pid);
    const { sample } = await makeLoad(bench, { ...run, seconds });
    await control("--dump", pid);
    const total = readTotal(`${file}.${round}`);
    await Deno.remove(`${file}.${round}`);
    if (sample.requests > 0) counts.push(total / sample.requests);
  }
  if (counts.length === 0) throw new Error("it sent no response");
  return Math.min(...counts);
}

/**
 * The command's prefix. V8 rewrites its code at run time, so valgrind must
 * check all code that is not from a file for changes. Without fair scheduling,
 * a compiler thread blocks the others for minutes.
 */
function valgrind(file: string): readonly string[] {
  return [
    "valgrind",
    "--tool=callgrind",
    "--smc-check=all-non-file",
    "--fair-sched=try",
    `--callgrind-out-file=${file}`,
  ];
}

async function control(what: string, pid: number): Promise<void> {
  const output = await maybeOutput("callgrind_control", [what, String(pid)]);
  if (output === null) throw new Error(`callgrind_control ${what} failed`);
}

/**
 * Reads the number of instructions from an output file of callgrind.
 *
 * @throws {Error} If the file has no total.
 */
export function readTotal(path: string): number {
  const match = /^(?:summary|totals): ([0-9]+)/m.exec(
    Deno.readTextFileSync(path),
  );
  if (match === null) throw new Error("callgrind wrote no total");
  return Number(match[1]);
}
