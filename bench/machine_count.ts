/**
 * Counts the instructions per request in memory, of the server's connection
 * machine, of the client and of WebSocket messages, under valgrind's callgrind:
 *
 *     deno task bench:count --cases hello,chrome-params
 *
 * Each case runs in its own process. Callgrind is switched on after a warm-up
 * and counts several rounds separately, so that startup and compilation are not
 * counted. The result is the lowest round, because late compilation only adds
 * instructions; the highest round shows how stable the result is.
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";
import { EXCHANGE_CASES } from "./client/memory_exchanges.ts";
import { readTotal } from "./load/callgrind.ts";
import { MACHINE_CASES } from "./machine/cases.ts";
import { LISTEN_PREFIX } from "./machine/listen_machine.ts";
import { ECHO_CASES } from "./websocket/memory_echo.ts";

/** What is counted. */
interface CountedCase {
  readonly name: string;
  /** Requests in one read. */
  readonly pipelined: number;
}

/** The cases of the client, and the echoes of WebSockets; those with long bodies would run for hours under valgrind. */
const EXCHANGES: readonly CountedCase[] = [
  ...EXCHANGE_CASES.filter(({ bodyBytes }) => bodyBytes < 1024),
  ...ECHO_CASES,
].map(({ name }) => ({ name, pipelined: 1 }));

/** The cases of the server that run through the listen engine's transport as well. */
const LISTEN: readonly CountedCase[] = MACHINE_CASES
  .filter(({ group, isAsync }) => group === "request in memory" && !isAsync)
  .map(({ name, pipelined }) => ({
    name: `${LISTEN_PREFIX}${name}`,
    pipelined,
  }));

const ALL_CASES = [...MACHINE_CASES, ...LISTEN, ...EXCHANGES];

const USAGE = `usage: deno task bench:count [options]
  --cases A,B     count only these cases: ${
  ALL_CASES.map(({ name }) => name).join(", ")
}
  --requests N    requests in a round (24000)
  --rounds N      rounds of each case (5)`;

/** Instructions per request. */
interface Count {
  readonly lowest: number;
  readonly highest: number;
}

/** Requests in a round, and number of rounds. */
interface Plan {
  readonly requests: number;
  readonly rounds: number;
}

/**
 * Counts one case.
 *
 * @throws {Error} If valgrind or the program fails, with its output.
 */
async function count(
  { name, pipelined }: CountedCase,
  { requests, rounds }: Plan,
  folder: string,
): Promise<Count> {
  const file = `${folder}/${name}`;
  const child = new URL("machine/count_child.ts", import.meta.url).pathname;
  const reads = Math.ceil(requests / pipelined);
  const process = new Deno.Command("valgrind", {
    args: [
      "--tool=callgrind",
      "--instr-atstart=no", // until the warm-up is over, which is then ten times as fast
      "--smc-check=all-non-file", // V8 rewrites its code at run time
      "--fair-sched=try", // a compiler thread must not block the others
      "--dump-before=umask", // see `count_child.ts`
      `--callgrind-out-file=${file}`,
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      "--v8-flags=--predictable", // one thread, and the same compilations in each run
      decodeURIComponent(child),
      name,
      String(reads),
      String(rounds),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(process.stderr).text();
  const output = process.stdout.getReader();
  await output.read(); // the line after the warm-up, or the end
  await switchOn(process.pid);
  const input = process.stdin.getWriter();
  await input.write(new TextEncoder().encode("\n"));
  await input.close();
  await output.cancel();
  const { success } = await process.status;
  if (!success) throw new Error(await errors);
  // The first file has the counts before the first round.
  const counts = Array.from(
    { length: rounds },
    (_, round) => readTotal(`${file}.${round + 2}`) / (reads * pipelined),
  );
  return { lowest: Math.min(...counts), highest: Math.max(...counts) };
}

/** Starts to count the instructions of a process under callgrind. */
async function switchOn(pid: number): Promise<void> {
  const args = ["--instr=on", String(pid)];
  const { success, stdout, stderr } = await new Deno.Command(
    "callgrind_control",
    { args },
  ).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(decoder.decode(stdout) + decoder.decode(stderr));
}

/** @throws {TypeError} If no case has the name. */
function caseOf(name: string): CountedCase {
  const found = ALL_CASES.find((known) => known.name === name);
  if (found !== undefined) return found;
  const names = ALL_CASES.map((known) => known.name).join(", ");
  throw new TypeError(`Cannot find "${name}" among the cases: ${names}`);
}

function parseCount(flag: string, text: string): number {
  if (/^[1-9][0-9]{0,7}$/.test(text)) return Number(text);
  throw new TypeError(`Cannot use "${text}" for ${flag}: not 1 to 99999999`);
}

/** @throws {TypeError} If an option is unknown or its value is invalid. */
function parse(): Plan & { readonly cases: readonly CountedCase[] } {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      cases: { type: "string" },
      requests: { type: "string", default: "24000" },
      rounds: { type: "string", default: "5" },
    },
  });
  return {
    cases: values.cases?.split(",").map(caseOf) ?? ALL_CASES,
    requests: parseCount("--requests", values.requests),
    rounds: parseCount("--rounds", values.rounds),
  };
}

if (Deno.args.includes("--help")) {
  console.log(USAGE);
  Deno.exit();
}
const { cases, ...plan } = parse();
const folder = await Deno.makeTempDir({ prefix: "khttp-count-" });
try {
  for (const machineCase of cases) {
    const { lowest, highest } = await count(machineCase, plan, folder);
    console.log(
      `${machineCase.name}: ${lowest.toFixed(0)} instructions per request ` +
        `(at most ${highest.toFixed(0)} in ${plan.rounds} rounds)`,
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
