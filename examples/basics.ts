/**
 * A tour of the server: routes, bodies, streamed files, limits, hooks and graceful
 * shutdown.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=static examples/basics.ts [PORT]
 *
 * Ctrl-C lets running responses finish; a second one ends the program immediately.
 */
// deno-lint-ignore-file no-console

import {
  ConnectionSetupAction,
  Headers,
  PreRoutingAction,
  Server,
  Status,
} from "@khttp/khttp";

const METHODS: ReadonlySet<string> = new Set(
  ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"],
);

const MEDIA_TYPES: ReadonlyMap<string, string> = new Map([
  ["css", "text/css; charset=utf-8"],
  ["gif", "image/gif"],
  ["htm", "text/html; charset=utf-8"],
  ["html", "text/html; charset=utf-8"],
  ["jpeg", "image/jpeg"],
  ["jpg", "image/jpeg"],
  ["js", "text/javascript; charset=utf-8"],
  ["json", "application/json"],
  ["pdf", "application/pdf"],
  ["png", "image/png"],
  ["svg", "image/svg+xml"],
  ["txt", "text/plain; charset=utf-8"],
]);

const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";

const app = Server.builder(`127.0.0.1:${Deno.args[0] ?? 8080}`);

// GET route: hello world!
app.get("/", (ctx, res) => {
  console.log(
    `method=${ctx.method}, uri=${ctx.uri}, headers=\n${ctx.headers}`,
  );
  const headers = new Headers();
  headers.add("key", "value");
  res.ok("Hello, World!", headers);
});

// POST route: converts the request body to upper case
app.post("/uppercase", async (ctx, res) => {
  const body = await ctx.body.bytes(); // ctx.body can be streamed too
  const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a; // a to z
  res.ok(body.map((byte) => isLower(byte) ? byte - 0x20 : byte));
});

// Routing: named parameters and wildcards are supported
app.get("/user/:id", (ctx, res) => {
  const text = ctx.params.get("id") ?? "";
  const id = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(id)) {
    return res.send(Status.BAD_REQUEST);
  }
  res.ok(String(id));
});

// Matches a single path segment, e.g. /api/v1/health
app.get("/api/v1/*", (_ctx, res) => res.ok("api"));

// Matches any number of path segments, e.g. /static/assets/main.js
app.get("/static/**", async (ctx, res) => {
  const path = await findFile(ctx.uri.path.slice("/static/".length));
  if (path === null) return res.send(Status.FORBIDDEN, "forbidden");
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch {
    return res.send(Status.NOT_FOUND, "404"); // it was removed or made unreadable after findFile()
  }
  res.ok(file.readable, { "content-type": mediaType(path) }); // streamed
});

// Fine-tuning
app.threadCount(20); // for serveThreaded(), see several_cores.ts; serve() uses one thread
app.fallbackRoute((_ctx, res) => res.send(Status.NOT_FOUND, "404"));
app.maxRequestHeadSize(16 * 1024);

// Lifecycle hook: called after a connection is accepted, or accepting one has failed
app.connectionSetupHook((accepted) => {
  if (!accepted.ok) return ConnectionSetupAction.drop;
  const { conn } = accepted;
  conn.setNoDelay?.(true);
  return ConnectionSetupAction.proceed(conn, { readTimeoutMs: 3000 });
});

// Lifecycle hook: called after a request is parsed, right before routing
app.preRoutingHook((req, res) => {
  if (req.httpVersion === 0) {
    res.send(Status.of(505), null, Headers.close);
    return PreRoutingAction.drop;
  }
  if (!METHODS.has(req.method)) {
    res.send(Status.of(405), null, Headers.close);
    return PreRoutingAction.drop;
  }
  return PreRoutingAction.proceed;
});

// Lifecycle hook: called once for each connection, after it has closed
app.connectionTeardownHook((_conn, error) => {
  if (error) console.error(`tcp socket error: ${error.message}`);
});

const handle = app.build().serve();

const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];
const stop = (): void => {
  for (const signal of signals) Deno.removeSignalListener(signal, stop);
  handle.shutdown();
};
for (const signal of signals) Deno.addSignalListener(signal, stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;

/**
 * Finds the requested file in the folder `static`; returns `null` if there is
 * none, or if the path leads out of the folder.
 */
async function findFile(encoded: string): Promise<string | null> {
  if (/%2f/i.test(encoded)) return null; // an encoded slash is not a separator
  try {
    const name = decodeURIComponent(encoded);
    if (!name.split("/").every(isPlainSegment)) return null;
    const folder = await Deno.realPath("static");
    const path = await Deno.realPath(`static/${name}`); // follows symbolic links
    if (!path.startsWith(folder + SEPARATOR)) return null;
    return (await Deno.stat(path)).isFile ? path : null;
  } catch {
    return null; // missing, unreadable, or not valid UTF-8
  }
}

/** Whether a segment is a plain file name, on any operating system. */
function isPlainSegment(segment: string): boolean {
  return !["", ".", ".."].includes(segment) && !/[\\:\0]/.test(segment);
}

/** The media type for a file's extension; plain text if it is unknown. */
function mediaType(path: string): string {
  const extension = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return MEDIA_TYPES.get(extension) ?? "text/plain; charset=utf-8";
}
