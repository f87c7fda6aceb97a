/**
 * Peers that are npm packages. They are installed once into a temporary folder
 * outside the repository, which later runs reuse.
 */

import { maybeOutput } from "./target.ts";

const PACKAGES = [
  "bun@1.4.5",
  "fastify@5.12.8",
  "hono@4.13.19",
  "@hono/node-server@2.1.9",
];

/** Paths of the program in each platform's package, in case the install script of `bun` did not run. */
const BUN_PROGRAMS = [
  "node_modules/bun/bin/bun.exe",
  "node_modules/@oven/bun-linux-x64/bin/bun",
  "node_modules/@oven/bun-linux-aarch64/bin/bun",
];

/** The folder with the packages, or the reason why there is none. */
export interface NpmPeers {
  readonly folder: string;
  /** The installed version; `null` if there is none. */
  version(name: string): Promise<string | null>;
  /** The path of Bun's executable; `null` if there is none. */
  bun(): Promise<string | null>;
}

/** Installs missing packages. */
export async function installNpmPeers(): Promise<NpmPeers> {
  const base = Deno.env.get("TMPDIR") ?? "/tmp";
  const folder = `${base}/khttp-bench-peers`;
  await Deno.mkdir(folder, { recursive: true });
  const version = (name: string): Promise<string | null> =>
    installedVersion(folder, name);
  for (const wanted of PACKAGES) {
    const at = wanted.lastIndexOf("@");
    if (await version(wanted.slice(0, at)) === wanted.slice(at + 1)) continue;
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
