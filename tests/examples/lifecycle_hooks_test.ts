/** The example whose hooks keep tables of connections, and a blacklist. */

import { assert, assertEquals } from "@std/assert";
import { startExample } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";

interface Row {
  readonly id: number;
  readonly ip: string;
  readonly port: number;
  readonly requests: number;
  readonly ageMs: number;
  readonly end?: string;
}

interface Tables {
  readonly "/peers": Record<string, Record<string, number>>;
  readonly "/connections": { readonly own: number; readonly open: Row[] };
  readonly "/ended": Row[];
  readonly "/blacklist": string[];
}

async function read<Path extends keyof Tables>(
  client: RawClient,
  path: Path,
): Promise<Tables[Path]> {
  const answer = await client.ask(request(`GET ${path}`));
  assertEquals(answer.headers.get("content-type"), "application/json");
  return JSON.parse(answer.body);
}

/**
 * Reads the table of ended connections until it has this many: a teardown hook
 * runs after its client has disconnected.
 */
async function readEnds(client: RawClient, count: number): Promise<Row[]> {
  for (;;) {
    const ends = await read(client, "/ended");
    if (ends.length >= count) return ends; // the client's deadline bounds this
  }
}

Deno.test("lifecycle_hooks counts connections, their requests and their ends", async () => {
  await using program = await startExample("lifecycle_hooks");
  using client = await RawClient.connect(program.port);
  assertEquals(await read(client, "/ended"), []);
  const other = await RawClient.connect(program.port);
  assertEquals((await other.ask(request("GET /nope"))).status, 404);
  const { own, open } = await read(client, "/connections");
  assertEquals(own, 1);
  assertEquals(
    open.map(({ id, ip, requests }) => [id, ip, requests]),
    [[1, "127.0.0.1", 2], [2, "127.0.0.1", 1]],
  );
  for (const { port, ageMs } of open) {
    assert(port > 0 && Number.isInteger(ageMs) && ageMs >= 0);
  }
  other.close();
  await readEnds(client, 1);
  const wrong = await RawClient.connect(program.port);
  assertEquals((await wrong.ask("nonsense\r\n\r\n")).status, 400);
  await wrong.toEnd();
  wrong.close();
  const [fine, broken] = await readEnds(client, 2);
  assertEquals([fine?.id, fine?.requests, fine?.end], [2, 1, "ok"]);
  assertEquals([broken?.id, broken?.requests], [3, 0]);
  assert(broken?.end?.startsWith("Cannot parse request line"), broken?.end);
  const { "127.0.0.1": peer } = await read(client, "/peers");
  assertEquals([peer?.open, peer?.accepted, peer?.dropped], [1, 3, 0]);
  assertEquals((await read(client, "/connections")).open.length, 1);
});

Deno.test("lifecycle_hooks refuses a connection of a peer on the blacklist", async () => {
  await using program = await startExample("lifecycle_hooks");
  using client = await RawClient.connect(program.port);
  const put = request("PUT /blacklist/127.0.0.1");
  assertEquals((await client.ask(put)).status, 201);
  assertEquals((await client.ask(put)).status, 204);
  assertEquals(await read(client, "/blacklist"), ["127.0.0.1"]);
  {
    using refused = await RawClient.connect(program.port);
    assertEquals(await refused.toEnd(), "");
  }
  const { "127.0.0.1": peer } = await read(client, "/peers");
  assertEquals([peer?.open, peer?.accepted, peer?.dropped], [1, 1, 1]);
  const remove = request("DELETE /blacklist/127.0.0.1");
  assertEquals((await client.ask(remove)).status, 204);
  assertEquals((await client.ask(remove)).status, 404);
  using again = await RawClient.connect(program.port);
  assertEquals(await read(again, "/blacklist"), []);
  assertEquals(await read(again, "/ended"), []); // the refused one was never accepted
});

const names: readonly (readonly [name: string, status: number])[] = [
  ["10.0.0.1", 201],
  ["0:0:0:0:0:0:0:1", 201],
  ["::1", 204],
  ["2001:DB8::1", 201],
  ["10.0.0.256", 400],
  ["10.1", 400],
  ["localhost", 400],
  ["fe80::1%25eth0", 400],
];

Deno.test("lifecycle_hooks accepts IP addresses in any notation, and nothing else", async () => {
  await using program = await startExample("lifecycle_hooks");
  using client = await RawClient.connect(program.port);
  for (const [name, status] of names) {
    const answer = await client.ask(request(`PUT /blacklist/${name}`));
    assertEquals([name, answer.status], [name, status]);
  }
  const listed = ["10.0.0.1", "::1", "2001:db8::1"];
  assertEquals(await read(client, "/blacklist"), listed);
  const remove = request("DELETE /blacklist/x");
  assertEquals((await client.ask(remove)).status, 400);
});
