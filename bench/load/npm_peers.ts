/**
 * Peers that are packages for Node: they are installed once into a folder for
 * temporary files, outside the tree, and used from there in later runs.
 */

import { maybeOutput } from "./target.ts";

const PACKAGES = ["bun@1.4.5", "fastify@5.12.8"];

/** Where each platform's package keeps the program, if `bun`'s own script did not run. */
const BUN_PROGRAMS = [
  "node_modules/bun/bin/bun.exe",
  "node_modules/@oven/bun-linux-x64/bin/bun",
  "node_modules/@oven/bun-linux-aarch64/bin/bun",
];

/** A folder that holds the packages, or why there is none. */
export interface NpmPeers {
  readonly folder: string;
  /** The version that is installed; `null` if it is not. */
  version(name: string): Promise<string | null>;
  /** The path of Bun's program; `null` if there is none. */
  bun(): Promise<string | null>;
}

/** Installs the packages that are missing. */
export async function installNpmPeers(): Promise<NpmPeers> {
  const base = Deno.env.get("TMPDIR") ?? "/tmp";
  const folder = `${base}/khttp-bench-peers`;
  await Deno.mkdir(folder, { recursive: true });
  const version = (name: string): Promise<string | null> =>
    installedVersion(folder, name);
  for (const wanted of PACKAGES) {
    const [name = "", pinned] = wanted.split("@");
    if (await version(name) === pinned) continue;
    await maybeOutput("npm", ["install", "--no-save", ...PACKAGES], folder);
    break;
  }
  return { folder, version, bun: () => findBun(folder) };
}

async function installedVersion(
  folder: string,
  name: string,
): Promise<string | null> {
  try {
    const path = `${folder}/node_modules/${name}/package.json`;
    return JSON.parse(await Deno.readTextFile(path)).version;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function findBun(folder: string): Promise<string | null> {
  for (const program of BUN_PROGRAMS) {
    const path = `${folder}/${program}`;
    if (await maybeOutput(path, ["--version"]) !== null) return path;
  }
  return null;
}
