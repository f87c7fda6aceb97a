/** Section 7, R155: a full server, which accepts no connection, and the life of its process. */

import { assertEquals } from "@std/assert";
import { testEngines } from "./support/engines.ts";
import { startHeldServer } from "./support/held_server.ts";
import type { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";

/** As many connections as the server takes. */
const COUNT = 2;
const OPTIONS = { maxConnections: COUNT };

/** More than a connection holds of a body that no handler reads, so that it stops reading. */
const UNREAD_BYTES = 100_000;

/** Fills the server with connections whose handlers wait; returns them. */
async function fill(
  program: Program,
  bodyBytes: number,
): Promise<readonly RawClient[]> {
  const clients: RawClient[] = [];
  for (let n = 0; n < COUNT; n++) {
    const client = await RawClient.connect(program.port);
    await client.send(request("POST /wait", "", "x".repeat(bodyBytes)));
    clients.push(client);
  }
  return clients;
}

testEngines(
  "R155: a full server keeps the process alive while its clients wait with an unread body",
  async (engine) => {
    await using program = await startHeldServer(engine.name, {
      options: OPTIONS,
    });
    for (const client of await fill(program, UNREAD_BYTES)) {
      assertEquals((await client.response()).body, "waited");
      client.close();
    }
  },
);

testEngines(
  "R155: a full server keeps the process alive after its clients have disconnected, and serves the next ones",
  async (engine) => {
    await using program = await startHeldServer(engine.name, {
      options: OPTIONS,
    });
    for (const client of await fill(program, 0)) client.close();
    const next = await RawClient.connect(program.port);
    await next.send(request("GET /"));
    assertEquals((await next.response()).body, "ok");
    next.close();
  },
);

testEngines(
  "R155: a full server lets the process exit after unref()",
  async (engine) => {
    await using program = await startHeldServer(engine.name, {
      options: OPTIONS,
      mode: "unref",
    });
    for (const client of await fill(program, UNREAD_BYTES)) client.close();
    assertEquals(await program.ended(), 0);
  },
);
