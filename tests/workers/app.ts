/**
 * A program that serves from workers, as a user would write it in one file:
 *
 *     RUNTIME … tests/workers/app.ts ENGINE WORKERS [PORT [HANG_TIMEOUT_MS [MAX_HEAP_BYTES]]]
 *
 * It prints its events on standard output. SIGTERM starts a shutdown, SIGINT
 * closes everything immediately, SIGUSR2 blocks the main thread for three times
 * HANG_TIMEOUT_MS.
 */
// deno-lint-ignore-file no-console

import { isMainThread } from "node:worker_threads";
import { Server } from "../../mod.ts";
import { blockThread } from "../support/block_thread.ts";
import { engineNamed, threadName } from "./threads.ts";

const [engine, workers, port = "0", hangTimeout, maxHeapBytes] = process.argv
  .slice(2);
const worker = isMainThread ? "main" : threadName();

const app = Server.builder(`127.0.0.1:${port}`);
app.get("/", (_, res) => res.ok(worker));
app.post("/echo", async (ctx, res) => res.ok(await ctx.body.text()));

// Ways in which a worker may end.
app.get("/throw", () => {
  setTimeout(() => {
    throw new RangeError("boom");
  });
});
app.get("/exit", () => process.exit(3));
app.get("/hang", () => {
  for (;;);
});
app.get("/leak", () => {
  // In small steps: Node.js ends the process if one large allocation passes the limit.
  for (let kept: unknown = null;;) kept = { before: kept };
});
app.get("/block/:ms", (ctx, res) => {
  blockThread(Number(ctx.params.get("ms")));
  res.ok(`${worker} was blocked`);
});
app.get("/shutdown", (_, res) => {
  res.ok(worker);
  handle.shutdown();
});

app.get("/drain", (_, res) => {
  res.ok(worker);
  handle.shutdown({ delay: 600_000 });
});
app.get("/ready", (_, res) => res.ok(`${worker} ${!handle.isDraining}`));

const handle = app.build().serveThreaded({
  engine: engineNamed(engine),
  workers: Number(workers),
  ...(hangTimeout === undefined ? {} : { hangTimeout: Number(hangTimeout) }),
  ...(maxHeapBytes === undefined ? {} : { maxHeapBytes: Number(maxHeapBytes) }),
  onListen: (addr) => {
    const { hostname, port } = addr as Deno.NetAddr; // a TCP address was given
    console.log(`listening on ${hostname}:${port}`);
  },
  onError: (error) => console.log(`error: ${error}`),
});

if (isMainThread) {
  process.on("SIGTERM", () => void handle.shutdown());
  process.on("SIGINT", () => handle.closeNow());
  process.on("SIGUSR2", () => {
    blockThread(3 * Number(hangTimeout));
    console.log("main was blocked");
  });
}
await handle.finished;
console.log(`finished: ${worker}`);
if (isMainThread) {
  console.log(`requests: ${handle.requestCount}`);
  process.exit();
}
