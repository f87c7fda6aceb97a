/**
 * Instructions of a target while a command runs, by `perf stat` on machines
 * that have hardware counters and let us read them.
 */

import { maybeOutput } from "./target.ts";

const EVENT = "instructions";

/** Whether instructions can be counted here. */
export async function canCountInstructions(): Promise<boolean> {
  const text = await maybeOutput("perf", ["stat", "-x,", "-e", EVENT, "true"]);
  return text !== null && parseCount(text) !== null;
}

/** Puts `perf stat` before a command, so that it counts what other processes do while the command runs. */
export function counting(
  pids: readonly number[],
  command: readonly string[],
): readonly string[] {
  const event = ["-x,", "-e", EVENT];
  return ["perf", "stat", ...event, "-p", pids.join(","), "--", ...command];
}

/** Finds the count in what `perf stat` printed; `null` if it counted nothing. */
export function parseCount(text: string): number | null {
  const match = /^([0-9]+),[^,]*,instructions/m.exec(text);
  return match === null ? null : Number(match[1]);
}
