/**
 * Keeps servers and load generator apart: servers on the first core, load on
 * the second, where the system can do that.
 */

import { maybeOutput } from "./target.ts";

const SERVER_CORE = 0;
const LOAD_CORE = 1;

/** Puts a command onto its core. */
export interface Pinning {
  server(command: readonly string[]): readonly string[];
  load(command: readonly string[]): readonly string[];
}

/** Finds out whether processes can be pinned here; if not, the commands stay as they are. */
export async function findPinning(): Promise<Pinning | null> {
  if (navigator.hardwareConcurrency < 2) return null;
  const cores = `${SERVER_CORE},${LOAD_CORE}`;
  if (await maybeOutput("taskset", ["-c", cores, "true"]) === null) return null;
  const pinned = (core: number) => (command: readonly string[]) => [
    "taskset",
    "-c",
    String(core),
    ...command,
  ];
  return { server: pinned(SERVER_CORE), load: pinned(LOAD_CORE) };
}

/** Leaves commands where the system puts them. */
export const UNPINNED: Pinning = {
  server: (command) => command,
  load: (command) => command,
};
