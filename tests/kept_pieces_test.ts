/** Pieces of a body that a program keeps while it reads further: iteration copies them, `views()` does not. */

import { assert, assertEquals } from "@std/assert";
import { encodeLatin1 } from "../codec/ascii.ts";
import { Client, type Handler } from "../mod.ts";
import { testEngines } from "./support/engines.ts";

/** 200 kB in which every ten bytes are different, so that an overwritten piece shows. */
const BODY = Array.from(
  { length: 20_000 },
  (_, n) => String(n).padStart(10, "."),
).join("");

async function joined(pieces: readonly Uint8Array[]): Promise<string> {
  const parts = pieces.map((piece) => new Uint8Array(piece));
  return await new Blob(parts).text();
}

const KEEPING: Readonly<Record<string, Handler>> = {
  "for await": async (ctx, res) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of ctx.body) pieces.push(piece);
    res.ok(await joined(pieces));
  },
  "Array.fromAsync()": async (ctx, res) => {
    res.ok(await joined(await Array.fromAsync(ctx.body)));
  },
};

for (const [name, handler] of Object.entries(KEEPING)) {
  testEngines(
    `pieces of a request that ${name} gave stay valid`,
    async (engine) => {
      await using server = engine.serve((app) => app.post("/", handler));
      await using client = new Client(`127.0.0.1:${server.port}`);
      const response = await client.post("/", { body: BODY });
      assert(await response.body.text() === BODY, "the body is corrupt");
    },
  );
}

testEngines(
  "pieces of a response stay valid in the client",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok(BODY))
    );
    await using client = new Client(`127.0.0.1:${server.port}`);
    const response = await client.get("/");
    const pieces = await Array.fromAsync(response.body);
    assert(pieces.length > 1);
    assert(await joined(pieces) === BODY, "the body is corrupt");
  },
);

testEngines(
  "views of a request are complete, and a body is echoed without copies",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/size", async (ctx, res) => {
        let size = 0;
        for await (const view of ctx.body.views()) size += view.length;
        res.ok(String(size));
      });
      app.post("/echo", (ctx, res) => res.ok(ctx.body));
    });
    await using client = new Client(`127.0.0.1:${server.port}`);
    const sized = await client.post("/size", { body: encodeLatin1(BODY) });
    assertEquals(await sized.body.text(), String(BODY.length));
    const echoed = await client.post("/echo", { body: BODY });
    assert(await echoed.body.text() === BODY, "the body is corrupt");
  },
);
