/**
 * A command-line tool for the client and the server: it sends one request like
 * curl, with the same exit codes, or serves something to send requests to.
 *
 *     deno run --allow-net examples/cli.ts [METHOD] URL [OPTION]…
 *     deno run --allow-net examples/cli.ts server echo|sleep|status|drip [OPTION]…
 *
 * `--help` lists the options. Files need their own permission: `--allow-read`
 * for `-d @FILE` and `--cacert`, `--allow-write` for `-o`, both for `--unix`.
 */
// deno-lint-ignore-file no-console

import {
  CLIENT_USAGE,
  parseClientArguments,
  parseServerArguments,
  SERVER_USAGE,
} from "./cli/arguments.ts";
import { runClient } from "./cli/client.ts";
import { EXIT, Failure, failureOf } from "./cli/failure.ts";
import { runServer } from "./cli/servers.ts";

const [command, ...rest] = Deno.args;
const isServer = command === "server";

try {
  await (isServer ? serverMain(rest) : clientMain(Deno.args));
  Deno.exit(EXIT.OK);
} catch (error) {
  const failure = failureOf(error);
  if (failure === null) throw error; // a bug in this program
  console.error(`khttp: (${failure.exitCode}) ${failure.message}`);
  Deno.exit(failure.exitCode);
}

async function clientMain(args: readonly string[]): Promise<void> {
  const parsed = parseClientArguments(args);
  if (parsed === "help") console.log(`${CLIENT_USAGE}\n${SERVER_USAGE}`);
  else if (parsed.maxTimeMs === null) await runClient(parsed);
  else await within(parsed.maxTimeMs, runClient(parsed));
}

async function serverMain(args: readonly string[]): Promise<void> {
  const parsed = parseServerArguments(args);
  if (parsed === "help") console.log(SERVER_USAGE);
  else await runServer(parsed);
}

/** Waits for `work` until the deadline; the process then exits and ends it. */
async function within(durationMs: number, work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const message = `Cannot finish within ${durationMs} ms (--max-time)`;
  const timer = setTimeout(
    () => reject(new Failure(EXIT.TIMEOUT, message)),
    durationMs,
  );
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
