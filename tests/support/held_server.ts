/** Starts `tests/programs/held_server.ts`, possibly with few descriptors. */

import type { ServerOptions } from "../../mod.ts";
import { Program } from "./program.ts";

/** How the server runs. */
export interface HeldServerOptions {
  readonly options?: Partial<ServerOptions>;
  readonly mode?: "tls" | "unref" | "workers" | "tls workers";
  /** The most descriptors that the process may open. @default {the system's limit} */
  readonly maxDescriptors?: number;
}

/** Starts a server on an engine in a process of its own. */
export function startHeldServer(
  engine: "listen" | "epoll" | "node",
  { options = {}, mode, maxDescriptors }: HeldServerOptions = {},
): Promise<Program> {
  const args = [
    ...["run", "--no-prompt", "--allow-net", "--allow-read", "--allow-ffi"],
    ...["--unstable-net", "tests/programs/held_server.ts", engine],
    ...[JSON.stringify(options), ...(mode === undefined ? [] : [mode])],
  ];
  return Program.start({
    args,
    ...(maxDescriptors === undefined ? {} : { maxDescriptors }),
  });
}
