/** The client against the server, on every engine and runtime: bodies, reuse, TLS, deadlines and abort. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Client, ClientError, Server } from "../mod.ts";
import { connectTcp } from "./support/connect_tcp.ts";
import { EPOLL, testEngines } from "./support/engines.ts";

const fixtures = new URL("fixtures/", import.meta.url);
const LARGE = "x".repeat(300_000);

function textOf(name: string): string {
  const fs = process.getBuiltinModule("node:fs");
  return fs.readFileSync(new URL(name, fixtures), "utf8");
}

testEngines(
  "a client gets and posts bodies on one connection",
  async (engine) => {
    let connections = 0;
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("hi"))
        .get("/large", (_, res) => res.ok(LARGE))
        .get("/chunked", (_, res) => res.ok(new Blob([LARGE]).stream()))
        .post("/", async (ctx, res) => res.ok(await ctx.body.text()))
        .connectionTeardownHook(() => void connections++)
    );
    {
      await using client = new Client(server.handle.url);
      for (
        const [path, body] of [["/", "hi"], ["/large", LARGE], [
          "/chunked",
          LARGE,
        ]] as const
      ) {
        const response = await client.get(path);
        assertEquals([response.status, await response.text() === body], [
          200,
          true,
        ]);
      }
      for (const body of ["a", LARGE, new Blob([LARGE]).stream()]) {
        const response = await client.post("/", { body });
        const text = await response.text();
        assertEquals(
          text.length,
          typeof body === "string" ? body.length : LARGE.length,
        );
      }
    }
    await server.handle.shutdown();
    assertEquals(connections, 1);
  },
);

testEngines("a client's deadline and signal end a request", async (engine) => {
  const held = Promise.withResolvers<void>();
  await using server = engine.serve((app) =>
    app.get("/", async (_, res) => {
      await held.promise;
      res.ok();
    })
  );
  await using client = new Client(server.handle.url, { headTimeout: 50 });
  const late = await assertRejects(() => client.get("/"), ClientError);
  assertEquals(late.code, "DEADLINE");
  await using patient = new Client(server.handle.url);
  const aborting = new AbortController();
  const asked = patient.get("/", { signal: aborting.signal });
  aborting.abort(new Error("enough"));
  await assertRejects(() => asked, Error, "enough");
  held.resolve();
});

testEngines(
  "a client reports an address at which nothing listens",
  async (engine) => {
    const server = engine.serve((app) => app);
    const { url } = server.handle;
    await server.handle.shutdown();
    await using client = new Client(url);
    const error = await assertRejects(() => client.get("/"), ClientError);
    assertEquals([error.code, error.phase, error.retryable], [
      "CONNECT_FAILED",
      "connect",
      true,
    ]);
  },
);

testEngines("a client and a server speak TLS", async (engine) => {
  if (engine === EPOLL) return; // it has none: server/engines/start.ts refuses it
  const cert = textOf("localhost.cert.pem");
  const app = Server.builder("127.0.0.1:0")
    .tls({ cert, key: textOf("localhost.key.pem") })
    .get("/", (_, res) => res.ok(LARGE))
    .post("/", async (ctx, res) => res.ok(await ctx.body.text()));
  await using handle = engine.start(app.build());
  const origin = `https://localhost:${handle.port}`;
  await using client = new Client(origin, { caCerts: [cert] });
  assertEquals(await (await client.get("/")).text(), LARGE);
  assertEquals(await (await client.post("/", { body: LARGE })).text(), LARGE);
  await using stranger = new Client(origin);
  const error = await assertRejects(() => stranger.get("/"), ClientError);
  assertEquals(error.code, "CONNECT_FAILED");
});

testEngines(
  "a connection of a client passes on bytes, half-close and resets",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.post("/", async (ctx, res) => res.ok(await ctx.body.text()))
    );
    const conn = await connectTcp(server.port);
    const head =
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE.length}\r\n\r\n`;
    const writer = conn.writable.getWriter();
    const writing = writer.write(new TextEncoder().encode(head + LARGE))
      .then(() => conn.closeWrite());
    const text = await new Response(conn.readable).text();
    await writing;
    assert(text.endsWith(LARGE), `${text.length} characters`);
  },
);
