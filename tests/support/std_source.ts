/**
 * Decides where `@std/*` comes from: the registry named in `deno.json`, or the
 * adapters in `tests/std/` if that registry does not answer and the cache does
 * not hold the packages. `tests/run.ts` and `tests/ok.ts` use it.
 */

const root = new URL("../../", import.meta.url);
const importMap = "tests/std/import_map.json";
const probeDeadlineMs = 10_000;

/** Where `@std/*` was found, and the flags of `deno` that select it. */
export interface StdSource {
  readonly name: string;
  readonly flags: readonly string[];
}

/** Runs the `deno` that runs this program, in the package folder. */
export function deno(args: readonly string[], options?: {
  readonly stdout?: "inherit" | "piped";
}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    stdin: "null",
    stdout: options?.stdout ?? "inherit",
    stderr: "inherit",
  }).spawn();
}

/** Tries to load every `@std` module, with a deadline. */
export async function findStdSource(): Promise<StdSource> {
  const map = JSON.parse(await Deno.readTextFile(new URL(importMap, root)));
  const probe = Object.keys(map.imports).map((name) => `import "${name}";`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", probe.join("")],
    cwd: root,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), probeDeadlineMs);
  const { success } = await child.status;
  clearTimeout(timer);
  return success
    ? { name: "the registry named in deno.json", flags: [] }
    : { name: "tests/std/", flags: [`--import-map=${importMap}`] };
}
