/** What makes the load: `wrk` if it is installed, otherwise a program of our own. */

import type { LoadCase } from "./cases.ts";
import { maybeOutput } from "./target.ts";

/** One run of the load. */
export interface LoadRun {
  readonly loadCase: LoadCase;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
}

/** What a run saw; latencies are of a whole write, so of 16 answers where 16 are pipelined. */
export interface LoadSample {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers with other statuses, failed connects, reads and writes, and time-outs. */
  readonly errors: number;
}

/** A load generator. */
export interface Loader {
  /** Its name and version. */
  readonly name: string;
  /** Gives the command that makes a run and prints a {@linkcode LoadSample} as its last line, in JSON. */
  command(run: LoadRun): Promise<readonly string[]>;
}

/**
 * Chooses a load generator.
 *
 * @param folder A folder for its files.
 */
export async function chooseLoader(
  folder: string,
  isBuiltIn: boolean,
): Promise<Loader> {
  const version = isBuiltIn ? null : await wrkVersion();
  return version === null ? builtIn(folder) : wrk(folder, version);
}

/** Asks for the version; `wrk -v` prints it and fails. */
async function wrkVersion(): Promise<string | null> {
  const text = await maybeOutput("sh", ["-c", "wrk -v || true"]);
  return /^wrk \S+/.exec(text ?? "")?.[0] ?? null;
}

function wrk(folder: string, name: string): Loader {
  const program = pathOf("./wrk.lua");
  return {
    name,
    async command(run): Promise<readonly string[]> {
      const { loadCase, port, connections, seconds } = run;
      const { request, pipelined } = loadCase;
      const octets = `${folder}/octets`;
      await Deno.writeTextFile(octets, request.repeat(pipelined));
      const script = `${folder}/load.lua`;
      await Deno.writeTextFile(
        script,
        `octets_file = [[${octets}]]
connections = ${connections}
dofile([[${program}]])
`,
      );
      const size = ["-t1", `-c${connections}`, `-d${seconds}s`];
      const rest = ["--timeout", "10s", "-s", script];
      return ["wrk", ...size, ...rest, `http://127.0.0.1:${port}/`];
    },
  };
}

function builtIn(folder: string): Loader {
  const program = pathOf("./generate.ts");
  return {
    name: "built in",
    async command(run): Promise<readonly string[]> {
      const { loadCase, port, connections, seconds } = run;
      const file = `${folder}/job.json`;
      const { request, pipelined } = loadCase;
      const job = { request, pipelined, port, connections, seconds };
      await Deno.writeTextFile(file, JSON.stringify(job));
      const args = ["run", "-A", program, file];
      return [Deno.execPath(), ...args];
    },
  };
}

function pathOf(file: string): string {
  return decodeURIComponent(new URL(file, import.meta.url).pathname);
}
