/** The file of results: its format, the machine, and how a new run is merged into it. */

/** One target in one case: medians of the rounds, the peak of memory and the sum of errors. */
export interface TargetResult {
  readonly target: string;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** User and system time of the target's processes. */
  readonly cpuMicrosPerRequest: number;
  /** From hardware counters, user and system; `null` without counters. */
  readonly instructionsPerRequest: number | null;
  readonly peakRssMiB: number;
  readonly errors: number;
  /** From callgrind, user space only; present if `--callgrind` was used. */
  readonly userInstructionsPerRequest?: number;
}

/** A target that was not measured in a case. */
export interface TargetFailure {
  readonly target: string;
  readonly reason: string;
}

/** One case with one number of connections. */
export interface CaseResult {
  readonly name: string;
  readonly description: string;
  readonly connections: number;
  /** Requests in one write; a latency is that of all their responses. */
  readonly pipelined: number;
  readonly rounds: number;
  /** Length of a round, in seconds. */
  readonly seconds: number;
  readonly results: readonly TargetResult[];
  readonly failures: readonly TargetFailure[];
}

/** The whole file. */
export interface LoadResults {
  readonly machine: Machine;
  /** By target. */
  readonly versions: Readonly<Record<string, string>>;
  readonly loader: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Notes for the reader: targets that were left out, missing counters. */
  readonly notes: readonly string[];
  readonly cases: readonly CaseResult[];
}

/** The machine of a run. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly deno: string;
  readonly v8: string;
  readonly date: string;
}

/** Describes this machine. */
export function describeMachine(): Machine {
  const info = Deno.readTextFileSync("/proc/cpuinfo");
  return {
    cpu: /^(?:model name|Model)\s*:\s*(.+)$/m.exec(info)?.[1] ??
      Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    date: new Date().toISOString().slice(0, 10),
  };
}

/**
 * Replaces the old cases that have the name and number of connections of a new
 * one. A case is replaced as a whole, because its targets took turns.
 *
 * @param order The names of all cases, in the report's order.
 */
export function mergeResults(
  old: LoadResults | null,
  run: LoadResults,
  order: readonly string[],
): LoadResults {
  const key = ({ name, connections }: CaseResult): string =>
    `${name} ${connections}`;
  const cases = new Map(
    [...old?.cases ?? [], ...run.cases].map((item) => [key(item), item]),
  );
  return {
    ...run,
    versions: { ...old?.versions, ...run.versions },
    cases: [...cases.values()].sort((a, b) =>
      order.indexOf(a.name) - order.indexOf(b.name) ||
      a.connections - b.connections
    ),
  };
}

/** Adds a count to a timed result; without a timed result the count is dropped. */
export function withUserInstructions(
  results: LoadResults,
  key: {
    readonly name: string;
    readonly connections: number;
    readonly target: string;
  },
  userInstructionsPerRequest: number,
): LoadResults {
  const cases = results.cases.map((item) =>
    item.name !== key.name || item.connections !== key.connections
      ? item
      : { ...item, results: item.results.map(add) }
  );
  return { ...results, cases };

  function add(result: TargetResult): TargetResult {
    return result.target === key.target
      ? { ...result, userInstructionsPerRequest }
      : result;
  }
}

/** Writes the file; numbers are rounded to their significant digits. */
export async function writeResults(
  path: string,
  results: LoadResults,
): Promise<void> {
  const text = JSON.stringify(
    results,
    (_, value) =>
      typeof value === "number" ? Number(value.toPrecision(5)) : value,
    2,
  );
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/") + 1) || ".", {
    recursive: true,
  });
  await Deno.writeTextFile(path, `${text}\n`);
}
