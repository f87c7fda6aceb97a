/** Starts `tests/programs/blocked_server.ts`, and blocks its thread. */

import { Program } from "./program.ts";
import { RawClient } from "./raw_client.ts";
import { request } from "./serve.ts";
import { turn } from "./turns.ts";

/** The server's deadlines, in ms. */
const TIMEOUT_MS = 700;
/** How long its thread is blocked, in ms: longer than any deadline. */
const BLOCK_MS = 1600;

/** Starts a server on an engine in a process of its own. */
export function startBlockedServer(
  engine: "listen" | "epoll" | "node",
  mode?: "tls",
): Promise<Program> {
  const flags = ["--no-prompt", "--allow-net", "--allow-read", "--allow-ffi"];
  const path = "tests/programs/blocked_server.ts";
  const args = [engine, `${TIMEOUT_MS}`, `${BLOCK_MS}`];
  if (mode !== undefined) args.push(mode);
  return Program.start({ args: ["run", ...flags, path, ...args] });
}

/** A way to block a server's thread; returns a function that unblocks it. */
export type Freeze = (program: Program) => Promise<() => Promise<void>>;

/** Blocks the thread in a handler. */
export const byHandler: Freeze = async (program) => {
  const client = await RawClient.connect(program.port);
  await client.send(request("GET /block"));
  await program.printed("blocked");
  return async () => {
    await client.response();
    client.close();
  };
};

/** Stops the process with a signal. */
export const bySignal: Freeze = async (program) => {
  program.signal("SIGSTOP");
  const path = `/proc/${program.pid}/stat`;
  while (!/ T /.test(await Deno.readTextFile(path))) await turn();
  return async () => {
    await new Promise((resolve) => setTimeout(resolve, BLOCK_MS)); // real time has to pass for the server
    program.signal("SIGCONT");
  };
};
