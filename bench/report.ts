/**
 * Runs the benchmarks and writes the page:
 * `deno task bench:report [part of a name …]`.
 *
 * Runs all bench files, or those whose names contain one of the parts, and
 * updates their figures in `results/micro.json`. Then writes `README.md` and
 * `plots/` from that file, `results/load.json`, `results/client.json` and
 * `results/files.json`. `--rounds N` runs each file N times (3 by default);
 * `--render-only` skips the measurement.
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";
import type { ClientResults } from "./client/results.ts";
import type { FileResults } from "./files/results.ts";
import type { LoadResults } from "./load/results.ts";
import { loadSection } from "./report/load_page.ts";
import { clientSection } from "./report/client_page.ts";
import { filesSection } from "./report/files_page.ts";
import { peerVersions, thisMachine } from "./report/machine.ts";
import { maybeReadResults, writeResults } from "./report/results_file.ts";
import {
  combineRounds,
  type MicroFile,
  type MicroResults,
  type Round,
  runFile,
} from "./report/micro.ts";
import { page } from "./report/page.ts";
import { microSection } from "./report/micro_page.ts";
import { plotFiles } from "./report/plots.ts";

const folder = new URL("./", import.meta.url);
const microFile = new URL("results/micro.json", folder);
const loadFile = new URL("results/load.json", folder);
const clientFile = new URL("results/client.json", folder);
const filesFile = new URL("results/files.json", folder);
const plotsFolder = new URL("plots/", folder);

/** The order of the page's sections; other files follow. */
const ORDER = [
  "request_head_bench.ts",
  "simd_crossing_bench.ts",
  "router_bench.ts",
  "machine_bench.ts",
  "fetch_bench.ts",
  "response_head_bench.ts",
  "header_lookup_bench.ts",
  "head_encoding_bench.ts",
  "chunked_decode_bench.ts",
  "chunked_encode_bench.ts",
  "body_reader_bench.ts",
  "http_date_bench.ts",
];

function benchFiles(): string[] {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith("_bench.ts")).sort();
  const known = ORDER.filter((name) => names.includes(name));
  return [...known, ...names.filter((name) => !ORDER.includes(name))];
}

/** The contents of all TypeScript files in a folder and its subfolders. */
function sourcesIn(directory: URL): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return sourcesIn(new URL(`${name}/`, directory));
    if (!name.endsWith(".ts")) return [];
    return [Deno.readTextFileSync(new URL(name, directory))];
  });
}

/** Runs the files in turn, round by round, and prints the progress. */
async function measure(
  names: readonly string[],
  rounds: number,
): Promise<Record<string, MicroFile>> {
  const started = performance.now();
  const taken = new Map<string, Round[]>();
  const total = names.length * rounds;
  let done = 0;
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) {
      const seconds = (performance.now() - started) / 1000;
      const left = done === 0
        ? ""
        : `, about ${Math.ceil(seconds / done * (total - done))} s to go`;
      console.log(
        `[${done + 1}/${total}] round ${round} of ${rounds}: ${name} (after ${
          Math.round(seconds)
        } s${left})`,
      );
      done++;
      try {
        const result = await runFile(new URL(name, folder));
        taken.set(name, [...taken.get(name) ?? [], result]);
      } catch (error) {
        // Keep the figures of the other files; the exit code reports the failure.
        console.error(error instanceof Error ? error.message : error);
        Deno.exitCode = 1;
      }
    }
  }
  const { date } = thisMachine();
  return Object.fromEntries(
    [...taken].map(([name, done]) => [name, combineRounds(done, date)]),
  );
}

/** Measures the chosen files and keeps the earlier figures of the others. */
async function update(
  parts: readonly string[],
  rounds: number,
): Promise<MicroResults> {
  const names = benchFiles();
  const chosen = names.filter((name) =>
    parts.length === 0 || parts.some((part) => name.includes(part))
  );
  if (chosen.length === 0) {
    throw new Error(`Cannot find a bench file for ${parts.join(", ")}`);
  }
  const measured = await measure(chosen, rounds);
  const before = (await maybeReadResults<MicroResults>(microFile))?.files ?? {};
  const files = Object.fromEntries(
    Object.entries({ ...before, ...measured })
      .filter(([name]) => names.includes(name)),
  );
  const peers = peerVersions(sourcesIn(folder));
  const results = { machine: thisMachine(), peers, files };
  await Deno.mkdir(new URL("./", microFile), { recursive: true });
  await writeResults(microFile, results);
  return results;
}

/** Writes the page and its plots. */
async function render(micro: MicroResults): Promise<void> {
  const sections = benchFiles().flatMap((name) => {
    const file = micro.files[name];
    if (file === undefined) return [];
    const source = Deno.readTextFileSync(new URL(name, folder));
    return [microSection(name, source, file)];
  });
  const load = await maybeReadResults<LoadResults>(loadFile);
  if (load !== null) sections.push(loadSection(load));
  const clients = await maybeReadResults<ClientResults>(clientFile);
  if (clients !== null) sections.push(clientSection(clients));
  const files = await maybeReadResults<FileResults>(filesFile);
  if (files !== null) sections.push(filesSection(files));
  await Deno.mkdir(plotsFolder, { recursive: true });
  for (const { name } of Deno.readDirSync(plotsFolder)) {
    await Deno.remove(new URL(name, plotsFolder));
  }
  for (
    const [name, svg] of sections.flatMap(({ plots }) => plots)
      .flatMap(plotFiles)
  ) {
    await Deno.writeTextFile(new URL(name, plotsFolder), svg);
  }
  const readme = new URL("README.md", folder);
  await Deno.writeTextFile(readme, page(micro, sections));
  await format([readme, microFile, plotsFolder]);
}

/** Formats generated files, which the format check includes. */
async function format(files: readonly URL[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "-q", ...files.map(({ pathname }) => pathname)],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    "render-only": { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
  },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  throw new RangeError(`Cannot run ${values.rounds} rounds: 1 or more`);
}
const results = values["render-only"]
  ? await maybeReadResults<MicroResults>(microFile)
  : await update(positionals, rounds);
if (results === null) throw new Error("Cannot render: nothing was measured");
await render(results);
console.log("Written: README.md and plots/");
