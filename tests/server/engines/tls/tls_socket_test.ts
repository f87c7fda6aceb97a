/** TLS connections: silent and stalled peers, half-close, and what is freed at the end. */

import { assert, assertEquals } from "@std/assert";
import { startHeldServer } from "../../../support/held_server.ts";
import { until } from "../../../support/turns.ts";
import { withDeadline } from "../../../support/with_deadline.ts";
import { connect, type TLSSocket } from "node:tls";
import {
  Server,
  type ServerBuilder,
  type ServerOptions,
} from "../../../../mod.ts";

const fixtures = new URL("../../../fixtures/", import.meta.url);
const cert = await Deno.readTextFile(new URL("localhost.cert.pem", fixtures));
const key = await Deno.readTextFile(new URL("localhost.key.pem", fixtures));

/** Far more than the system's buffers hold, so that a peer which does not read stalls the response. */
const BIG_BYTES = 30_000_000;

function tlsApp(options: Partial<ServerOptions>): ServerBuilder {
  return Server.builder("127.0.0.1:0", options).tls({ cert, key })
    .get("/", (_, res) => res.ok("hi"))
    .get("/big", (_, res) => res.ok(new Uint8Array(BIG_BYTES)));
}

function connectSilently(addr: Deno.Addr): Promise<Deno.TcpConn> {
  const { hostname, port } = addr as Deno.NetAddr; // a TCP listener
  return Deno.connect({ hostname, port });
}

/** Reads until the server ends the connection. */
async function untilEnded(conn: Deno.TcpConn): Promise<void> {
  await new Response(conn.readable).arrayBuffer().catch(() => {
    // A reset ends it as well.
  });
}

async function connectTls(addr: Deno.Addr): Promise<TLSSocket> {
  const { port } = addr as Deno.NetAddr; // a TCP listener
  const options = { ca: cert, servername: "localhost", allowHalfOpen: true };
  const socket = connect(port, "127.0.0.1", options);
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", () => resolve());
    socket.once("error", reject);
  });
  return socket;
}

async function textOf(socket: TLSSocket): Promise<string> {
  let text = "";
  for await (const piece of socket) text += String(piece);
  return text;
}

/** Descriptors of this process, where the system tells. */
function countDescriptors(): number {
  if (Deno.build.os !== "linux") return 0;
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("R161: peers that never finish their handshake are closed after handshakeTimeout, and free their descriptors", async () => {
  const errors: unknown[] = [];
  const app = tlsApp({ handshakeTimeout: 50 })
    .connectionTeardownHook((_, error) => void errors.push(error)).build();
  await using handle = app.serve();
  (await connectTls(handle.addr)).destroy(); // opens what TLS keeps open
  await until(() => errors.length === 1);
  const before = countDescriptors();
  const peers = await Promise.all(
    Array.from({ length: 20 }, () => connectSilently(handle.addr)),
  );
  await peers[0]?.write(Uint8Array.of(0x16, 0x03, 0x01)); // the first bytes of a ClientHello
  await Promise.all(peers.map(untilEnded));
  assertEquals(handle.connectionCount, 0);
  await until(() => countDescriptors() <= before);
  const last = errors.at(-1);
  assert(last instanceof DOMException);
  assertEquals(
    last.message,
    "Cannot complete TLS handshake: not done within 50 ms (handshakeTimeout)",
  );
});

Deno.test("R161: silent TLS peers count as connections, and others are served after them", async () => {
  const app = tlsApp({ handshakeTimeout: 50, maxConnections: 2 }).build();
  await using handle = app.serve();
  const silent = await Promise.all(
    Array.from({ length: 5 }, () => connectSilently(handle.addr)),
  );
  const socket = await connectTls(handle.addr);
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert((await textOf(socket)).endsWith("\r\n\r\nhi"));
  socket.destroy();
  await Promise.all(silent.map(untilEnded));
});

Deno.test("R161: closeNow() closes TLS peers in the middle of their handshake", async () => {
  await using handle = tlsApp({ handshakeTimeout: Infinity }).build().serve();
  const peer = await connectSilently(handle.addr);
  const honest = await connectTls(handle.addr); // accepted after the peer
  honest.destroy();
  handle.closeNow();
  await untilEnded(peer);
  await handle.finished;
});

Deno.test("R161: a TLS peer that stops reading is closed after writeTimeout", async () => {
  const torn = Promise.withResolvers<Error | undefined>();
  const app = tlsApp({ writeTimeout: 100 })
    .connectionTeardownHook((_, error) => torn.resolve(error)).build();
  await using handle = app.serve();
  const { port } = handle.addr as Deno.NetAddr; // a TCP listener
  // The runtime's own TLS connection receives nothing before it is read from.
  using peer = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [cert],
  });
  const request = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
  await peer.write(new TextEncoder().encode(request));
  assertEquals((await torn.promise)?.name, "TimeoutError");
});

Deno.test("R108: a TLS peer that ends its direction after the request gets its answer", async () => {
  await using handle = tlsApp({}).build().serve();
  const socket = await connectTls(handle.addr);
  socket.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert((await textOf(socket)).endsWith("\r\n\r\nhi"));
  socket.destroy();
});

Deno.test("R161: a TLS peer that leaves while a write to it is blocked does not stop the server", async () => {
  await using program = await startHeldServer("listen", { mode: "tls" });
  const addr = {
    transport: "tcp",
    hostname: "127.0.0.1",
    port: program.port,
  } as const;
  const leaver = await connectTls(addr);
  leaver.write("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  await new Promise((resolve) => leaver.once("data", resolve));
  leaver.pause();
  await new Promise((resolve) => setTimeout(resolve, 200)); // real time has to pass until the system's buffers are full
  leaver.destroy();
  const next = await withDeadline(
    connectTls(addr),
    5000,
    () => "the server stands still",
  );
  next.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert((await textOf(next)).endsWith("\r\n\r\nok"));
  next.destroy();
});
