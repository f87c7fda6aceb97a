/**
 * A program with two workers and the given fault:
 *
 *     RUNTIME … tests/workers/unlucky.ts ENGINE WHAT
 *
 * It prints `worker` whenever a worker starts.
 */
// deno-lint-ignore-file no-console

import { isMainThread } from "node:worker_threads";
import { Server, type ServerHandle } from "../../mod.ts";
import { engineNamed } from "./threads.ts";

const [engine, what] = process.argv.slice(2);
let handle: ServerHandle | undefined;
if (!isMainThread) console.log("worker");

if (what === "loops" && !isMainThread) { for (;;); }
if (what === "throws" && !isMainThread) throw new RangeError("boom");
const address = what === "differs" && !isMainThread
  ? "127.0.0.2:0"
  : "127.0.0.1:0";
const app = Server.builder(address).build();
const options = {
  engine: engineNamed(engine),
  workers: what === "dies" ? 1 : 2,
  onListen: (): void => {
    console.log(`listening on 127.0.0.1:1, ${what}`);
    if (what === "onListen") throw new RangeError("boom");
  },
  onError: (error: unknown): void => {
    console.log(`error: ${error}`);
    if (what === "loops") handle?.closeNow();
  },
} as const;
if (what !== "leaves" || isMainThread) {
  handle = app.serveThreaded(options);
  if (what === "twins") app.serveThreaded(options);
  if (what === "unref") handle.unref();
  if (what === "dies" && !isMainThread) setTimeout(() => process.exit(5));
}
