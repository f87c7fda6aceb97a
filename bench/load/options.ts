/** The command line of the load comparison. */

import { LOAD_CASES, type LoadCase } from "./cases.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** The parsed options. */
export interface LoadOptions {
  readonly cases: readonly LoadCase[];
  readonly targets: readonly Target[];
  /** Numbers of connections for every case; `null` uses those of the case. */
  readonly connections: readonly number[] | null;
  readonly rounds: number;
  /** Length of a round, in seconds. */
  readonly seconds: number;
  /** Warm-up of each target before its first round, in seconds. */
  readonly warmUpSeconds: number;
  /** Whether to count instructions under callgrind instead of timing. */
  readonly isCallgrind: boolean;
  /** Whether to use the built-in load generator although `wrk` is installed. */
  readonly isBuiltIn: boolean;
  /** The file of results. */
  readonly output: string;
}

/** The usage text. */
export const USAGE = `usage: deno task bench:load [options]
  --cases A,B         run only these cases: ${LOAD_CASES.map(nameOf).join(", ")}
  --targets A,B       run only these targets: ${TARGETS.map(nameOf).join(", ")}
  --connections 1,64  numbers of connections instead of each case's own
  --rounds N          rounds of each target, which take turns (3)
  --seconds N         length of a round (2; callgrind: 20)
  --warm-up N         seconds before a target's first round (2; callgrind: 120)
  --built-in          do not use wrk
  --callgrind         count user instructions under valgrind instead of timing
  --output FILE       results (bench/results/load.json)`;

/**
 * Parses the arguments.
 *
 * @throws {TypeError} If an option is unknown or its value is invalid.
 */
export function parseOptions(args: readonly string[]): LoadOptions {
  const values = readFlags(args);
  const isCallgrind = values.has("callgrind");
  const standard = new URL("../results/load.json", import.meta.url).pathname;
  return {
    cases: pick("--cases", values.get("cases"), LOAD_CASES),
    targets: pick("--targets", values.get("targets"), TARGETS),
    connections:
      values.get("connections")?.split(",").map((text) =>
        parseCount("--connections", text)
      ) ?? null,
    rounds: parseCount("--rounds", values.get("rounds") ?? "3"),
    seconds: parseCount(
      "--seconds",
      values.get("seconds") ?? (isCallgrind ? "20" : "2"),
    ),
    warmUpSeconds: parseCount(
      "--warm-up",
      values.get("warm-up") ?? (isCallgrind ? "120" : "2"),
    ),
    isCallgrind,
    isBuiltIn: values.has("built-in"),
    output: values.get("output") ?? decodeURIComponent(standard),
  };
}

const SWITCHES = ["built-in", "callgrind"];
const FLAGS = [
  "cases",
  "targets",
  "connections",
  "rounds",
  "seconds",
  "warm-up",
  "output",
];

function readFlags(args: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const rest = [...args];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    const name = flag.startsWith("--") ? flag.slice(2) : "";
    const value = SWITCHES.includes(name) ? "" : rest.shift();
    if (value === undefined || ![...SWITCHES, ...FLAGS].includes(name)) {
      throw new TypeError(`Cannot understand "${flag}"\n${USAGE}`);
    }
    values.set(name, value);
  }
  return values;
}

function parseCount(flag: string, text: string): number {
  if (/^[1-9][0-9]{0,4}$/.test(text)) return Number(text);
  throw new TypeError(`Cannot use "${text}" for ${flag}: not 1 to 99,999`);
}

/** Selects by name; case is ignored, and a dash matches a space. */
function pick<T extends { readonly name: string }>(
  flag: string,
  text: string | undefined,
  all: readonly T[],
): readonly T[] {
  if (text === undefined) return all;
  const wanted = text.split(",").map(plain);
  const unknown = wanted.find((name) =>
    !all.some((item) => plain(item.name) === name)
  );
  if (unknown !== undefined) {
    const names = all.map(nameOf).join(", ");
    throw new TypeError(`Cannot find "${unknown}" for ${flag} among: ${names}`);
  }
  return all.filter((item) => wanted.includes(plain(item.name)));
}

function plain(name: string): string {
  return name.trim().toLowerCase().replaceAll(" ", "-");
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
