/** Ways to connect: TLS with certificates, Unix sockets and names; and how each fails. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import {
  Client,
  ClientError,
  type ClientOptions,
  createFetch,
  Server,
} from "../../mod.ts";
import { head, HostileServer, send, until } from "../support/hostile_server.ts";
import { until as untilSo } from "../support/turns.ts";
import {
  EMPTY,
  fails,
  getText,
  HELLO,
  NEVER,
} from "../support/client_exchange.ts";
import { elapse, TimedClient } from "../support/timed_client.ts";

const fixtures = new URL("../fixtures/", import.meta.url);

function fixture(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, fixtures));
}

const cert = await fixture("localhost.cert.pem");
const key = await fixture("localhost.key.pem");
const identity = {
  cert: await fixture("client.cert.pem"),
  key: await fixture("client.key.pem"),
};
const trusting: Partial<ClientOptions> = { caCerts: [cert] };

Deno.test("https works with caCerts, and keeps the connection", async () => {
  await using server = new HostileServer([
    [head, send(HELLO), head, send(EMPTY)],
  ], { tls: { cert, key } });
  const origin = `https://localhost:${server.port}`;
  await using client = new Client(origin, trusting);
  const response = await client.get("/a");
  assertEquals(response.url, `${origin}/a`);
  assertEquals(await response.body.text(), "hello");
  assertEquals(await getText(client), [204, ""]);
  assertEquals(server.count, 1);
  const [first = ""] = (await server.peer(0)).heads;
  assert(first.includes(`\r\nhost: localhost:${server.port}\r\n`));
});

Deno.test("https streams large bodies both ways", async () => {
  const app = Server.builder("127.0.0.1:0").tls({ cert, key });
  app.post("/", (ctx, res) => res.ok(ctx.body));
  await using handle = app.build().serve();
  const { port } = handle.addr as Deno.NetAddr; // a TCP address was given
  await using client = new Client(`https://127.0.0.1:${port}`, trusting);
  const large = new Uint8Array(3_000_000).map((_, at) => at & 0xff);
  for (const body of [large, ReadableStream.from([large])]) {
    const response = await client.post("/", { body });
    assertEquals(await response.body.bytes(), large);
  }
});

Deno.test("https rejects a certificate that is not trusted or has another name", async () => {
  await using server = new HostileServer([], { tls: { cert, key } });
  const { port } = server;
  await using trustless = new Client(`https://localhost:${port}`);
  await fails(trustless.get("/"), "connect", "CONNECT_FAILED");
  const unknown = await trustless.get("/").catch((error) => error);
  assert(unknown.message.endsWith("certificate to the option caCerts"));
  const fetched = await createFetch()(`https://localhost:${port}`)
    .catch((error) => error);
  assert(fetched.message.endsWith("certificate to the option caCerts"));
  await using other = new Client(`https://127.0.0.2:${port}`, trusting);
  await fails(other.get("/"), "connect", "CONNECT_FAILED");
  const named = await other.get("/").catch((error) => error);
  assert(!named.message.includes("caCerts"), named.message);
  assertEquals([trustless.connectionCount, other.connectionCount], [0, 0]);
});

Deno.test("https to a server without TLS fails, and http to one with TLS", async () => {
  await using plain = new HostileServer([[send("HTTP/1.1 400 \r\n\r\n")]]);
  await using client = new Client(`https://${plain.origin}`, trusting);
  await fails(client.get("/"), "connect", "CONNECT_FAILED");
  await using secure = new HostileServer([], { tls: { cert, key } });
  await using other = new Client(secure.origin);
  const failure = await other.get("/").catch((error) => error);
  assertEquals([failure.name, other.connectionCount], ["ClientError", 0]);
});

/** Looks like PEM, but has nothing inside. */
const PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

Deno.test("caCerts and identity that are empty PEM fail to connect", async () => {
  await using server = new HostileServer([], { tls: { cert, key } });
  const origin = `https://localhost:${server.port}`;
  for (
    const options of [
      { caCerts: [cert], identity: { cert: PEM, key: PEM } },
      { caCerts: [PEM] },
    ]
  ) {
    await using client = new Client(origin, options);
    await fails(client.get("/"), "connect", "CONNECT_FAILED");
  }
});

/** A server that demands the client's certificate. */
async function demanding(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer({
    ...{ cert, key, ca: [identity.cert] },
    ...{ requestCert: true, rejectUnauthorized: true },
  }, (socket) => {
    socket.on("error", () => {}); // the client closed the connection
    socket.once("data", () => socket.end(HELLO));
  });
  server.on("tlsClientError", () => {}); // a client without a certificate
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose](): Promise<void> {
      server.close();
      await once(server, "close");
    },
  };
}

Deno.test("identity sends the client's certificate", async () => {
  await using server = await demanding();
  await using client = new Client(`https://localhost:${server.port}`, {
    ...trusting,
    identity,
  });
  assertEquals(await getText(client), [200, "hello"]);
});

Deno.test("a server that demands a certificate rejects a client without one", async () => {
  await using server = await demanding();
  await using client = new Client(`https://localhost:${server.port}`, trusting);
  // In TLS 1.3, the client is told only after the handshake.
  await fails(client.get("/"), "read", "CLOSED");
  assertEquals(client.connectionCount, 0);
});

/** Forwards bytes between a client and a server until the test cuts both connections. */
async function relay(port: number): Promise<
  { port: number; cut: () => void } & AsyncDisposable
> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const pump = async (from: Deno.Conn, to: Deno.Conn): Promise<void> => {
    await from.readable.pipeTo(to.writable).catch(() => {}); // it may have been cut
  };
  const running = (async () => {
    const near = await listener.accept();
    const far = await Deno.connect({ hostname: "127.0.0.1", port });
    conns.push(near, far);
    await Promise.all([pump(near, far), pump(far, near)]);
  })();
  const cut = (): void => {
    for (const conn of conns.splice(0)) {
      try {
        conn.close();
      } catch {
        // It ended before.
      }
    }
  };
  return await Promise.resolve({
    port: listener.addr.port,
    cut,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      cut();
      await running.catch(() => {}); // it never got a connection
    },
  });
}

Deno.test("R143: a TLS connection that is cut without close_notify never completes a body", async () => {
  for (
    const [wire, hasHead] of [
      ["HTTP/1.1 200 OK\r\n\r\nhello", true],
      ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", true],
      ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", true],
      ["HTTP/1.1 200 OK\r\nA", false],
    ] as const
  ) {
    await using server = new HostileServer([[head, send(wire), until(NEVER)]], {
      tls: { cert, key },
    });
    await using between = await relay(server.port);
    await using client = new Client(
      `https://localhost:${between.port}`,
      trusting,
    );
    const answer = client.get("/");
    if (hasHead) {
      const buffer = new Uint8Array(5);
      const response = await answer;
      await response.body.read(buffer);
      between.cut();
      const error = await response.body.read(buffer).catch((error) => error);
      assertEquals([error.phase, error.code], ["read", "INCOMPLETE"], wire);
    } else {
      await untilSo(() => server.peers[0]?.heads.length === 1);
      between.cut();
      const error = await answer.catch((error) => error);
      assertEquals(error.phase, "read");
    }
    assertEquals(client.connectionCount, 0);
  }
});

Deno.test("R143: close_notify completes a body without a length", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = new HostileServer([[
    head,
    send("HTTP/1.1 200 OK\r\n\r\nhello"),
    until(promise),
    (peer) => peer.closeWrite(),
  ]], { tls: { cert, key } });
  await using client = new Client(`https://localhost:${server.port}`, trusting);
  const response = await client.get("/");
  resolve();
  assertEquals(await response.body.text(), "hello");
});

Deno.test("unix: connects to a Unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  {
    await using server = new HostileServer([
      [head, send(HELLO), head, send(EMPTY)],
    ], { path });
    await using client = new Client(`unix:${path}`);
    const response = await client.get("/a?b");
    assertEquals(response.url, "http://localhost/a?b");
    assertEquals(await response.body.text(), "hello");
    assertEquals(await getText(client), [204, ""]);
    const [first] = (await server.peer(0)).heads;
    assertEquals(first, "GET /a?b HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assertEquals(server.count, 1);
  }
  await using client = new Client(`unix:${path}`);
  await fails(client.get("/"), "connect", "CONNECT_FAILED");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a refused connection fails with CONNECT_FAILED, retryable, with the cause", async () => {
  const server = new HostileServer([]);
  const { origin } = server;
  await server[Symbol.asyncDispose]();
  await using client = new Client(origin);
  const error = await client.get("/").catch((error) => error);
  assertEquals(
    [error.phase, error.code, error.retryable],
    ["connect", "CONNECT_FAILED", true],
  );
  assert(error.cause instanceof Deno.errors.ConnectionRefused);
});

Deno.test("a host may be a name", async () => {
  await using server = new HostileServer([[head, send(HELLO)]]);
  await using client = new Client(`LOCALHOST:${server.port}`);
  assertEquals(await getText(client), [200, "hello"]);
  const [first = ""] = (await server.peer(0)).heads;
  assert(first.includes(`\r\nhost: localhost:${server.port}\r\n`));
});

/** The open descriptors of this process. */
function descriptorCount(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test({
  name: "a handshake that passes tlsTimeout leaves no descriptor",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    await using server = new HostileServer([]); // it never answers
    await using client = new TimedClient(`https://${server.origin}`, {
      tlsTimeout: 1000,
    });
    const before = descriptorCount();
    const exchanges = Array.from(
      { length: 40 },
      () => fails(client.get("/"), "connect", "DEADLINE"),
    );
    await untilSo(() => server.count === 40);
    await elapse(client.clock, Promise.all(exchanges));
    await Promise.all(exchanges);
    await Promise.all(server.peers.map((peer) => peer.ended));
    await untilSo(() => descriptorCount() <= before + 2);
    assertEquals(client.connectionCount, 0);
  },
});

Deno.test("a failed connection names its origin", async () => {
  const server = new HostileServer([]);
  const { origin } = server;
  await server[Symbol.asyncDispose]();
  for (
    const [address, where] of [
      [origin, `http://${origin}`],
      [`https://${origin}`, `https://${origin}`],
      ["unix:/none/at/all", "unix:/none/at/all"],
    ] as const
  ) {
    await using client = new Client(address);
    await assertRejects(
      () => client.get("/"),
      ClientError,
      `Cannot connect to ${where}: `,
    );
  }
});
