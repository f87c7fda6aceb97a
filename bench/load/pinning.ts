/**
 * Pins servers to the first core and the load generator to the second, if the
 * system supports that.
 */

import { maybeOutput } from "./target.ts";

const SERVER_CORE = 0;
const LOAD_CORE = 1;

/** Prefixes a command so that it runs on its core. */
export interface Pinning {
  server(command: readonly string[]): readonly string[];
  load(command: readonly string[]): readonly string[];
}

/** Detects whether processes can be pinned; `null` if not. */
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

/** Lets the system choose the cores. */
export const UNPINNED: Pinning = {
  server: (command) => command,
  load: (command) => command,
};
