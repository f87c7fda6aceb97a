/**
 * A program whose workers expect PROXY headers from this machine:
 *
 *     deno run … tests/workers/proxied.ts ENGINE
 */
// deno-lint-ignore-file no-console

import { Server } from "../../mod.ts";

const [engine] = Deno.args;

const app = Server.builder("127.0.0.1:0");
app.proxyProtocol({ trusted: ["127.0.0.1"] });
app.get("/", (ctx, res) => res.ok(`${ctx.ip} at ${globalThis.name}`));
app.build().serveThreaded({
  engine: engine === "epoll" ? "epoll" : "listen",
  workers: 2,
  onListen: (addr) => {
    const { hostname, port } = addr as Deno.NetAddr; // a TCP address was given
    console.log(`listening on ${hostname}:${port}`);
  },
});
