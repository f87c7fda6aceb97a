/** Connections to servers with workers, and how tests start such servers. */

import { assert, assertMatch } from "@std/assert";
import { npmRuntime } from "./npm_runtime.ts";
import { Program } from "./program.ts";
import { RawClient } from "./raw_client.ts";
import { request } from "./serve.ts";
import { withDeadline } from "./with_deadline.ts";

/** Enough connections that each of two workers gets some: the chance that one gets all is less than 1 in 2^63. */
export const MANY = 64;

export const DEADLINE_MS = 30_000;
/** How long a connection may take to end, in ms; shorter than the client's own deadline. */
const CUT_DEADLINE_MS = 10_000;

/** A way to serve from workers: an engine of Deno, or another runtime with its only engine. */
export interface Platform {
  /** For the names of tests. */
  readonly name: string;
  readonly engine: "listen" | "epoll" | "node";
  /** Flags for the runtime; those of Deno are the least permissions. */
  readonly flags: readonly string[];
  /** Finds the path of the runtime; installs it at the first call if needed. */
  runtime(): Promise<string>;
}

const DENO_FLAGS = ["run", "--no-prompt", "--allow-read=."] as const;

function denoPath(): Promise<string> {
  return Promise.resolve(Deno.execPath());
}

/** Makes a function that calls another one once, when its result is needed. */
function once<Result>(make: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | null = null;
  return () => result ??= make();
}

/** All ways to serve from workers. */
export const PLATFORMS: readonly Platform[] = [
  {
    name: "listen",
    engine: "listen",
    flags: [
      ...[...DENO_FLAGS, "--unstable-net"],
      "--allow-net=127.0.0.1,localhost",
    ],
    runtime: denoPath,
  },
  {
    name: "epoll",
    engine: "epoll",
    flags: [
      ...[...DENO_FLAGS, "--allow-ffi"],
      "--allow-net=127.0.0.1:0,localhost:0",
    ],
    runtime: denoPath,
  },
  {
    name: "node.js",
    engine: "node",
    flags: [],
    runtime: once(() => npmRuntime("node@24")),
  },
  {
    name: "bun",
    engine: "node",
    flags: [],
    runtime: once(() => npmRuntime("bun@1.4.5")),
  },
];

/** Whether a platform is Deno, whose errors have classes. */
export function isDeno({ engine }: Platform): boolean {
  return engine !== "node";
}

/** How to run a program of `tests/workers` on a platform. */
export async function commandOf(
  platform: Platform,
  name: string,
  ...args: readonly string[]
): Promise<{ readonly runtime: string; readonly args: readonly string[] }> {
  const path = `tests/workers/${name}.ts`;
  return {
    runtime: await platform.runtime(),
    args: [...platform.flags, path, platform.engine, ...args],
  };
}

/** Starts a program of `tests/workers` on a platform. */
export async function startOn(
  platform: Platform,
  name: string,
  ...args: readonly (string | number)[]
): Promise<Program> {
  return await Program.start(
    await commandOf(platform, name, ...args.map(String)),
  );
}

/** Connections to one port; disposal closes them. */
export class Clients implements Disposable {
  readonly port: number;
  #clients: RawClient[] = [];

  constructor(port: number) {
    this.port = port;
  }

  /** Opens connections until each of two workers has one; returns one of each. */
  async oneOfEach(): Promise<ReadonlyMap<string, RawClient>> {
    const found = new Map<string, RawClient>();
    for (let count = 0; found.size < 2; count++) {
      assert(count < MANY, `Of ${count} connections all went to one worker`);
      const client = await RawClient.connect(this.port);
      this.#clients.push(client);
      const { body } = await client.ask(request("GET /"));
      assertMatch(body, /^khttp [12]$/);
      found.set(body, client);
    }
    return found;
  }

  get count(): number {
    return this.#clients.length;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Sends a request on a new connection; returns the body of the response, or `null` if the connection ended first, even in the accept queue. */
export async function ask(port: number, path: string): Promise<string | null> {
  try {
    using client = await RawClient.connect(port);
    return (await client.ask(request(`GET ${path}`))).body;
  } catch {
    return null;
  }
}

/** Waits until the server has ended or reset a connection. */
export async function untilCut(client: RawClient): Promise<void> {
  await withDeadline(client.toEnd().catch(() => {}), CUT_DEADLINE_MS);
}

/** Waits until a worker with that name answers; a replacement has the same name. */
export async function untilNamed(port: number, name: string): Promise<void> {
  await untilAnswered(port, "/", name);
}

/** Waits until a request is answered with a body. */
export async function untilAnswered(
  port: number,
  path: string,
  body: string,
): Promise<void> {
  const wait = async (): Promise<void> => {
    while (await ask(port, path) !== body);
  };
  await withDeadline(wait(), DEADLINE_MS);
}
