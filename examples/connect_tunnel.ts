// deno-lint-ignore-file no-console
/**
 * A forward proxy for CONNECT: takes over the connection and copies bytes in both
 * directions until both sides have ended.
 *
 *     deno run --allow-net examples/connect_tunnel.ts [PORT]
 *     curl --proxytunnel --proxy 127.0.0.1:8080 http://example.org/
 */

import { type Duplex, Headers, Server } from "@khttp/khttp";

const port = Number(Deno.args[0] ?? 8080);
const app = Server.builder({ hostname: "127.0.0.1", port });

app.route("CONNECT", "/", async (ctx, res) => {
  const target = new URL(`http://${ctx.uri.authority}`);
  let upstream: Deno.TcpConn;
  try {
    upstream = await Deno.connect({
      hostname: target.hostname.replace(/^\[|\]$/g, ""),
      port: Number(target.port || 80),
    });
  } catch {
    return res.send(502, "cannot connect\n", Headers.close);
  }
  const client = await res.hijack();
  try {
    await writeAll(client, "HTTP/1.1 200 Connection Established\r\n\r\n");
    await Promise.all([pump(client, upstream), pump(upstream, client)]);
  } finally {
    client.close();
    upstream.close();
  }
});

/** Copies bytes in one direction; when the source ends, ends writing to the destination. */
async function pump(from: Duplex, to: Duplex): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) break;
    await writeAll(to, buffer.subarray(0, size));
  }
  await to.closeWrite?.();
}

async function writeAll(to: Duplex, data: Uint8Array | string): Promise<void> {
  let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
  while (rest.length > 0) rest = rest.subarray(await to.write(rest));
}

const handle = app.build().serve();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => handle.shutdown({ deadline: 2000 }));
}
const { hostname, port: bound } = handle.addr as Deno.NetAddr; // a TCP address was given
console.log(`Listening on http://${hostname}:${bound}/`);
await handle.finished;
Deno.exit();
