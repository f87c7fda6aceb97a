/**
 * Measures one case with one number of connections: starts all targets and warms
 * them up, then lets them take turns for several rounds. While one target is
 * measured the others are frozen, so that their timers and garbage collectors do
 * not use its core.
 */

import type { LoadCase } from "./cases.ts";
import { findFault } from "./check.ts";
import { type LoadTools, makeLoad } from "./make_load.ts";
import type { Progress } from "./progress.ts";
import type { TargetFailure, TargetResult } from "./results.ts";
import { RunningTarget } from "./running_target.ts";
import { type Round, summarise } from "./summary.ts";
import type { Prepared } from "./target.ts";

/** The parts of the setup that all cases share. */
export interface Bench extends LoadTools {
  readonly hasCounters: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly progress: Progress;
}

/** A case with a number of connections and its targets. */
export interface Part {
  readonly loadCase: LoadCase;
  readonly connections: number;
  readonly targets: ReadonlyMap<string, Prepared>;
}

/** The results of a case, and the targets without a result. */
export interface Measured {
  readonly results: readonly TargetResult[];
  readonly failures: readonly TargetFailure[];
}

interface Entrant {
  readonly target: RunningTarget;
  readonly rounds: Round[];
  fault: string | null;
}

/** Measures the targets that support a case. */
export async function measurePart(bench: Bench, part: Part): Promise<Measured> {
  const entrants: Entrant[] = [];
  const failures: TargetFailure[] = [];
  const results: TargetResult[] = [];
  const giveUp = (target: string, reason: string): void => {
    failures.push({ target, reason });
    bench.progress.note(`${target} fails ${part.loadCase.name}: ${reason}`);
  };
  try {
    for (const [name, prepared] of part.targets) {
      const started = await enter(bench, part, name, prepared);
      if (typeof started === "string") giveUp(name, started);
      else entrants.push({ target: started, rounds: [], fault: null });
    }
    for (let round = 1; round <= bench.rounds; round++) {
      for (const entrant of entrants) {
        if (entrant.fault !== null) continue;
        bench.progress.step(`${entrant.target.name}, round ${round}`);
        entrant.fault = await runRound(bench, part, entrant);
      }
    }
    for (const { target, rounds, fault } of entrants) {
      if (fault !== null) giveUp(target.name, fault);
      else {
        const peakRssMiB = target.tree.peakRssMiB();
        results.push(summarise(target.name, rounds, peakRssMiB));
      }
    }
  } finally {
    for (const { target } of entrants) await target[Symbol.asyncDispose]();
  }
  return { results, failures };
}

/** Starts a target, checks its responses, warms it up and freezes it; returns the reason if that fails. */
async function enter(
  bench: Bench,
  { loadCase, connections }: Part,
  name: string,
  prepared: Prepared,
): Promise<RunningTarget | string> {
  bench.progress.step(`${name}, warm-up`);
  const { pinning, running, warmUpSeconds: seconds } = bench;
  const { routes } = loadCase;
  let target: RunningTarget | null = null;
  try {
    const options = { pinning, running, routes };
    target = await RunningTarget.start(name, prepared, options);
    const { port } = target;
    const fault = await findFault(loadCase, port);
    if (fault !== null) throw new Error(target.ended ?? fault);
    await makeLoad(bench, { loadCase, port, connections, seconds });
    target.freeze();
    return target;
  } catch (error) {
    await target?.[Symbol.asyncDispose]();
    return messageOf(error);
  }
}

/** Adds a round to a target's rounds; returns the reason if that fails. */
async function runRound(
  bench: Bench,
  { loadCase, connections }: Part,
  { target, rounds }: Entrant,
): Promise<string | null> {
  const { port, tree } = target;
  const run = { loadCase, port, connections, seconds: bench.seconds };
  target.thaw();
  try {
    const pids = bench.hasCounters ? tree.pids() : [];
    const before = tree.cpuMicros();
    const { sample, instructions } = await makeLoad(bench, run, pids);
    const cpuMicros = tree.cpuMicros() - before;
    rounds.push({ ...sample, cpuMicros, instructions });
    return target.ended;
  } catch (error) {
    return target.ended ?? messageOf(error);
  } finally {
    target.freeze();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
