/**
 * Section 7, deadlines after the server's thread was blocked (R149 to R151,
 * R161): bytes that arrived meanwhile are read before any deadline acts.
 */

import { assertEquals } from "@std/assert";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import {
  byHandler,
  bySignal,
  type Freeze,
  startBlockedServer,
} from "./support/blocked_server.ts";
import type { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";

/** How many connections of each kind there are. */
const COUNT = 13;

const POST = request("POST /", "", "hello");

/** How many characters of the request arrive before the thread is blocked. */
const cuts = {
  ofNewConnections: 0,
  inTheirHeads: 20,
  inTheirBodies: POST.length - 2,
};

const freezes: Readonly<Record<string, Freeze>> = {
  "a blocked thread": byHandler,
  "a stopped process": bySignal,
};

/** Opens connections that have sent a part of their request. */
async function open(
  program: Program,
  first: string,
): Promise<readonly RawClient[]> {
  return await Promise.all(Array.from({ length: COUNT }, async () => {
    const client = await RawClient.connect(program.port);
    await client.send(first);
    return client;
  }));
}

for (const [cause, freeze] of Object.entries(freezes)) {
  testEngines(
    `R149, R150, R151: requests that arrive during ${cause} are answered`,
    async (engine) => {
      if (cause === "a stopped process" && Deno.build.os !== "linux") return;
      await using program = await startBlockedServer(engine.name);
      const clients: { client: RawClient; cut: number }[] = [];
      for (const cut of Object.values(cuts)) {
        for (const client of await open(program, POST.slice(0, cut))) {
          clients.push({ client, cut });
        }
      }
      for (const client of await open(program, request("GET /"))) {
        await client.response(); // those before are accepted as well
        clients.push({ client, cut: 0 });
      }
      const goOn = await freeze(program);
      for (const { client, cut } of clients) await client.send(POST.slice(cut));
      await goOn();
      for (const { client, cut } of clients) {
        const { status, body } = await client.response();
        assertEquals([status, body], [200, "hello"], `${cut}`);
        client.close();
      }
    },
  );
}

testEngine(
  LISTEN,
  "R161: handshakes that begin during a stopped process are completed",
  async () => {
    if (Deno.build.os !== "linux") return;
    const fixtures = new URL("./fixtures/", import.meta.url);
    const caCerts = [
      await Deno.readTextFile(new URL("localhost.cert.pem", fixtures)),
    ];
    await using program = await startBlockedServer("listen", "tls");
    const { port } = program;
    const plain = await Promise.all(
      Array.from({ length: 10 }, () => Deno.connect({ port })),
    );
    const hostname = "localhost";
    const last = await Deno.connectTls({ hostname, port, caCerts });
    await last.handshake(); // those before are accepted as well
    last.close();
    const goOn = await bySignal(program);
    const secure = await Promise.all(
      plain.map((conn) => Deno.startTls(conn, { hostname, caCerts })),
    );
    const handshakes = secure.map((conn) => conn.handshake());
    await goOn();
    await Promise.all(handshakes);
    for (const conn of secure) conn.close();
  },
);
