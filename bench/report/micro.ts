/**
 * The figures of the `deno bench` files: runs the files and combines rounds.
 * The rounds of a file are spread over the whole run, so that a busy minute of
 * the machine affects only one round.
 */

import type { Machine } from "./machine.ts";

/** The figures of one contender. */
export interface MicroResult {
  readonly name: string;
  /** Whether it is the baseline of its group. */
  readonly isBaseline: boolean;
  /** The fastest batch of calls in all rounds, in ns per call. */
  readonly nanoseconds: number;
  /** The mean of all calls, in ns per call; the median of the rounds. */
  readonly averageNanoseconds: number;
  /** The fastest batch divided by that of the baseline. */
  readonly timesBaseline: number;
}

/** Contenders that do the same work. */
export interface MicroGroup {
  readonly name: string;
  readonly results: readonly MicroResult[];
}

/** The figures of one file. */
export interface MicroFile {
  /** The day of the run in UTC. */
  readonly date: string;
  readonly rounds: number;
  /** The highest load average in a round; above 1, other processes were busy too. */
  readonly loadAverage: number;
  readonly groups: readonly MicroGroup[];
}

/** The content of `results/micro.json`. */
export interface MicroResults {
  readonly machine: Machine;
  readonly peers: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, MicroFile>>;
}

/** The part of the output of `deno bench --json` for one bench that is used. */
interface BenchResult {
  readonly group: string | null;
  readonly name: string;
  readonly baseline: boolean;
  readonly results: readonly (
    | { readonly ok: { readonly min: number; readonly avg: number } }
    | { readonly failed: unknown }
  )[];
}

/** The figures of one bench in one round. */
export interface Sample {
  readonly group: string;
  readonly name: string;
  readonly isBaseline: boolean;
  readonly minimum: number;
  readonly average: number;
}

/** One round of one file. */
export interface Round {
  readonly samples: readonly Sample[];
  /** The load average of the last minute, at the end of the round. */
  readonly loadAverage: number;
}

/**
 * Runs one file once.
 *
 * @throws {Error} If the file cannot be run, or a bench in it fails.
 */
export async function runFile(file: URL): Promise<Round> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bench", "-A", "--no-check", "--json", file.href],
  }).output();
  if (code !== 0) {
    throw new Error(
      `Cannot run ${file.href}: ${new TextDecoder().decode(stderr)}`,
    );
  }
  const { benches } = JSON.parse(new TextDecoder().decode(stdout)) as {
    benches: readonly BenchResult[];
  }; // written by the same release of Deno
  const [loadAverage = 0] = Deno.loadavg();
  return { samples: benches.map(toSample), loadAverage };
}

function toSample({ group, name, baseline, results }: BenchResult): Sample {
  const [result] = results;
  if (result === undefined || !("ok" in result)) {
    throw new Error(`Cannot use bench "${name}": it failed`);
  }
  const { min, avg } = result.ok;
  return {
    group: group ?? "no group",
    name,
    isBaseline: baseline,
    minimum: min,
    average: avg,
  };
}

/** Combines the rounds of one file; every round has the same benches. */
export function combineRounds(
  rounds: readonly Round[],
  date: string,
): MicroFile {
  const first = rounds[0]?.samples ?? [];
  const names = [...new Set(first.map(({ group }) => group))];
  const groups = names.map((name) => ({
    name,
    results: combineGroup(
      rounds.map(({ samples }) =>
        samples.filter(({ group }) => group === name)
      ),
    ),
  }));
  const loadAverage = Math.max(...rounds.map((round) => round.loadAverage));
  return {
    date,
    rounds: rounds.length,
    loadAverage: shortened(loadAverage),
    groups,
  };
}

function combineGroup(rounds: readonly (readonly Sample[])[]): MicroResult[] {
  const [first = []] = rounds;
  // Other work on the machine only adds time, so the minimum is the best estimate.
  const fastest = first.map((_, index) =>
    Math.min(...rounds.map((samples) => samples[index]!.minimum))
  );
  const baseline = Math.max(first.findIndex((sample) => sample.isBaseline), 0);
  return first.map(({ name, isBaseline }, index) => {
    // every round has the same benches, in the same order; here and above
    const averages = rounds.map((samples) => samples[index]!.average);
    return {
      name,
      isBaseline,
      nanoseconds: shortened(fastest[index]!),
      averageNanoseconds: shortened(median(averages)),
      timesBaseline: shortened(fastest[index]! / fastest[baseline]!),
    };
  });
}

/** The median: the middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Rounds to four digits, which is more than a second run would confirm. */
function shortened(value: number): number {
  return Number(value.toPrecision(4));
}
