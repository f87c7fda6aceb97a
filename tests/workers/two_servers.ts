/**
 * A program with two servers, each with its own workers:
 *
 *     RUNTIME … tests/workers/two_servers.ts ENGINE
 */
// deno-lint-ignore-file no-console

import { isMainThread } from "node:worker_threads";
import { Server, type ServerHandle } from "../../mod.ts";
import { engineNamed } from "./threads.ts";

const engine = engineNamed(process.argv[2]);
const listening: Promise<number>[] = [];
const handles: ServerHandle[] = [];

for (const hostname of ["127.0.0.1", "localhost"]) {
  const { promise, resolve } = Promise.withResolvers<number>();
  listening.push(promise);
  const app = Server.builder({ hostname, port: 0 });
  app.get("/", (_, res) => res.ok(hostname));
  handles.push(
    app.build().serveThreaded({
      engine,
      workers: 2,
      onListen: (addr) => resolve((addr as Deno.NetAddr).port), // a TCP address was given
    }),
  );
}

if (isMainThread) {
  const [first, second] = await Promise.all(listening);
  process.on("SIGTERM", () => {
    for (const handle of handles) handle.shutdown();
  });
  console.log(`listening on 127.0.0.1:${first}, localhost:${second}`);
}
await Promise.all(handles.map(({ finished }) => finished));
console.log(`finished: ${isMainThread ? "main" : "worker"}`);
