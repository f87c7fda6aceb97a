/**
 * Many connections at the same time: handlers answer synchronously, later, or
 * from another connection's handler, and pipelines are split anywhere. No
 * connection may see the data of another one.
 */

import { assertEquals } from "@std/assert";
import { Headers } from "../mod.ts";
import type { ServerBuilder } from "../mod.ts";
import { testEngines } from "./support/engines.ts";
import { SeededRandom } from "./support/random.ts";
import type { RawClient } from "./support/raw_client.ts";
import { turn } from "./support/turns.ts";

const CONNECTIONS = 12;
const ROUNDS = 60;
const MAX_REQUESTS = 25;

/** A request, and the body of its response. */
type Pair = readonly [wire: string, body: string];

function addRoutes(app: ServerBuilder): void {
  const text = new Headers({ "content-type": "text/plain" });
  const waiting: (() => void)[] = [];
  const goOn = (): void => waiting.shift()?.();
  app.get("/constant", (_, res) => res.ok("constant", text));
  app.get("/now/:id", (ctx, res) => {
    goOn(); // may finish another connection's request
    res.ok(`${ctx.params.get("id")} ${ctx.headers.get("x-n")}`);
  });
  app.get("/soon/:id", async (ctx, res) => {
    await Promise.resolve();
    res.ok(`${ctx.params.get("id")} ${ctx.headers.get("x-n")}`);
  });
  app.get("/waits/:id", (ctx, res) =>
    new Promise<void>((resolve) => {
      waiting.push(() => {
        res.ok(`${ctx.params.get("id")} ${ctx.headers.get("x-n")}`);
        resolve();
      });
      turn().then(goOn); // no other handler may run
    }));
  app.post("/echo", async (ctx, res) => res.ok(await ctx.body.text()));
  app.post("/drops/:id", (ctx, res) => res.ok(ctx.params.get("id")));
}

function makePair(random: SeededRandom): Pair {
  const id = String(random.below(1000));
  const value = "v".repeat(1 + random.below(30)) + id;
  const fields = `Host: a\r\nX-N: ${value}\r\n`;
  const path = random.pick([
    "constant",
    "now",
    "soon",
    "waits",
    "echo",
    "drops",
  ]);
  const body = "b".repeat(random.below(3000)) + id;
  switch (path) {
    case "constant":
      return [`GET /constant HTTP/1.1\r\n${fields}\r\n`, "constant"];
    case "echo":
      return [
        `POST /echo HTTP/1.1\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`,
        body,
      ];
    case "drops":
      return [
        `POST /drops/${id} HTTP/1.1\r\n${fields}Transfer-Encoding: chunked\r\n\r\n` +
        `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
        id,
      ];
    default:
      return [`GET /${path}/${id} HTTP/1.1\r\n${fields}\r\n`, `${id} ${value}`];
  }
}

async function sendInPieces(
  client: RawClient,
  wire: string,
  random: SeededRandom,
): Promise<void> {
  for (let at = 0; at < wire.length;) {
    const size = 1 + random.below(random.pick([20, 4000]));
    await client.send(wire.slice(at, at + size));
    at += size;
    if (random.below(3) === 0) await turn();
  }
}

testEngines(
  "connections that finish each other's requests keep their data apart",
  async (engine) => {
    await using server = engine.serve(addRoutes);
    const runPipeline = async (seed: number): Promise<void> => {
      const random = new SeededRandom(seed);
      const pairs = Array.from(
        { length: 1 + random.below(MAX_REQUESTS) },
        () => makePair(random),
      );
      using client = await server.connect();
      const wire = pairs.map(([request]) => request).join("");
      const sent = sendInPieces(client, wire, random);
      const bodies: string[] = [];
      for (const _ of pairs) bodies.push((await client.response()).body);
      await sent;
      assertEquals(bodies, pairs.map(([_, body]) => body), `seed ${seed}`);
    };
    for (let round = 0; round < ROUNDS; round++) {
      const seeds = Array.from(
        { length: CONNECTIONS },
        (_, index) => 1 + round * CONNECTIONS + index,
      );
      await Promise.all(seeds.map(runPipeline));
    }
  },
);
