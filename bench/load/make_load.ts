/** Runs the load generator against a target that is running. */

import type { Loader, LoadRun, LoadSample } from "./loader.ts";
import { counting, parseCount } from "./perf_counter.ts";
import type { Pinning } from "./pinning.ts";
import { type Killable, ProcessTree } from "./process_tree.ts";

/** Results of one run. */
export interface Load {
  readonly sample: LoadSample;
  /** Instructions of the counted processes; `null` if none were counted. */
  readonly instructions: number | null;
}

/** What a run needs. */
export interface LoadTools {
  readonly loader: Loader;
  readonly pinning: Pinning;
  /** All running processes, for the cleanup. */
  readonly running: Set<Killable>;
}

/**
 * Runs the load generator once.
 *
 * @param countedPids Processes whose instructions are counted during the run.
 * @throws {Error} If the generator fails, for example because the port is closed.
 */
export async function makeLoad(
  { loader, pinning, running }: LoadTools,
  run: LoadRun,
  countedPids: readonly number[] = [],
): Promise<Load> {
  const pinned = pinning.load(await loader.command(run));
  const [command = "", ...args] = countedPids.length > 0
    ? counting(countedPids, pinned)
    : pinned;
  const child = new Deno.Command(command, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const tree = new ProcessTree(child.pid);
  const ender = { kill: () => tree.signal("SIGKILL") };
  running.add(ender);
  const { success, stdout, stderr } = await child.output();
  running.delete(ender);
  const decoder = new TextDecoder();
  const errors = decoder.decode(stderr).trim();
  const line = decoder.decode(stdout).trim().split("\n").at(-1) ?? "";
  if (!success || !line.startsWith("{")) {
    throw new Error(`the load generator failed: ${errors || line}`);
  }
  return { sample: JSON.parse(line), instructions: parseCount(errors) };
}
