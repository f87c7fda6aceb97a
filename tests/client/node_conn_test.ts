/** Connections on `node:net`, which the client uses on Node and Bun. */

import { assertEquals, assertRejects } from "@std/assert";
import { closeQuietly } from "../../server/engines/close_quietly.ts";
import { connectNode } from "../../client/node_conn.ts";

/** Accepts one connection, and lets `serve` use it. */
async function withPeer(
  serve: (conn: Deno.TcpConn) => Promise<void>,
  use: (port: number) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = listener.accept().then(async (conn) => {
    await serve(conn);
    closeQuietly(conn);
  });
  await use(listener.addr.port);
  await serving;
}

const hostname = "127.0.0.1";

Deno.test("NodeConn reads what was written in any sizes, then the end", async () => {
  const sent = Uint8Array.from({ length: 400_000 }, (_, n) => n % 251);
  await withPeer(async (peer) => {
    for (let rest = sent; rest.length > 0;) {
      rest = rest.subarray(await peer.write(rest.subarray(0, 70_001)));
    }
    await peer.closeWrite();
    assertEquals(await peer.read(new Uint8Array(1)), null);
  }, async (port) => {
    const conn = await connectNode({ hostname, port });
    const got = new Uint8Array(sent.length);
    let at = 0;
    for (;;) {
      const size = await conn.read(got.subarray(at, at + 1 + at % 9000));
      if (size === null) break;
      at += size;
      if (at === got.length) break;
    }
    assertEquals(got, sent);
    assertEquals(await conn.read(new Uint8Array(1)), null);
    await conn.closeWrite();
    conn.close();
    await assertRejects(() => conn.write(new Uint8Array(1)), Error, "closed");
  });
});

Deno.test("NodeConn writes with backpressure, and names its addresses", async () => {
  const size = 5_000_000;
  let received = 0;
  await withPeer(async (peer) => {
    for await (const bytes of peer.readable) received += bytes.length;
  }, async (port) => {
    using conn = await connectNode({ hostname, port });
    assertEquals(conn.remoteAddr, { transport: "tcp", hostname, port });
    let sent = 0;
    while (sent < size) sent += await conn.write(new Uint8Array(size - sent));
    await conn.closeWrite();
    assertEquals(await conn.read(new Uint8Array(1)), null);
  });
  assertEquals(received, size);
});

Deno.test("connectNode() rejects with the signal's reason, and with the system's error", async () => {
  const reason = new Error("enough");
  const target = { hostname, port: 1 };
  await assertRejects(
    () => connectNode(target, AbortSignal.abort(reason)),
    Error,
    "enough",
  );
  await assertRejects(() => connectNode(target), Error, "ECONNREFUSED");
});

Deno.test("NodeConn.close() rejects a pending read", async () => {
  await withPeer(async (peer) => {
    assertEquals(await peer.read(new Uint8Array(1)), null);
  }, async (port) => {
    const conn = await connectNode({ hostname, port });
    const read = conn.read(new Uint8Array(1));
    conn.close();
    await assertRejects(() => read, Error, "closed");
  });
});
