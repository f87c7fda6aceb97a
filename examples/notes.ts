/**
 * A notes application: notes in SQLite as JSON, each with a file, and a stream of
 * the changes. Everything else that such an application needs is in hooks.
 *
 *     TOKEN=secret deno run --allow-net=127.0.0.1 --allow-env=TOKEN \
 *       --allow-read=. --allow-write=. examples/notes.ts [PORT] [DATABASE]
 *
 * Without DATABASE, notes are kept in memory. Requests need `Authorization: Bearer
 * TOKEN`, or the cookie that POST /session sets. Errors are problem details (RFC
 * 9457). The first SIGINT or SIGTERM lets running requests finish.
 */
// deno-lint-ignore-file no-console

import { createHash, timingSafeEqual } from "node:crypto";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import {
  Headers,
  PreRoutingAction,
  ProtocolError,
  type RequestContext,
  Server,
} from "@khttp/khttp";

const [wanted = "8080", database = ":memory:"] = Deno.args;
const token = Deno.env.get("TOKEN");
if (!token) throw new Error("The environment has no TOKEN");

/** Pages of these origins may use the server. */
const ORIGINS = new Set(["http://127.0.0.1:5173"]);
/** Routes that need no token; `null` is no route, which is answered with 404 or 405. */
const OPEN = new Set([null, "/", "/session", "/metrics"]);
/** Requests that one address may send in a second. */
const MAX_REQUESTS = 100;
const SESSION_SECONDS = 3600;
/** Changes that may wait for a slow reader of /events. */
const MAX_WAITING = 100;

const db = new DatabaseSync(database);
db.exec(`CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY,
  title TEXT NOT NULL, text TEXT NOT NULL, file BLOB) STRICT`);
const NOTE = "id, title, text";
const list = db.prepare(
  `SELECT ${NOTE} FROM notes WHERE instr(title, ?) ORDER BY id LIMIT ?`,
);
const find = db.prepare(`SELECT ${NOTE} FROM notes WHERE id = ?`);
const add = db.prepare(
  `INSERT INTO notes (title, text) VALUES (?, ?) RETURNING ${NOTE}`,
);
const change = db.prepare(
  `UPDATE notes SET title = ?, text = ? WHERE id = ? RETURNING ${NOTE}`,
);
const remove = db.prepare(`DELETE FROM notes WHERE id = ? RETURNING ${NOTE}`);
const findFile = db.prepare("SELECT file FROM notes WHERE id = ?");
const setFile = db.prepare("UPDATE notes SET file = ? WHERE id = ?");

/** An error that the client is told about. */
class Problem extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

const app = Server.builder(`127.0.0.1:${wanted}`, {
  maxBufferedBodyBytes: 8 * 1024 * 1024,
});

const counts = new Map<string, number>();
app.preRoutingHook(({ method, route }, res) => {
  const name = route === null ? "other" : method; // a client cannot make up labels
  const count = (): void => {
    const labels = `method="${name}",route="${route}",status="${res.status}"`;
    counts.set(labels, (counts.get(labels) ?? 0) + 1);
  };
  res.sent.then(count, count);
  return PreRoutingAction.proceed;
});

// CORS; the library answers a preflight with these fields.
app.preRoutingHook(({ method, headers }, res) => {
  const origin = headers.get("origin") ?? "";
  res.headers.add("vary", "origin");
  if (!ORIGINS.has(origin)) return PreRoutingAction.proceed;
  res.headers.add("access-control-allow-origin", origin);
  res.headers.add("access-control-allow-credentials", "true");
  if (method === "OPTIONS") {
    res.headers.add("access-control-allow-headers", "authorization");
    res.headers.add("access-control-allow-methods", "GET, POST, PUT, DELETE");
  }
  return PreRoutingAction.proceed;
});

const received = new Map<string | null, number>();
Deno.unrefTimer(setInterval(() => received.clear(), 1000));
app.preRoutingHook((ctx, res) => {
  const count = (received.get(ctx.ip) ?? 0) + 1;
  received.set(ctx.ip, count);
  if (count > MAX_REQUESTS) {
    res.problem(429, { detail: "Too many requests" }, { "retry-after": "1" });
  } else if (!OPEN.has(ctx.route) && !isAllowed(ctx)) {
    res.problem(401, {}, { "www-authenticate": "Bearer" });
  }
  return res.isSent ? PreRoutingAction.drop : PreRoutingAction.proceed;
});

app.errorHook((error, ctx, res) => {
  if (error instanceof ProtocolError) return; // the library answers, such as with 413
  if (error instanceof Problem && !res.isSent) {
    return res.problem(error.status, { detail: error.message });
  }
  console.error(`${ctx.method} ${ctx.uri}:`, error);
  if (!res.isSent) res.problem(500);
});
app.notFound((_, res) => res.problem(404));

app.get("/", (_, res) => res.redirect("/notes"));

const sessions = new Set<string>();
app.post("/session", (ctx, res) => {
  if (!isAllowed(ctx)) throw new Problem(401, "Send the token");
  const id = crypto.randomUUID();
  sessions.add(id);
  const end = (): void => void sessions.delete(id);
  Deno.unrefTimer(setTimeout(end, SESSION_SECONDS * 1000));
  // Behind TLS, also `secure: true`.
  const options = { path: "/", httpOnly: true, sameSite: "strict" } as const;
  res.setCookie("session", id, { ...options, maxAge: SESSION_SECONDS });
  res.send(204);
});

app.get("/notes", (ctx, res) => {
  const limit = Number(ctx.query.get("limit") ?? "20");
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw new Problem(400, "limit is not an integer from 1 to 100");
  }
  res.json(list.all(ctx.query.get("q") ?? "", limit));
});
app.post("/notes", async (ctx, res) => {
  const note = publish("added", add.get(...await readNote(ctx)));
  res.json(note, 201, { location: `/notes/${note["id"]}` });
});
app.get("/notes/:id", (ctx, res) => {
  res.json(existing(find.get(ctx.params.get("id"))));
});
app.put("/notes/:id", async (ctx, res) => {
  const draft = await readNote(ctx);
  res.json(publish("changed", change.get(...draft, ctx.params.get("id"))));
});
app.delete("/notes/:id", (ctx, res) => {
  publish("removed", remove.get(ctx.params.get("id")));
  res.send(204);
});

app.put("/notes/:id/file", async (ctx, res) => {
  const file = await ctx.body.bytes();
  const { changes } = setFile.run(file, ctx.params.get("id"));
  if (changes === 0) throw new Problem(404, "There is no such note");
  res.send(204);
});
app.get("/notes/:id/file", (ctx, res) => {
  const { file } = existing(findFile.get(ctx.params.get("id")));
  if (!(file instanceof Uint8Array)) throw new Problem(404, "It has no file");
  const fields = new Headers({ "content-type": "application/octet-stream" });
  fields.add("accept-ranges", "bytes");
  const range = ctx.headers.get("range") ?? "";
  const asked = /^bytes=([0-9]+)-([0-9]*)$/.exec(range); // other ranges get the whole file
  if (asked === null) return res.ok(file, fields);
  const start = Number(asked[1]);
  const part = file.subarray(start, Number(asked[2] || Infinity) + 1);
  if (part.length === 0) {
    return res.problem(416, {}, { "content-range": `bytes */${file.length}` });
  }
  const end = start + part.length - 1;
  fields.add("content-range", `bytes ${start}-${end}/${file.length}`);
  res.send(206, part, fields);
});

const readers = new Set<ReadableStreamDefaultController<string>>();
app.get("/events", (_, res) => {
  let reader: ReadableStreamDefaultController<string>;
  const events = new ReadableStream<string>({
    start: (controller) => void readers.add(reader = controller),
    cancel: () => void readers.delete(reader),
  }, { highWaterMark: MAX_WAITING });
  res.ok(events, { "content-type": "text/event-stream" });
});

app.get("/metrics", (_, res) => {
  let text = "# TYPE http_requests_total counter\n";
  for (const [labels, count] of counts) {
    text += `http_requests_total{${labels}} ${count}\n`;
  }
  res.ok(text, { "content-type": "text/plain; version=0.0.4" });
});

const handle = app.build().serve();
const stop = (): void => {
  for (const reader of readers) reader.close(); // they would last until the deadline
  readers.clear();
  handle.shutdown({ deadline: 10_000 });
};
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
db.close();
Deno.exit();

function isAllowed({ headers, cookies }: RequestContext): boolean {
  const authorization = headers.get("authorization") ?? "";
  const given = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (given === undefined) return sessions.has(cookies.get("session") ?? "");
  // Comparing hashes takes the same time for each wrong token.
  const hash = (text: string): Uint8Array =>
    createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(token!));
}

async function readNote(ctx: RequestContext): Promise<[string, string]> {
  const note = await ctx.body.json().catch((error) => {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Problem(400, "The body is not JSON");
  });
  const { title, text = "" } = Object(note);
  if (typeof title !== "string" || title === "" || title.length > 200) {
    throw new Problem(422, "title is not a string of 1 to 200 characters");
  }
  if (typeof text !== "string") throw new Problem(422, "text is not a string");
  return [title, text];
}

type Row = Record<string, SQLOutputValue>;

function existing(row: Row | undefined): Row {
  if (row === undefined) throw new Problem(404, "There is no such note");
  return row;
}

/** Tells the readers of /events about a change. */
function publish(event: string, row: Row | undefined): Row {
  const text = `event: ${event}\ndata: ${JSON.stringify(existing(row))}\n\n`;
  for (const reader of readers) {
    if ((reader.desiredSize ?? 0) > 0) reader.enqueue(text);
    else if (readers.delete(reader)) reader.error(new Error("Too slow"));
  }
  return existing(row);
}
