/**
 * A server in its own process:
 *
 *     deno run … tests/programs/held_server.ts ENGINE [OPTIONS] [MODE]
 *
 * `ENGINE` is the name of an engine, `OPTIONS` the server's options as JSON, and
 * `MODE` one of `tls`, `unref`, `workers` and `tls workers`. Nothing but the server keeps the
 * process alive.
 */
// deno-lint-ignore-file no-console

import { type ServeOptions, Server } from "../../mod.ts";

/** How long the waiting handler waits, in ms. */
const WAIT_MS = 300;

const [engine, options = "{}", mode = ""] = Deno.args;
let waitingCount = 0;

const app = Server.builder("127.0.0.1:0", JSON.parse(options));
app.get("/", (_, res) => res.ok("ok"));
app.get("/throw", () => {
  throw new Error("boom");
});
app.get("/endless", (_, res) => {
  const piece = new Uint8Array(65_536);
  res.ok(
    new ReadableStream({ pull: (controller) => controller.enqueue(piece) }),
  );
});
// Waits for a promise of the program, by a timer that does not keep the process alive.
app.post("/wait", async (_, res) => {
  if (mode === "unref" && ++waitingCount === 2) handle.unref();
  const { promise, resolve } = Promise.withResolvers<void>();
  Deno.unrefTimer(setTimeout(resolve, WAIT_MS));
  await promise;
  res.ok("waited");
});
if (mode.startsWith("tls")) {
  const fixtures = new URL("../fixtures/", import.meta.url);
  app.tls({
    cert: Deno.readTextFileSync(new URL("localhost.cert.pem", fixtures)),
    key: Deno.readTextFileSync(new URL("localhost.key.pem", fixtures)),
  });
}

const serving: Omit<ServeOptions, "engine"> = {
  onListen: (addr) => {
    const { hostname, port } = addr as Deno.NetAddr; // a TCP address was given
    console.log(`listening on ${hostname}:${port}`);
  },
};
const server = app.build();
const handle = mode.endsWith("workers")
  ? server.serveThreaded({
    ...serving,
    engine: engine === "epoll" ? "epoll" : "listen",
    workers: 2,
  })
  : engine === "epoll"
  ? server.serveEpoll(serving)
  : server.serve({ ...serving, engine: engine === "node" ? "node" : "listen" });
