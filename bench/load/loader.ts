/** Load generators: `wrk` if it is installed, otherwise our own program. */

import type { LoadCase } from "./cases.ts";
import { maybeOutput } from "./target.ts";

/** One run of a load generator. */
export interface LoadRun {
  readonly loadCase: LoadCase;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
}

/** Results of a run. A latency is that of a whole write: of 16 responses if 16 requests are pipelined. */
export interface LoadSample {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How many responses had another status, and how many connects, reads and writes failed or timed out. */
  readonly errors: number;
}

/** A load generator. */
export interface Loader {
  /** Name and version. */
  readonly name: string;
  /** Returns the command of a run, which prints a {@linkcode LoadSample} in JSON as its last line. */
  command(run: LoadRun): Promise<readonly string[]>;
}

/**
 * Chooses a load generator.
 *
 * @param folder A folder for the generator's files.
 */
export async function chooseLoader(
  folder: string,
  isBuiltIn: boolean,
): Promise<Loader> {
  const version = isBuiltIn ? null : await wrkVersion();
  return version === null ? builtIn(folder) : wrk(folder, version);
}

/** Reads the version of `wrk`; `wrk -v` prints it and exits with an error. */
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
      const file = `${folder}/requests`;
      await Deno.writeTextFile(file, request.repeat(pipelined));
      const script = `${folder}/load.lua`;
      await Deno.writeTextFile(
        script,
        `requests_file = [[${file}]]
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
