/**
 * A server in its own process, whose thread a request can block:
 *
 *     deno run … tests/programs/blocked_server.ts ENGINE TIMEOUT_MS BLOCK_MS [tls]
 *
 * All its deadlines are `TIMEOUT_MS`. `GET /block` prints "blocked" and then
 * blocks the thread for `BLOCK_MS`.
 */
// deno-lint-ignore-file no-console

import { Server } from "../../mod.ts";
import { blockThread } from "../support/block_thread.ts";

const [engine, timeout, block, mode] = Deno.args;
const timeoutMs = Number(timeout);

const app = Server.builder("127.0.0.1:0", {
  headerTimeout: timeoutMs,
  handshakeTimeout: timeoutMs,
  idleTimeout: timeoutMs,
  bodyTimeout: timeoutMs,
  requestTimeout: timeoutMs,
});
app.post("/", async (ctx, res) => res.ok(await ctx.body.text()));
app.get("/", (_, res) => res.ok("ok"));
app.get("/block", (_, res) => {
  console.log("blocked");
  blockThread(Number(block));
  res.ok("free");
});
if (mode === "tls") {
  const fixtures = new URL("../fixtures/", import.meta.url);
  app.tls({
    cert: Deno.readTextFileSync(new URL("localhost.cert.pem", fixtures)),
    key: Deno.readTextFileSync(new URL("localhost.key.pem", fixtures)),
  });
}

const server = app.build();
const onListen = (addr: Deno.Addr): void => {
  const { hostname, port } = addr as Deno.NetAddr; // a TCP address was given
  console.log(`listening on ${hostname}:${port}`);
};
if (engine === "epoll") server.serveEpoll({ onListen });
else server.serve({ engine: engine === "node" ? "node" : "listen", onListen });
