/** What the programs of this folder need to run on each runtime. */

import * as threads from "node:worker_threads";

/** Checks the name of an engine on the command line. */
export function engineNamed(
  name: string | undefined,
): "listen" | "epoll" | "node" {
  if (name === "listen" || name === "epoll" || name === "node") return name;
  throw new TypeError(`There is no engine ${name}`);
}

/** Returns the name of this worker. */
export function threadName(): string {
  // Deno has it as a global variable, Node and Bun in their module.
  const { threadName } = threads as { readonly threadName?: string }; // missing in the types
  return threadName || globalThis.name;
}
