/** The engine on `node:net`: binding, its queue of connections, and bytes that do not fit. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConnectionSetupAction, Server } from "../../../../mod.ts";
import { NODE, testEngine } from "../../../support/engines.ts";
import type { RawClient } from "../../../support/raw_client.ts";
import { request } from "../../../support/serve.ts";
import { until, untilRefused } from "../../../support/turns.ts";

testEngine(
  NODE,
  "bytes and the end of the stream that arrive together are both seen",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.post("/", async (ctx, res) => res.ok(await ctx.body.text()))
        .get("/", (_, res) => res.ok("ok"))
    );
    for (let n = 0; n < 100; n++) {
      using client = await server.connect();
      const isPost = n % 2 === 0;
      const wire = isPost ? request("POST /", "", "hello") : request("GET /");
      await Promise.all([client.send(wire), client.end()]);
      assertEquals((await client.response()).body, isPost ? "hello" : "ok");
      assertEquals(await client.toEnd(), "");
    }
    await until(() => server.handle.connectionCount === 0);
    assertEquals(server.errors, []);
  },
);

testEngine(
  NODE,
  "a setup hook that reads some bytes leaves the others to the server",
  async (engine) => {
    let greeting = "";
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok")).connectionSetupHook(
        async (accepted) => {
          if (!accepted.ok) return ConnectionSetupAction.drop;
          const buffer = new Uint8Array(5);
          const size = await accepted.conn.read(buffer);
          greeting = new TextDecoder().decode(buffer.subarray(0, size ?? 0));
          return ConnectionSetupAction.proceed(accepted.conn);
        },
      )
    );
    using client = await server.connect();
    await client.send(`hello${request("GET /")}`);
    assertEquals((await client.response()).body, "ok");
    assertEquals((await client.ask(request("GET /"))).body, "ok");
    assertEquals(greeting, "hello");
  },
);

testEngine(
  NODE,
  "a slow reader gets all bytes of a large body, and does not delay others",
  async (engine) => {
    const body = Uint8Array.from({ length: 20_000_000 }, (_, n) => n % 251);
    await using server = engine.serve((app) =>
      app.get("/large", (_, res) => res.ok(body))
        .get("/", (_, res) => res.ok("ok"))
    );
    const { port } = server;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(
      new TextEncoder().encode(request("GET /large", "Connection: close\r\n")),
    );
    const reader = conn.readable.getReader();
    let size = 0;
    let head = -1;
    using other = await server.connect();
    for (let n = 0;; n++) {
      const { value, done } = await reader.read();
      if (done) break;
      if (head < 0) {
        head = new TextDecoder("latin1").decode(value).indexOf("\r\n\r\n") + 4;
      }
      size += value.length;
      if (n % 100 === 0) {
        assertEquals((await other.ask(request("GET /"))).body, "ok");
      }
    }
    assertEquals(size - head, body.length);
  },
);

testEngine(
  NODE,
  "an endless body for a fast reader does not starve others",
  async (engine) => {
    const piece = new Uint8Array(65_536);
    await using server = engine.serve((app) =>
      app.get("/endless", (_, res) =>
        res.ok(
          new ReadableStream({
            pull: (controller) => controller.enqueue(piece),
          }),
        )).get("/", (_, res) => res.ok("ok"))
    );
    const { port } = server;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(new TextEncoder().encode(request("GET /endless")));
    let size = 0;
    const reading = (async () => {
      for await (const bytes of conn.readable) {
        size += bytes.length;
        if (size > 50_000_000) return; // closes the connection
      }
    })();
    using other = await server.connect();
    while (size <= 50_000_000) {
      assertEquals((await other.ask(request("GET /"))).body, "ok");
    }
    await reading;
  },
);

testEngine(
  NODE,
  "an address that cannot be bound throws the runtime's error",
  async (engine) => {
    const app = (address: string): Server => Server.builder(address).build();
    await using handle = engine.start(app("127.0.0.1:0"));
    assertThrows(
      () => engine.start(app(`127.0.0.1:${handle.port}`)),
      Deno.errors.AddrInUse,
      `Cannot listen on 127.0.0.1:${handle.port}: the port is in use (EADDRINUSE); `,
    );
    assertThrows(
      () => engine.start(app("192.0.2.1:0")),
      Error,
      "Cannot listen on 192.0.2.1:0: ",
    );
    assertThrows(
      () => engine.start(app("example.invalid:0")),
      Error,
      "Cannot listen on example.invalid:0: ",
    );
    await using local = engine.start(app("localhost:0"));
    assertEquals(await (await fetch(local.url)).text(), "Not Found");
  },
);

testEngine(
  NODE,
  "connections that wait for a free slot are closed with the listener",
  async (engine) => {
    await using server = engine.serve(
      (app) => app.get("/", (_, res) => res.ok("ok")),
      { maxConnections: 1 },
    );
    using first = await server.connect();
    assertEquals((await first.ask(request("GET /"))).body, "ok");
    using waiting = await server.connect();
    await waiting.send(request("GET /"));
    server.handle.closeNow();
    assert(["", "reset"].includes(await waiting.toEnd().catch(() => "reset")));
    await server.handle.finished;
    await untilRefused(server.port);
  },
);

testEngine(
  NODE,
  "more connections than fit into the queue are closed, and the others served later",
  async (engine) => {
    await using server = engine.serve(
      (app) => app.get("/", (_, res) => res.ok("ok")),
      { maxConnections: 1 },
    );
    const first = await server.connect();
    assertEquals((await first.ask(request("GET /"))).body, "ok");
    const clients: RawClient[] = [];
    for (let n = 0; n < 520; n++) clients.push(await server.connect());
    let closedCount = 0;
    const ends = clients.map((client) =>
      client.toEnd().then(() => closedCount++, () => closedCount++)
    );
    await until(() => closedCount >= 520 - 512);
    assert(closedCount <= 520 - 511, `${closedCount} were closed`);
    server.handle.closeNow();
    await Promise.all(ends);
    first.close();
    for (const client of clients) client.close();
  },
);
