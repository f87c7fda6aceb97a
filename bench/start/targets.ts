/** The programs that `bench/start.ts` compares, and how each is started. */

import { serveRegistry } from "../../release/local_registry.ts";
import { writePackage } from "../../release/write_package.ts";
import config from "../../deno.json" with { type: "json" };

/** How a program gets its modules. */
export type Loading =
  /** From the sources, a file for each module. */
  | "sources"
  /** From the package, which Deno has cached, as `jsr:` imports get it. */
  | "package"
  /** Bundled with the program into one file, by `deno bundle --minify`. */
  | "one file";

/** A program to start. */
export interface Target {
  readonly name: string;
  /** The path of the program. */
  readonly path: string;
  readonly args: readonly string[];
}

/** Programs that can be started, until they are disposed. */
export interface Targets extends AsyncDisposable {
  readonly targets: readonly Target[];
  /** Environment variables of all programs. */
  readonly env: Readonly<Record<string, string>>;
}

interface Program {
  readonly name: string;
  /** The file, in this folder. */
  readonly file: string;
  readonly args: readonly string[];
  readonly loadings: readonly Loading[];
}

const PROGRAMS: readonly Program[] = [
  {
    name: "Deno.serve",
    file: "deno_serve.ts",
    args: [],
    loadings: ["sources"], // it has no modules, and comes first
  },
  {
    name: "serve() of ./server",
    file: "server_entry.ts",
    args: ["listen"],
    loadings: ["sources", "package", "one file"],
  },
  {
    name: "serveEpoll() of ./server",
    file: "server_entry.ts",
    args: ["epoll"],
    loadings: ["sources", "package"],
  },
  {
    name: "serve() of ./fetch",
    file: "fetch_serve.ts",
    args: [],
    loadings: ["sources", "package"],
  },
  {
    name: "serve() of .",
    file: "serve.ts",
    args: ["listen"],
    loadings: ["sources", "package"],
  },
];

function pathOf(file: string): string {
  return decodeURIComponent(new URL(file, import.meta.url).pathname);
}

/** Bundles a program and its modules into one file. */
async function join(path: string, output: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--output", output, path],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** The program with `jsr:` imports instead of imports of our files. */
async function importPackage(path: string, output: string): Promise<void> {
  const entries = Object.entries(config.exports).map(([name, file]) =>
    [`"../../${file.slice(2)}"`, name.slice(1)] as const
  );
  let source = await Deno.readTextFile(path);
  for (const [file, entry] of entries) {
    source = source.replace(
      file,
      `"jsr:${config.name}@${config.version}${entry}"`,
    );
  }
  await Deno.writeTextFile(output, source);
}

/** Prepares a way to start a program; returns the path of what to start. */
async function prepare(
  file: string,
  loading: Loading,
  folder: string,
): Promise<string> {
  const path = pathOf(file);
  switch (loading) {
    case "sources":
      return path;
    case "package":
      await importPackage(path, `${folder}/${file}`);
      return `${folder}/${file}`;
    case "one file": {
      const output = `${folder}/${file.replace(".ts", ".js")}`;
      await join(path, output);
      return output;
    }
  }
}

/** Writes the package, serves it from a registry, and prepares all programs. */
export async function prepareTargets(): Promise<Targets> {
  const folder = await Deno.makeTempDir();
  await writePackage(`${folder}/package`);
  const registry = await serveRegistry(`${folder}/package`);
  const targets: Target[] = [];
  for (const { name, file, args, loadings } of PROGRAMS) {
    for (const loading of loadings) {
      const path = await prepare(file, loading, folder);
      const isAlone = loadings.length === 1;
      targets.push({
        name: isAlone ? name : `${name}, ${loading}`,
        path,
        args,
      });
    }
  }
  return {
    targets,
    env: { DENO_DIR: `${folder}/deno`, JSR_URL: registry.url },
    async [Symbol.asyncDispose](): Promise<void> {
      await registry[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
