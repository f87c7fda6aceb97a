// deno-lint-ignore-file no-console
/**
 * A server that a balancer checks and that restarts without losing requests:
 *
 *     deno run -A bench/targets/restartable.ts PORT ENGINE WORKERS DELAY_MS [IDLE_MS]
 *
 * With 0 workers it serves on its own thread. `GET /` answers a constant,
 * `POST /` its body, `POST /slow` the same after 1.5 s, and `GET /ready` 503
 * once the server is ending.
 */

import { isMainThread } from "node:worker_threads";
import { Server } from "../../mod.ts";

const [port, engine, workers, delayMs, idleMs] = Deno.args;

/** Long enough for all bursts of bench/pooled_posts.ts to wait at the same time. */
const SLOW_MS = 1500;

const app = Server.builder(
  { hostname: "127.0.0.1", port: Number(port) },
  idleMs === undefined ? {} : { idleTimeout: Number(idleMs) },
);
app.get("/", (_, res) => res.ok("Hello, World!"));
app.post("/", (ctx, res) => res.ok(ctx.body));
app.post("/slow", async (ctx, res) => {
  const text = await ctx.body.text();
  await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  res.ok(text);
});
app.get("/ready", (_, res) => res.send(handle.isDraining ? 503 : 200, ""));

const server = app.build();
const onListen = (): void => console.log("listening");
const handle = Number(workers) > 0
  ? server.serveThreaded({
    workers: Number(workers),
    engine: engine === "epoll" ? "epoll" : "listen",
    onListen,
  })
  : engine === "epoll"
  ? server.serveEpoll({ onListen })
  : server.serve({ engine: engine === "node" ? "node" : "listen", onListen });

if (isMainThread) {
  const shutdown = (): void =>
    void handle.shutdown({ delay: Number(delayMs), deadline: 5000 });
  Deno.addSignalListener("SIGTERM", shutdown);
  await handle.finished;
  Deno.exit();
}
