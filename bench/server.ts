// deno-lint-ignore-file no-console
/**
 * The program that benchmarks and outside suites drive:
 *
 *     deno run -A bench/server.ts --port 8080 --engine listen
 *
 * It prints one line when it listens.
 */

import { type BodyInit, Headers, Server } from "../mod.ts";

const TEXT = new Headers({ "content-type": "text/plain" });
const JSON_TYPE = new Headers({ "content-type": "application/json" });
const BYTES = new Headers({ "content-type": "application/octet-stream" });

/** Size of the pieces of a chunked answer, in bytes. */
const PIECE_BYTES = 16_384;

function argument(name: string, standard: string): string {
  const index = Deno.args.indexOf(`--${name}`);
  return index === -1 ? standard : Deno.args[index + 1] ?? standard;
}

/** Parses a size in bytes from a route's text; `null` if it is none. */
function parseSize(text: string | undefined): number | null {
  return text !== undefined && /^[0-9]{1,10}$/.test(text) ? Number(text) : null;
}

const bodies = new Map<number, Uint8Array>();

function bodyOf(size: number): Uint8Array {
  let body = bodies.get(size);
  if (body === undefined) {
    bodies.set(size, body = new Uint8Array(size).fill(97));
  }
  return body;
}

async function* pieces(size: number): AsyncGenerator<Uint8Array> {
  for (let rest = size; rest > 0; rest -= PIECE_BYTES) {
    yield bodyOf(Math.min(rest, PIECE_BYTES));
  }
}

const engine = argument("engine", "listen");
if (engine !== "listen") {
  console.error(`Cannot serve on engine "${engine}": there is only "listen"`);
  Deno.exit(2);
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
app.get("/bytes/:n", (ctx, res) => {
  const size = parseSize(ctx.params.get("n"));
  if (size === null) res.send(400);
  else res.ok(bodyOf(size), BYTES);
});
app.get("/chunked/:n", (ctx, res) => {
  const size = parseSize(ctx.params.get("n"));
  if (size === null) res.send(400);
  else {
    const headers = new Headers(BYTES);
    headers.add("transfer-encoding", "chunked");
    res.ok(pieces(size), headers);
  }
});
app.fallbackRoute((ctx, res) => res.ok(ctx.body satisfies BodyInit, BYTES));

const handle = app.build().serve();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => handle.shutdown({ deadline: 2000 }));
}
const { hostname, port } = handle.addr as Deno.NetAddr; // a TCP address was given
console.log(`listening on http://${hostname}:${port}/`);
await handle.finished;
Deno.exit();
