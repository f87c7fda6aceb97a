/** Ways to listen: TLS, Unix sockets, IPv6, several addresses, and connections that were accepted elsewhere. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConnectionSetupAction, Server } from "../mod.ts";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import { MemoryConnection } from "./support/memory_duplex.ts";
import { request } from "./support/serve.ts";
import { untilRefused } from "./support/turns.ts";

const fixtures = new URL("./fixtures/", import.meta.url);
const certFile = new URL("localhost.cert.pem", fixtures);
const keyFile = new URL("localhost.key.pem", fixtures);

function app(
  address: Parameters<typeof Server.builder>[0],
): ReturnType<typeof Server.builder> {
  return Server.builder(address)
    .get("/", (_, res) => res.ok("hi"))
    .post("/echo", (ctx, res) => res.ok(ctx.body));
}

function portOf(addr: Deno.Addr): number {
  return (addr as Deno.NetAddr).port; // callers listen on TCP
}

/** Sends one request with `Connection: close`, and reads to the end. */
async function roundTrip(conn: Deno.Conn): Promise<string> {
  const wire = request("GET /", "Connection: close\r\n");
  await conn.write(new TextEncoder().encode(wire));
  return await new Response(conn.readable).text();
}

testEngine(
  LISTEN,
  "tls() serves HTTPS and negotiates http/1.1",
  async (engine) => {
    const identity = {
      cert: await Deno.readTextFile(certFile),
      key: await Deno.readTextFile(keyFile),
    };
    await using handle = engine.start(app("127.0.0.1:0").tls(identity).build());
    const conn = await Deno.connectTls({
      hostname: "localhost",
      port: portOf(handle.addr),
      caCerts: [identity.cert],
      alpnProtocols: ["h2", "http/1.1"],
    });
    assertEquals((await conn.handshake()).alpnProtocol, "http/1.1");
    const answer = await roundTrip(conn);
    assert(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
    assert(answer.endsWith("\r\n\r\nhi"), answer);
  },
);

testEngine(LISTEN, "tls() streams a large body both ways", async (engine) => {
  const files = {
    certFile: certFile.pathname,
    keyFile: keyFile.pathname,
  };
  await using handle = engine.start(app("127.0.0.1:0").tls(files).build());
  using client = Deno.createHttpClient({
    caCerts: [await Deno.readTextFile(certFile)],
  });
  const body = new Uint8Array(3_000_000).map((_, index) => index & 0xff);
  const url = `https://localhost:${portOf(handle.addr)}/echo`;
  const response = await fetch(url, { method: "POST", body, client });
  assertEquals(new Uint8Array(await response.arrayBuffer()), body);
});

testEngine(
  LISTEN,
  "R23: a target with scheme https is served on a TLS listener",
  async (engine) => {
    const cert = await Deno.readTextFile(certFile);
    const key = await Deno.readTextFile(keyFile);
    await using handle = engine.start(
      app("127.0.0.1:0").tls({ cert, key }).build(),
    );
    const conn = await Deno.connectTls({
      hostname: "localhost",
      port: portOf(handle.addr),
      caCerts: [cert],
    });
    const wire = request("GET https://a/", "Connection: close\r\n");
    await conn.write(new TextEncoder().encode(wire));
    const answer = await new Response(conn.readable).text();
    assert(answer.startsWith("HTTP/1.1 200 "), answer);
  },
);

testEngine(
  LISTEN,
  "a client that sends plain HTTP to a TLS listener ends only its own connection",
  async (engine) => {
    const cert = await Deno.readTextFile(certFile);
    const key = await Deno.readTextFile(keyFile);
    const ends: (Error | undefined)[] = [];
    await using handle = engine.start(
      app("127.0.0.1:0").tls({ cert, key })
        .connectionTeardownHook((_, error) => void ends.push(error))
        .build(),
    );
    const port = portOf(handle.addr);
    const plain = await Deno.connect({ hostname: "127.0.0.1", port });
    await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    await new Response(plain.readable).arrayBuffer().catch(() => {});
    using client = Deno.createHttpClient({ caCerts: [cert] });
    const response = await fetch(`https://localhost:${port}/`, { client });
    assertEquals(await response.text(), "hi");
    assert(ends[0] instanceof Error);
  },
);

testEngines("serve() listens on a Unix socket", async (engine) => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/app.sock`;
  try {
    await using handle = engine.start(app(`unix:${path}`).build());
    assertEquals(handle.addr, { transport: "unix", path });
    const conn = await Deno.connect({ transport: "unix", path });
    const answer = await roundTrip(conn);
    assert(answer.endsWith("\r\n\r\nhi"), answer);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

testEngines(
  "serve() listens on IPv6 and on several addresses",
  async (engine) => {
    await using handle = engine.start(app(["127.0.0.1:0", "[::1]:0"]).build());
    assertEquals(handle.addrs.length, 2);
    for (const addr of handle.addrs) {
      const { hostname, port } = addr as Deno.NetAddr; // TCP addresses
      const answer = await roundTrip(await Deno.connect({ hostname, port }));
      assert(answer.endsWith("\r\n\r\nhi"), answer);
    }
    assertEquals(handle.requestCount, 2);
  },
);

testEngines(
  "serve() binds nothing if one of several addresses is in use",
  async (engine) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr as Deno.NetAddr; // a TCP listener
    free.close();
    const addresses = [
      { hostname: "127.0.0.1", port },
      { hostname: "127.0.0.1", port: portOf(taken.addr) },
    ];
    assertThrows(
      () => engine.start(app(addresses).build()),
      Deno.errors.AddrInUse,
      `Cannot listen on 127.0.0.1:${portOf(taken.addr)}: `,
    );
    await untilRefused(port);
  },
);

testEngine(
  LISTEN,
  "handle() serves a connection that was accepted elsewhere",
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const server = app("127.0.0.1:0").build();
    const served = listener.accept().then((conn) => server.handle(conn));
    const answer = await roundTrip(
      await Deno.connect({
        hostname: "127.0.0.1",
        port: portOf(listener.addr),
      }),
    );
    assert(answer.endsWith("\r\n\r\nhi"), answer);
    await served;
  },
);

testEngine(
  LISTEN,
  "handle() serves further connections after a setup hook has returned stopAccepting",
  async () => {
    const actions = [
      ConnectionSetupAction.proceed,
      () => ConnectionSetupAction.stopAccepting,
      ConnectionSetupAction.proceed,
    ];
    const server = app("127.0.0.1:0").connectionSetupHook((accepted) => {
      const action = accepted.ok ? actions.shift() : undefined;
      return accepted.ok && action !== undefined
        ? action(accepted.conn)
        : ConnectionSetupAction.drop;
    }).build();
    const bodies: string[] = [];
    while (actions.length > 0) {
      const peer = new MemoryConnection();
      const served = server.handle(peer.duplex);
      peer.send(request("GET /", "Connection: close\r\n"));
      bodies.push((await peer.toEnd()).split("\r\n\r\n")[1] ?? "");
      peer.end();
      await served;
    }
    assertEquals(bodies, ["hi", "", "hi"]);
  },
);
