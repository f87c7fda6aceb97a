// deno-lint-ignore-file no-console
/**
 * A forward proxy for CONNECT: takes over the connection and copies bytes in both
 * directions until both sides have ended.
 *
 *     deno run --allow-net examples/connect_tunnel.ts [PORT] [CONNECT_MS] [TUNNEL_MS]
 *     curl --proxytunnel --proxy 127.0.0.1:8080 http://example.org/
 *
 * The server behind the proxy has CONNECT_MS to accept the connection. A tunnel
 * closes when no byte has moved through it for TUNNEL_MS.
 */

import { type Duplex, Headers, Server } from "@khttp/khttp";

const [port = "8080", connectMs = "10000", tunnelMs = "60000"] = Deno.args;
const app = Server.builder({ hostname: "127.0.0.1", port: Number(port) });

app.route("CONNECT", "/", async (ctx, res) => {
  const target = new URL(`http://${ctx.uri.authority}`);
  const timeout = AbortSignal.timeout(Number(connectMs));
  let upstream: Deno.TcpConn;
  try {
    upstream = await Deno.connect({
      hostname: target.hostname.replace(/^\[|\]$/g, ""),
      port: Number(target.port || 80),
      signal: AbortSignal.any([ctx.signal, timeout]),
    });
  } catch {
    const status = timeout.aborted ? 504 : 502;
    return res.send(status, "cannot connect\n", Headers.close);
  }
  try {
    const client = await res.hijack(); // rejects if the client has disconnected
    await tunnel(client, upstream);
  } finally {
    upstream.close();
  }
});

/** Copies bytes in both directions until both sides have ended, one fails, or the tunnel is idle for too long. */
async function tunnel(client: Duplex, upstream: Duplex): Promise<void> {
  const idleMs = Number(tunnelMs);
  const idle = Promise.withResolvers<void>();
  let movedMs = performance.now();
  const onMoved = (): void => void (movedMs = performance.now());
  // A peer can vanish without a notice; the tunnel's two descriptors would stay
  // open forever.
  const timer = setInterval(() => {
    if (performance.now() - movedMs >= idleMs) idle.resolve();
  }, idleMs / 2);
  const answer = "HTTP/1.1 200 Connection Established\r\n\r\n";
  const up = pump(client, upstream, onMoved);
  const down = writeAll(client, new TextEncoder().encode(answer), onMoved)
    .then(() => pump(upstream, client, onMoved));
  try {
    await Promise.race([idle.promise, Promise.all([up, down])]);
  } finally {
    clearInterval(timer);
    client.close();
  }
}

/** Copies bytes in one direction; when the source ends, ends writing to the destination. */
async function pump(
  from: Duplex,
  to: Duplex,
  onMoved: () => void,
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) break;
    onMoved();
    await writeAll(to, buffer.subarray(0, size), onMoved);
  }
  await to.closeWrite?.();
}

async function writeAll(
  to: Duplex,
  bytes: Uint8Array,
  onMoved: () => void,
): Promise<void> {
  for (let rest = bytes; rest.length > 0; onMoved()) {
    rest = rest.subarray(await to.write(rest));
  }
}

const handle = app.build().serve();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => handle.shutdown({ deadline: 2000 }));
}
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();
