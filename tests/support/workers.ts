/** Connections to servers with workers, and how tests start such servers. */

import { assert, assertMatch } from "@std/assert";
import { RawClient } from "./raw_client.ts";
import { request } from "./serve.ts";
import { withDeadline } from "./with_deadline.ts";

/** Enough connections that each of two workers gets some: the chance that one gets all is less than 1 in 2^63. */
export const MANY = 64;

export const DEADLINE_MS = 30_000;
/** How long a connection may take to end, in ms; shorter than the client's own deadline. */
const CUT_DEADLINE_MS = 10_000;

/** Engines, the permissions that each needs, and its addresses with port 0. */
export const ENGINES = [
  {
    engine: "listen",
    flag: "--unstable-net",
    net: "--allow-net=127.0.0.1,localhost",
  },
  {
    engine: "epoll",
    flag: "--allow-ffi",
    net: "--allow-net=127.0.0.1:0,localhost:0",
  },
] as const;

/** Arguments of `deno` for a program of `tests/workers`. */
export function argsOf(
  flags: readonly string[],
  name: string,
  ...args: string[]
): string[] {
  const path = `tests/workers/${name}.ts`;
  return ["run", "--no-prompt", "--allow-read=.", ...flags, path, ...args];
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
