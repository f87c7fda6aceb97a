/**
 * The figures of the `deno bench` files: running them, and what is kept of
 * several rounds. A file's rounds are spread over the whole run, so that a
 * busy minute of the machine spoils one round of it and not all.
 */

import type { Machine } from "./machine.ts";

/** What one contender reached. */
export interface MicroResult {
  readonly name: string;
  /** Whether the others of the group are compared with it. */
  readonly isBaseline: boolean;
  /** The fastest batch of calls of all rounds, in ns a call. */
  readonly nanoseconds: number;
  /** All calls, in ns a call; the median of the rounds. */
  readonly averageNanoseconds: number;
  /** Fastest batch by the baseline's fastest batch. */
  readonly timesBaseline: number;
}

/** Contenders that did the same work. */
export interface MicroGroup {
  readonly name: string;
  readonly results: readonly MicroResult[];
}

/** What one file gave. */
export interface MicroFile {
  /** The day of the run in UTC. */
  readonly date: string;
  readonly rounds: number;
  /** The system's greatest load average in a round; above 1 others were busy too. */
  readonly loadAverage: number;
  readonly groups: readonly MicroGroup[];
}

/** What `results/micro.json` holds. */
export interface MicroResults {
  readonly machine: Machine;
  readonly peers: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, MicroFile>>;
}

/** What `deno bench --json` tells of one bench, as far as it is used. */
interface BenchResult {
  readonly group: string | null;
  readonly name: string;
  readonly baseline: boolean;
  readonly results: readonly (
    | { readonly ok: { readonly min: number; readonly avg: number } }
    | { readonly failed: unknown }
  )[];
}

/** One bench's figures in one round. */
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
  /** The system's load average of the last minute, at the end. */
  readonly loadAverage: number;
}

/**
 * Runs one file once.
 *
 * @throws {Error} If it cannot be run, or a bench in it fails.
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
  }; // its own format, read by the release that wrote it
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

/** Puts the rounds of one file together; every round has the same benches. */
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
  // Others' work on the machine only ever adds time, so the least is the truest.
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

/** The middle one of the values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Four digits are more than a second run would confirm. */
function shortened(value: number): number {
  return Number(value.toPrecision(4));
}
