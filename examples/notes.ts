/**
 * A notes application: notes and their files in SQLite, and events of changes.
 *
 *     TOKEN=secret deno run --allow-net=127.0.0.1 --allow-env=TOKEN \
 *       --allow-read=. --allow-write=. examples/notes.ts [PORT] [DATABASE]
 *
 * Without DATABASE, notes are kept in memory. Requests need `Authorization: Bearer
 * TOKEN`, or the cookie that POST /session sets. Errors are problem details (RFC
 * 9457). The first SIGINT or SIGTERM lets running requests finish.
 */
// deno-lint-ignore-file no-console

import { hash, timingSafeEqual } from "node:crypto";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import {
  Headers,
  PreRoutingAction,
  ProtocolError,
  type RequestContext,
  Server,
} from "@khttp/khttp";
import {
  type AcceptedWebSocket,
  acceptWebSocket,
} from "@khttp/khttp/websocket";

const [wanted = "8080", database = ":memory:"] = Deno.args;
const token = Deno.env.get("TOKEN");
if (!token) throw new Error("The environment has no TOKEN");

/** Pages of these origins may use the server. */
const ORIGINS = new Set(["http://127.0.0.1:5173"]);
/** Routes that need no token; `null` is no route, which is answered with 404 or 405. */
const OPEN = new Set([null, "/", "/session", "/metrics"]);
/** Requests that one address may send in a second. */
const MAX_REQUESTS = 100;

const db = new DatabaseSync(database);
db.exec(`
  CREATE TABLE IF NOT EXISTS notes
    (id INTEGER PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS files
    (id INTEGER PRIMARY KEY REFERENCES notes ON DELETE CASCADE, file BLOB) STRICT`);
const list = db.prepare("SELECT * FROM notes WHERE instr(title, ?) LIMIT ?");
const find = db.prepare("SELECT * FROM notes WHERE id = ?");
const add = db.prepare("INSERT INTO notes VALUES (NULL, ?, ?) RETURNING *");
const change = db.prepare(
  "UPDATE notes SET title = ?, text = ? WHERE id = ? RETURNING *",
);
const remove = db.prepare("DELETE FROM notes WHERE id = ? RETURNING *");
const findFile = db.prepare("SELECT file FROM files WHERE id = ?");
const setFile = db.prepare("INSERT OR REPLACE INTO files VALUES (?, ?)");

type Row = Record<string, SQLOutputValue>;

/** An error that the client is told about. */
class Problem extends Error {
  constructor(readonly status: number, detail: string) {
    super(detail);
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
app.preRoutingHook((ctx, { headers }) => {
  const origin = ctx.headers.get("origin") ?? "";
  headers.add("vary", "origin");
  if (!ORIGINS.has(origin)) return PreRoutingAction.proceed;
  headers.add("access-control-allow-origin", origin);
  headers.add("access-control-allow-credentials", "true");
  headers.add("access-control-allow-headers", "authorization, content-type");
  headers.add("access-control-allow-methods", "GET, POST, PUT, DELETE");
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
  if (error instanceof SyntaxError) error = new Problem(400, "Not JSON");
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
  Deno.unrefTimer(setTimeout(() => sessions.delete(id), 3_600_000));
  // Behind TLS, also `secure: true`.
  const options = { path: "/", httpOnly: true, sameSite: "strict" } as const;
  res.setCookie("session", id, { ...options, maxAge: 3600 });
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
  setFile.run(existing(find.get(ctx.params.get("id")))["id"]!, file);
  res.send(204);
});
app.get("/notes/:id/file", (ctx, res) => {
  const row = existing(findFile.get(ctx.params.get("id")));
  const file = row["file"] as Uint8Array<ArrayBuffer>; // a BLOB
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
  }, { highWaterMark: 100 }); // changes that may wait for a slow reader
  res.ok(events, { "content-type": "text/event-stream" });
});

// Search while the user types: each message is a part of a title.
const sockets = new Set<AcceptedWebSocket>();
app.get("/search", async (ctx, res) => {
  const socket = await acceptWebSocket(ctx, res, { maxMessageBytes: 800 });
  if (socket === null) return; // it was no handshake, and is answered
  sockets.add(socket);
  for await (const part of socket) {
    socket.send(JSON.stringify(list.all(String(part), 10)));
  }
  sockets.delete(socket);
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
  // These would last until the deadline.
  for (const socket of sockets) socket.close(1001);
  for (const reader of readers) reader.close();
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
  const expected = hash("sha256", token!, "buffer"); // hashes have equal lengths
  return timingSafeEqual(hash("sha256", given, "buffer"), expected);
}

async function readNote(ctx: RequestContext): Promise<[string, string]> {
  const { title, text = "" } = Object(await ctx.body.json());
  if (typeof title !== "string" || title === "" || title.length > 200) {
    throw new Problem(422, "title is not a string of 1 to 200 characters");
  }
  if (typeof text !== "string") throw new Problem(422, "text is not a string");
  return [title, text];
}

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
