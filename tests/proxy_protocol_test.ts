/**
 * The PROXY protocol from the socket to hooks and handlers, on every engine. The
 * headers of HAProxy are recorded; `bench/haproxy.ts` runs the real one.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { connect as connectPlain, type Socket } from "node:net";
import { toHandler } from "../fetch/mod.ts";
import {
  ConnectionSetupAction,
  forwardedFrom,
  Server,
  type ServerBuilder,
} from "../mod.ts";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { turn, until } from "./support/turns.ts";
import { withDeadline } from "./support/with_deadline.ts";

const fixtures = new URL("fixtures/", import.meta.url);
const DEADLINE_MS = 30_000;

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** What HAProxy 2.6 sent before a request, with each of its options. */
const RECORDED: readonly {
  readonly name: string;
  readonly header: string;
  /** The client, or `null` if the header names none. */
  readonly client: Deno.NetAddr | null;
}[] = [
  {
    name: "send-proxy",
    header: "PROXY TCP4 127.0.0.1 127.0.0.1 55888 18081\r\n",
    client: { transport: "tcp", hostname: "127.0.0.1", port: 55_888 },
  },
  {
    name: "send-proxy with IPv6",
    header: "PROXY TCP6 ::1 ::1 36904 18084\r\n",
    client: { transport: "tcp", hostname: "::1", port: 36_904 },
  },
  {
    name: "send-proxy-v2",
    header: `${SIGNATURE}!\x11\0\f\x7f\0\0\x01\x7f\0\0\x01\xc7\xa6F\xa2`,
    client: { transport: "tcp", hostname: "127.0.0.1", port: 51_110 },
  },
  {
    name: "send-proxy-v2 with IPv6",
    header: `${SIGNATURE}!!\0$${"\0".repeat(15)}\x01${
      "\0".repeat(15)
    }\x01\x90\xe4F\xa3`,
    client: { transport: "tcp", hostname: "::1", port: 37_092 },
  },
  {
    name: "send-proxy-v2-ssl-cn",
    header: `${SIGNATURE}!\x11\0d\x7f\0\0\x01\x7f\0\0\x01\xcb\xe8F\xa5` +
      "\x03\0\x045|\\\xe3\x02\0\tlocalhost\x05\0\0 \0?\x01\0\0\0\0!\0\x07TLSv1.3" +
      "%\0\x07RSA2048$\0\nRSA-SHA256#\0\x16TLS_AES_256_GCM_SHA384",
    client: { transport: "tcp", hostname: "127.0.0.1", port: 52_200 },
  },
  {
    name: "send-proxy for a client on a Unix socket",
    header: "PROXY UNKNOWN\r\n",
    client: null,
  },
  {
    name: "send-proxy-v2 for a health check",
    header: `${SIGNATURE} \0\0\0`,
    client: null,
  },
];

/** What of a server has seen which peer. */
interface Seen {
  readonly setup: unknown[];
  readonly peers: unknown[];
  readonly teardown: unknown[];
}

/** Sets an application up whose hooks record the peer. */
function recording(): [seen: Seen, configure: (app: ServerBuilder) => void] {
  const seen: Seen = { setup: [], peers: [], teardown: [] };
  return [seen, (app) => {
    app.proxyProtocol({ trusted: ["127.0.0.1"] });
    app.connectionSetupHook((accepted) => {
      if (!accepted.ok) return ConnectionSetupAction.drop;
      const { conn, peer } = accepted;
      seen.setup.push({ ...conn.remoteAddr });
      seen.peers.push({ ...peer });
      return ConnectionSetupAction.proceed(conn);
    });
    app.connectionTeardownHook(({ remoteAddr }) => {
      seen.teardown.push({ ...remoteAddr });
    });
    app.get("/", (ctx, res) => res.ok(JSON.stringify(ctx.conn.remoteAddr)));
    app.get("/ip", (ctx, res) => res.ok(String(ctx.ip)));
    app.get("/fetch", toHandler((_, info) => Response.json(info.remoteAddr)));
  }];
}

for (const { name, header, client: expected } of RECORDED) {
  testEngines(
    `hooks and handlers see the client of HAProxy's ${name}`,
    async (engine) => {
      const [seen, configure] = recording();
      await using server = engine.serve(configure);
      const conn = await Deno.connect({
        hostname: "127.0.0.1",
        port: server.port,
      });
      const { hostname, port } = conn.localAddr as Deno.NetAddr; // of TCP
      conn.close();
      using client = await server.connect();
      const answer = await client.ask(header + request("GET /"));
      const addr = JSON.parse(answer.body);
      if (expected === null) {
        assertEquals(addr.hostname, hostname);
        assert(addr.port !== port);
      } else assertEquals(addr, expected);
      const [ip, fetched] = [
        (await client.ask(request("GET /ip"))).body,
        (await client.ask(request("GET /fetch"))).body,
      ];
      assertEquals([ip, JSON.parse(fetched)], [addr.hostname, addr]);
      client.close();
      await until(() => seen.teardown.length > 0);
      const { setup, peers, teardown } = seen;
      assertEquals([setup, peers, teardown], [[addr], [addr], [addr]]);
    },
  );
}

testEngines(
  "the destination of the header is the connection's local address",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.proxyProtocol({ trusted: ["127.0.0.0/8"] })
        .get("/", (ctx, res) => res.ok(JSON.stringify(ctx.conn.localAddr)))
    );
    using client = await server.connect();
    const header = "PROXY TCP4 192.0.2.1 198.51.100.7 56316 443\r\n";
    const { body } = await client.ask(header + request("GET /"));
    assertEquals(JSON.parse(body), {
      transport: "tcp",
      hostname: "198.51.100.7",
      port: 443,
    });
  },
);

testEngines(
  "a header may arrive byte by byte, and pipelined requests after it at once",
  async (engine) => {
    const [, configure] = recording();
    await using server = engine.serve(configure);
    using client = await server.connect();
    const header = "PROXY TCP6 2001:db8::1 2001:db8::2 56316 443\r\n";
    for (const byte of header.slice(0, -1)) {
      await client.send(byte);
      await turn();
    }
    await client.send("\n" + request("GET /ip").repeat(3));
    for (let count = 0; count < 3; count++) {
      assertEquals((await client.response()).body, "2001:db8::1");
    }
  },
);

testEngines(
  "a connection without a valid header is closed before any hook, and others go on",
  async (engine) => {
    const [seen, configure] = recording();
    await using server = engine.serve(configure);
    const wires = [
      request("GET /ip"),
      "PROXY TCP4 192.0.2.1 10.0.0.2 56316 65536\r\n" + request("GET /ip"),
      `${SIGNATURE}!\x11\0\x0b\x7f\0\0\x01\x7f\0\0\x01\xc7\xa6F` +
      request("GET /ip"),
    ];
    for (const wire of wires) {
      using client = await server.connect();
      await client.send(wire);
      assertEquals(await client.toEnd().catch(() => ""), "");
    }
    assertEquals(seen.setup, []);
    assertEquals(server.errors.length, 1); // the others are counted in the next report
    assertMatch(
      String(server.errors[0]),
      /from 127\.0\.0\.1: it begins with other bytes/,
    );
    using client = await server.connect();
    const header = "PROXY TCP4 192.0.2.1 10.0.0.2 56316 443\r\n";
    assertEquals(
      (await client.ask(header + request("GET /ip"))).body,
      "192.0.2.1",
    );
  },
);

testEngines(
  "a peer that is not trusted cannot name an address",
  async (engine) => {
    let isCalled = false;
    await using server = engine.serve((app) =>
      app.proxyProtocol({ trusted: ["10.0.0.0/8", "::1", "unix"] })
        .connectionSetupHook(() => {
          isCalled = true;
          return ConnectionSetupAction.drop;
        })
    );
    using client = await server.connect();
    await client.send("PROXY TCP4 10.0.0.1 10.0.0.2 1 1\r\n" + request("GET /"))
      .catch(() => {}); // the server has closed already
    assertEquals(await client.toEnd().catch(() => ""), "");
    assertEquals(isCalled, false);
    assertMatch(
      String(server.errors[0]),
      /127\.0\.0\.1: it is not in the list/,
    );
  },
);

testEngines(
  "connections without a header count for maxConnections, and end in time",
  async (engine) => {
    const [, configure] = recording();
    await using server = engine.serve(configure, {
      maxConnections: 1,
      headerTimeout: 300,
    });
    using silent = await server.connect();
    using client = await server.connect();
    const header = "PROXY TCP4 192.0.2.1 10.0.0.2 56316 443\r\n";
    const answer = client.ask(header + request("GET /ip"));
    assertEquals(await silent.toEnd().catch(() => ""), "");
    assertEquals((await answer).body, "192.0.2.1");
  },
);

for (const end of ["shutdown", "closeNow"] as const) {
  testEngines(`${end}() does not wait for missing headers`, async (engine) => {
    const [, configure] = recording();
    await using server = engine.serve(configure, { headerTimeout: Infinity });
    using silent = await server.connect();
    await silent.send("PROXY TCP4");
    using client = await server.connect();
    const header = "PROXY TCP4 192.0.2.1 10.0.0.2 56316 443\r\n";
    await client.ask(header + request("GET /ip")); // both are accepted now
    if (end === "shutdown") server.handle.shutdown();
    else server.handle.closeNow();
    client.close();
    await withDeadline(server.handle.finished, DEADLINE_MS);
    assertEquals(await silent.toEnd().catch(() => ""), "");
  });
}

/** Sends a PROXY header, then starts TLS on the same connection. */
async function startTls(port: number, header: string): Promise<TLSSocket> {
  const plain: Socket = connectPlain(port, "127.0.0.1");
  await new Promise<void>((resolve) => plain.once("connect", resolve));
  plain.write(header, "latin1");
  const ca = await Deno.readTextFile(new URL("localhost.cert.pem", fixtures));
  const socket = connectTls({ socket: plain, ca, servername: "localhost" });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", () => resolve());
    socket.once("error", reject);
  });
  return socket;
}

testEngine(LISTEN, "the header precedes TLS", async (engine) => {
  const [seen, configure] = recording();
  await using server = engine.serve((app) => {
    configure(app);
    const forwarded = forwardedFrom({ trusted: ["10.0.0.1"] });
    app.get("/forwarded", (ctx, res) => {
      const { address, protocol } = forwarded(ctx);
      res.ok(`${protocol} ${address}`);
    });
    app.tls({
      certFile: new URL("localhost.cert.pem", fixtures).pathname,
      keyFile: new URL("localhost.key.pem", fixtures).pathname,
    });
  });
  for (const { header, client } of RECORDED) {
    if (client === null) continue;
    const socket = await startTls(server.port, header);
    socket.end(request("GET /forwarded", "Connection: close\r\n"));
    let text = "";
    for await (const piece of socket) text += String(piece);
    assertEquals(text.split("\r\n\r\n")[1], `https ${client.hostname}`);
  }
  await until(() => seen.teardown.length === seen.setup.length);
  assertEquals(seen.teardown, seen.setup);
});

testEngines("peers on a Unix socket are trusted as a whole", async (engine) => {
  if (Deno.build.os === "windows") return;
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const app = Server.builder(`unix:${path}`);
  app.proxyProtocol({ trusted: ["unix"] });
  app.get("/ip", (ctx, res) => res.ok(String(ctx.ip)));
  {
    await using _handle = engine.start(app.build());
    using conn = await Deno.connect({ transport: "unix", path });
    const header = "PROXY TCP4 192.0.2.1 10.0.0.2 56316 443\r\n";
    const text = header + request("GET /ip", "Connection: close\r\n");
    await conn.write(new TextEncoder().encode(text));
    const answer = await new Response(conn.readable).text();
    assertEquals(answer.split("\r\n\r\n")[1], "192.0.2.1");
  }
  await Deno.remove(folder, { recursive: true });
});

testEngine(
  LISTEN,
  "handle() expects the header of a connection that the program has accepted",
  async () => {
    const app = Server.builder("127.0.0.1:0");
    app.proxyProtocol({ trusted: ["127.0.0.1"] });
    app.get("/ip", (ctx, res) => res.ok(String(ctx.ip)));
    const server = app.build();
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using client = await RawClient.connect(listener.addr.port);
    const handled = server.handle(await listener.accept());
    const header = "PROXY TCP4 192.0.2.1 10.0.0.2 56316 443\r\n";
    assertEquals(
      (await client.ask(header + request("GET /ip"))).body,
      "192.0.2.1",
    );
    client.close();
    await withDeadline(handled, DEADLINE_MS);
  },
);

for (
  const [engine, flag] of [
    ["listen", "--unstable-net"],
    ["epoll", "--allow-ffi"],
  ] as const
) {
  Deno.test({
    name: `workers expect the header [${engine}]`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const flags = ["--no-prompt", "--allow-read=.", "--allow-net", flag];
      await using program = await Program.start({
        args: ["run", ...flags, "tests/workers/proxied.ts", engine],
      });
      const header = "PROXY TCP4 192.0.2.1 10.0.0.2 56316 443\r\n";
      for (let count = 0; count < 8; count++) {
        using client = await RawClient.connect(program.port);
        const { body } = await client.ask(header + request("GET /"));
        assertMatch(body, /^192\.0\.2\.1 at khttp [12]$/);
      }
    },
  });
}
