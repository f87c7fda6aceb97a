/** Addresses that the epoll engine listens on, its errors where it cannot, and accepting. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Server, type ServerBuilder } from "../../../../mod.ts";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { RawClient } from "../../../support/raw_client.ts";
import { request } from "../../../support/serve.ts";
import { countDescriptors } from "../../../support/sockets.ts";
import { until, untilRefused } from "../../../support/turns.ts";

function app(
  address: Parameters<typeof Server.builder>[0],
): ServerBuilder {
  return Server.builder(address).get("/", (ctx, res) => {
    const { localAddr, remoteAddr } = ctx.conn;
    res.ok(JSON.stringify([localAddr, remoteAddr]));
  });
}

function portOf(addr: Deno.Addr): number {
  return (addr as Deno.NetAddr).port; // callers listen on TCP
}

/** The addresses of a connection's two ends, as the server and as the client see them. */
async function endsOf(
  hostname: string,
  port: number,
): Promise<[unknown, unknown]> {
  const conn = await Deno.connect({ hostname, port });
  const wire = request("GET /", "Connection: close\r\n");
  await conn.write(new TextEncoder().encode(wire));
  const { localAddr, remoteAddr } = conn;
  const answer = await new Response(conn.readable).text();
  const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  return [JSON.parse(body), [{ ...remoteAddr }, { ...localAddr }]];
}

testEngine(
  EPOLL,
  "port 0 picks a free port; both ends know their addresses",
  async (engine) => {
    await using handle = engine.start(app("127.0.0.1:0").build());
    assert(portOf(handle.addr) > 0);
    assertEquals(handle.addr, {
      transport: "tcp",
      hostname: "127.0.0.1",
      port: portOf(handle.addr),
    });
    const [seen, known] = await endsOf("127.0.0.1", portOf(handle.addr));
    assertEquals(seen, known);
  },
);

testEngine(EPOLL, "IPv6, alone and with IPv4", async (engine) => {
  await using one = engine.start(app("[::1]:0").build());
  assertEquals((one.addr as Deno.NetAddr).hostname, "::1");
  const [seen, known] = await endsOf("::1", portOf(one.addr));
  assertEquals(seen, known);
  await using both = engine.start(app("[::]:0").build());
  const port = portOf(both.addr);
  for (const hostname of ["::1", "127.0.0.1"]) {
    const [[local]] = await endsOf(hostname, port) as [Deno.NetAddr[], unknown]; // the route sends this
    assert(local?.hostname.endsWith(hostname), local?.hostname);
  }
});

testEngine(EPOLL, "a host by its name", async (engine) => {
  await using handle = engine.start(app("localhost:0").build());
  const { hostname, port } = handle.addr as Deno.NetAddr; // a TCP address
  assert(["127.0.0.1", "::1"].includes(hostname), hostname);
  const [seen, known] = await endsOf(hostname, port);
  assertEquals(seen, known);
});

testEngine(
  EPOLL,
  "a name without an address is refused, and nothing stays bound",
  async (engine) => {
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr;
    free.close();
    assertThrows(
      () =>
        engine.start(app([`127.0.0.1:${port}`, "nowhere.invalid:0"]).build()),
      Deno.errors.AddrNotAvailable,
      "nowhere.invalid",
    );
    await untilRefused(port);
  },
);

testEngine(
  EPOLL,
  "a port that is in use is refused",
  async (engine) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using own = engine.start(app("127.0.0.1:0").build());
    for (const port of [taken.addr.port, portOf(own.addr)]) {
      const error = assertThrows(
        () => engine.start(app(["127.0.0.1:0", `127.0.0.1:${port}`]).build()),
        Deno.errors.AddrInUse,
        String(port),
      );
      assertEquals((error as { code?: string }).code, "EADDRINUSE");
    }
    assertThrows(
      () => engine.start(app("192.0.2.1:0").build()),
      Deno.errors.AddrNotAvailable,
    );
  },
);

testEngine(EPOLL, "serveEpoll() refuses to serve TLS", async (engine) => {
  const fixtures = new URL("../../../fixtures/", import.meta.url);
  const cert = await Deno.readTextFile(new URL("localhost.cert.pem", fixtures));
  const key = await Deno.readTextFile(new URL("localhost.key.pem", fixtures));
  const server = app("127.0.0.1:0").tls({ cert, key }).build();
  assertThrows(
    () => engine.start(server),
    TypeError,
    'Cannot serve TLS with epoll: use the engine "listen" of serve()',
  );
});

testEngine(EPOLL, "a failed listen leaves no descriptor", async (engine) => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const tried = (): void => {
    assertThrows(() =>
      engine.start(app(["127.0.0.1:0", `127.0.0.1:${taken.addr.port}`]).build())
    );
  };
  tried();
  await until(() => true);
  const before = countDescriptors();
  for (let n = 0; n < 20; n++) tried();
  await until(() => countDescriptors() <= before);
});

testEngine(
  EPOLL,
  "a burst of connections is accepted, and those at the end of serving get a whole response or none",
  async (engine) => {
    let count = 0;
    const server = engine.serve((app) =>
      app.get("/", (_, res) => {
        count++;
        res.ok("ok");
      })
    );
    const burst = 500;
    const clients = await Promise.all(
      Array.from({ length: burst }, () => RawClient.connect(server.port)),
    );
    await Promise.all(clients.map(async (client) => {
      assertEquals((await client.ask(request("GET /"))).body, "ok");
    }));
    assertEquals([count, server.handle.connectionCount], [burst, burst]);
    const late = await Promise.all(
      Array.from({ length: 100 }, () => RawClient.connect(server.port)),
    );
    for (const client of late) await client.send(request("GET /"));
    const finished = server.handle.shutdown();
    for (const client of late) {
      // Connections that are not accepted by then are reset or closed, as on a busy machine.
      const answer = await client.toEnd().catch(() => "");
      assert(answer === "" || answer.endsWith("\r\n\r\nok"), answer);
      client.close();
    }
    for (const client of clients) {
      assertEquals(await client.toEnd(), "");
      client.close();
    }
    await finished;
  },
);
