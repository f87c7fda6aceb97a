/** The file of results: its shape, the machine it names, and how a new run joins an old one. */

/** One target in one case; medians over the rounds, but the peak and the sum of errors. */
export interface TargetResult {
  readonly target: string;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** User and system time of the target's processes. */
  readonly cpuMicrosPerRequest: number;
  /** By hardware counters, user and system; `null` where there are none. */
  readonly instructionsPerRequest: number | null;
  readonly peakRssMiB: number;
  readonly errors: number;
  /** By callgrind, in user space only; there if it was asked for. */
  readonly userInstructionsPerRequest?: number;
}

/** A target that was not measured in a case. */
export interface TargetFailure {
  readonly target: string;
  readonly reason: string;
}

/** One case with so many connections. */
export interface CaseResult {
  readonly name: string;
  readonly description: string;
  readonly connections: number;
  /** Requests in one write; latencies are of all their answers. */
  readonly pipelined: number;
  readonly rounds: number;
  /** Length of a round. */
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
  /** What a reader must know: targets that were left out, counters that are missing. */
  readonly notes: readonly string[];
  readonly cases: readonly CaseResult[];
}

/** Where it ran. */
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

/** Reads a file of results; `null` if there is none. */
export async function readResults(path: string): Promise<LoadResults | null> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Puts a run's cases in the place of the old ones of the same name and
 * connections; a case is replaced as a whole, since its targets took turns.
 *
 * @param order The names of all cases, in the order of the report.
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

/** Adds a count to a result that was timed; without one there is no place for it. */
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

/** Writes the file, with numbers rounded to what they can tell. */
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
