// deno-lint-ignore-file no-console
/**
 * The server that benchmarks and external test suites use:
 *
 *     deno run -A bench/server.ts --port 8080 --engine listen
 *
 * `--workers 4` serves from four workers (engine "listen" then needs
 * `--unstable-net`). `--routes 1001` adds that many routes, `/route0` and so on.
 * It prints one line when it listens. Node and Bun run it too, on engine "node".
 */

import { isMainThread } from "node:worker_threads";
import {
  type BodyInit,
  Headers,
  type RequestContext,
  Server,
  type ServerHandle,
} from "../mod.ts";
import {
  bytesOf,
  LONG_FIELDS,
  parseSize,
  piecesOf,
} from "./targets/answers.mjs";

const TEXT = new Headers({ "content-type": "text/plain" });
const JSON_TYPE = new Headers({ "content-type": "application/json" });
const BYTES = new Headers({ "content-type": "application/octet-stream" });
const CHUNKED = new Headers([...BYTES, ["transfer-encoding", "chunked"]]);
const LONG = new Headers([
  ["content-type", "text/plain"],
  ...LONG_FIELDS.map(([name, value]) => [name, value] as const),
]);

const isDeno = typeof Deno !== "undefined";
const args = isDeno ? Deno.args : process.argv.slice(2);

function argument(name: string, standard: string): string {
  const index = args.indexOf(`--${name}`);
  return index === -1 ? standard : args[index + 1] ?? standard;
}

/** The response of `GET /search`: parts of the request in JSON. */
function search({ uri, headers }: RequestContext): string {
  return JSON.stringify({
    path: uri.path,
    query: uri.query,
    agent: headers.get("user-agent"),
    language: headers.get("accept-language"),
  });
}

const engine = argument("engine", isDeno ? "listen" : "node");
if (engine !== "listen" && engine !== "epoll" && engine !== "node") {
  console.error(
    `Cannot serve on engine "${engine}": not "listen", "epoll" or "node"`,
  );
  process.exit(2);
}
const app = Server.builder({
  hostname: "127.0.0.1",
  port: Number(argument("port", "8080")),
});

app.get("/", (_, res) => res.ok("Hello, World!", TEXT));
app.get("/user/:id", (ctx, res) => res.ok(ctx.params.get("id"), TEXT));
app.get(
  "/json",
  (_, res) => res.ok(JSON.stringify({ message: "Hello, World!" }), JSON_TYPE),
);
app.get("/headers", (_, res) => res.ok("Hello, World!", LONG));
app.get("/search", (ctx, res) => res.ok(search(ctx), JSON_TYPE));
for (let index = 0; index < Number(argument("routes", "0")); index++) {
  const text = String(index);
  app.get(`/route${index}`, (_, res) => res.ok(text, TEXT));
}
app.get("/bytes/:n", (ctx, res) => {
  const size = parseSize(ctx.params.get("n"));
  if (size === null) res.send(400);
  else res.ok(bytesOf(size), BYTES);
});
app.get("/chunked/:n", (ctx, res) => {
  const size = parseSize(ctx.params.get("n"));
  if (size === null) res.send(400);
  else res.ok(piecesOf(size), CHUNKED);
});
app.fallbackRoute((ctx, res) => res.ok(ctx.body satisfies BodyInit, BYTES));

const handle = serve(app.build(), engine);
if (isMainThread) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const stop = (): void => void handle.shutdown({ deadline: 2000 });
    if (isDeno) Deno.addSignalListener(signal, stop);
    else process.on(signal, stop);
  }
  await handle.finished;
  process.exit();
}

function serve(
  server: Server,
  engine: "listen" | "epoll" | "node",
): ServerHandle {
  const workers = Number(argument("workers", "0"));
  const onListen = (addr: Deno.Addr): void => {
    const { hostname, port } = addr as Deno.NetAddr; // it listens on a TCP address
    console.log(`listening on http://${hostname}:${port}/`);
  };
  if (workers > 0) {
    return server.serveThreaded({ workers, engine, onListen });
  }
  return engine === "epoll"
    ? server.serveEpoll({ onListen })
    : server.serve({ engine, onListen });
}
