/**
 * Counts the instructions of a target while a command runs, with `perf stat`,
 * on machines whose hardware counters are accessible.
 */

import { maybeOutput } from "./target.ts";

const EVENT = "instructions";

/** Whether this machine can count instructions. */
export async function canCountInstructions(): Promise<boolean> {
  const text = await maybeOutput("perf", ["stat", "-x,", "-e", EVENT, "true"]);
  return text !== null && parseCount(text) !== null;
}

/** Prefixes a command with `perf stat`, which counts other processes while the command runs. */
export function counting(
  pids: readonly number[],
  command: readonly string[],
): readonly string[] {
  const event = ["-x,", "-e", EVENT];
  return ["perf", "stat", ...event, "-p", pids.join(","), "--", ...command];
}

/** Finds the count in the output of `perf stat`; `null` if there is none. */
export function parseCount(text: string): number | null {
  const match = /^([0-9]+),[^,]*,instructions/m.exec(text);
  return match === null ? null : Number(match[1]);
}
