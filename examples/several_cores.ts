/**
 * One program on several cores: it runs again in one worker for each core, and all
 * workers share the port.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read --allow-ffi examples/several_cores.ts [PORT] [WORKERS]
 *
 * GET / answers with the worker's name. A worker that dies is replaced; GET /die
 * shows that. On SIGINT, all workers finish their running responses.
 */
// deno-lint-ignore-file no-console

import { isMainThread } from "node:worker_threads";
import { Server } from "@khttp/khttp";

const [wanted = "8080", workers = "0"] = Deno.args;

// Everything up to serveThreaded() runs in each worker too.
const app = Server.builder(`127.0.0.1:${wanted}`);
app.threadCount(Number(workers)); // 0 means one for each core
app.get("/", (_, res) => res.ok(`Hello from ${globalThis.name}\n`));
app.get("/die", () => Deno.exit(1));

const handle = app.build().serveThreaded({
  engine: "epoll",
  // Called once, on the main thread.
  onListen: (addr) => {
    const { hostname, port } = addr as Deno.NetAddr; // a TCP address was given
    console.log(`Listening on http://${hostname}:${port}/`);
  },
  onError: (error) => console.error(error),
});

// Code that must run only once checks for the main thread.
if (isMainThread) {
  Deno.addSignalListener("SIGINT", () => handle.shutdown({ deadline: 10_000 }));
  await handle.finished;
  console.log("Ended");
  Deno.exit();
}
