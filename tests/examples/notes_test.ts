/** The notes application, as a client and a page in a browser use it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "../support/program.ts";

const ORIGIN = "http://127.0.0.1:5173";

function startNotes(): Promise<Program> {
  return Program.start({
    args: [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1:0",
      "--allow-env=TOKEN",
      "examples/notes.ts",
      "0",
    ],
    env: { TOKEN: "secret" },
  });
}

/** Sends requests with the token. */
class NotesClient {
  readonly base: string;

  constructor(program: Program) {
    this.base = `http://127.0.0.1:${program.port}`;
  }

  /** Sends a request, and returns the status, the body as JSON or a string, and the fields. */
  async send(
    method: string,
    path: string,
    body?: BodyInit,
    headers: Record<string, string> = { authorization: "Bearer secret" },
  ): Promise<{ status: number; body: unknown; headers: Headers }> {
    const response = await fetch(this.base + path, {
      method,
      headers,
      body: body ?? null,
      redirect: "manual",
    });
    const text = await response.text();
    const type = response.headers.get("content-type") ?? "";
    return {
      status: response.status,
      body: /json/.test(type) ? JSON.parse(text) : text,
      headers: response.headers,
    };
  }

  /** Adds a note. */
  async add(title: string): Promise<void> {
    const note = JSON.stringify({ title });
    assertEquals((await this.send("POST", "/notes", note)).status, 201);
  }
}

Deno.test("notes are added, found, changed and removed", async () => {
  await using program = await startNotes();
  const client = new NotesClient(program);
  const draft = JSON.stringify({ title: "Milk", text: "two" });
  const added = await client.send("POST", "/notes", draft);
  const milk = { id: 1, title: "Milk", text: "two" };
  assertEquals([added.status, added.body], [201, milk]);
  assertEquals(added.headers.get("location"), "/notes/1");
  await client.add("Bread");
  const bread = { id: 2, title: "Bread", text: "" };

  assertEquals((await client.send("GET", "/notes/1")).body, milk);
  assertEquals((await client.send("GET", "/notes")).body, [milk, bread]);
  assertEquals((await client.send("GET", "/notes?limit=1")).body, [milk]);
  assertEquals((await client.send("GET", "/notes?q=rea")).body, [bread]);
  const changed = JSON.stringify({ title: "Rye" });
  assertEquals((await client.send("PUT", "/notes/2", changed)).body, {
    ...bread,
    title: "Rye",
  });
  assertEquals((await client.send("DELETE", "/notes/1")).status, 204);
  assertEquals((await client.send("GET", "/notes/1")).status, 404);

  const home = await client.send("GET", "/");
  assertEquals([home.status, home.headers.get("location")], [302, "/notes"]);
});

Deno.test("notes answers what it refuses with problem details", async () => {
  await using program = await startNotes();
  const client = new NotesClient(program);
  const long = JSON.stringify({ title: "x".repeat(201) });
  const rows: readonly (readonly [
    string,
    string,
    string | undefined,
    number,
    string | undefined,
  ])[] = [
    ["POST", "/notes", "{", 400, "Not JSON"],
    [
      "POST",
      "/notes",
      "null",
      422,
      "title is not a string of 1 to 200 characters",
    ],
    [
      "POST",
      "/notes",
      long,
      422,
      "title is not a string of 1 to 200 characters",
    ],
    ["POST", "/notes", '{"title":"a","text":1}', 422, "text is not a string"],
    [
      "GET",
      "/notes?limit=0",
      undefined,
      400,
      "limit is not an integer from 1 to 100",
    ],
    ["GET", "/notes/7", undefined, 404, "There is no such note"],
    ["PUT", "/notes/7", '{"title":"a"}', 404, "There is no such note"],
    ["DELETE", "/notes/x", undefined, 404, "There is no such note"],
    ["PUT", "/notes/7/file", "x", 404, "There is no such note"],
    ["GET", "/nothing", undefined, 404, undefined],
  ];
  for (const [method, path, body, status, detail] of rows) {
    const refused = await client.send(method, path, body);
    const type = refused.headers.get("content-type");
    assertEquals([path, type], [path, "application/problem+json"]);
    const { title: _, ...problem } = refused.body as Record<string, unknown>;
    assertEquals(
      problem,
      detail === undefined ? { status } : { detail, status },
    );
    assertEquals(refused.status, status);
  }
  // What routes answer by themselves.
  const wrong = await client.send("PATCH", "/notes/1", "x");
  assertEquals(wrong.status, 405);
  assertEquals(program.stderr, "");
});

Deno.test("notes lets in a token or the cookie of a session, and no one else", async () => {
  await using program = await startNotes();
  const client = new NotesClient(program);
  for (
    const headers of [{}, { authorization: "Bearer wrong" }, {
      cookie: "session=x",
    }]
  ) {
    const refused = await client.send("GET", "/notes", undefined, {
      ...headers,
    });
    assertEquals(refused.status, 401);
    assertEquals(refused.headers.get("www-authenticate"), "Bearer");
    const post = await client.send("POST", "/session", undefined, {
      ...headers,
    });
    assertEquals(post.status, 401);
  }
  const opened = await client.send("POST", "/session");
  assertEquals(opened.status, 204);
  const [line = ""] = opened.headers.getSetCookie();
  assertMatch(
    line,
    /^session=[0-9a-f-]{36}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict$/,
  );
  const [cookie = ""] = line.split(";");
  assertEquals(
    (await client.send("GET", "/notes", undefined, { cookie })).status,
    200,
  );
});

Deno.test("notes allows pages of its origin only", async () => {
  await using program = await startNotes();
  const client = new NotesClient(program);
  const preflight = {
    origin: ORIGIN,
    "access-control-request-method": "PUT",
  };
  const allowed = await client.send(
    "OPTIONS",
    "/notes/1",
    undefined,
    preflight,
  );
  assertEquals([allowed.status, allowed.body], [200, ""]);
  assertEquals(allowed.headers.get("access-control-allow-origin"), ORIGIN);
  assertMatch(allowed.headers.get("access-control-allow-methods") ?? "", /PUT/);
  const headers = { authorization: "Bearer secret", origin: ORIGIN };
  const missing = await client.send("GET", "/notes/1", undefined, headers);
  assertEquals(missing.status, 404);
  assertEquals(missing.headers.get("access-control-allow-origin"), ORIGIN);
  const foreign = { ...headers, origin: "http://evil.example" };
  const other = await client.send("GET", "/notes", undefined, foreign);
  assertEquals(other.headers.get("access-control-allow-origin"), null);
  assertEquals(other.headers.get("vary"), "origin");
});

Deno.test("notes takes a file, and gives it back whole or in part", async () => {
  await using program = await startNotes();
  const client = new NotesClient(program);
  await client.add("with a file");
  assertEquals((await client.send("GET", "/notes/1/file")).status, 404);
  const put = await client.send("PUT", "/notes/1/file", "0123456789");
  assertEquals(put.status, 204);
  const rows = [
    ["", 200, "0123456789", null],
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=7-99", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 200, "0123456789", null],
    [
      "bytes=10-",
      416,
      { title: "Range Not Satisfiable", status: 416 },
      "bytes */10",
    ],
  ] as const;
  for (const [range, status, body, part] of rows) {
    const headers = { authorization: "Bearer secret", range };
    const got = await client.send("GET", "/notes/1/file", undefined, headers);
    assertEquals([range, got.status, got.body], [range, status, body]);
    assertEquals(got.headers.get("content-range"), part);
  }
  assertEquals((await client.send("PUT", "/notes/1/file")).status, 204);
  const empty = await client.send("GET", "/notes/1/file");
  assertEquals([empty.status, empty.body], [200, ""]);
  assertEquals((await client.send("DELETE", "/notes/1")).status, 204);
  await client.add("the next one, which has the same number");
  assertEquals((await client.send("GET", "/notes/1")).status, 200);
  assertEquals((await client.send("GET", "/notes/1/file")).status, 404);
  const large = await client.send(
    "PUT",
    "/notes/1/file",
    "x".repeat(9_000_000),
  );
  assertEquals(large.status, 413);
});

Deno.test("notes tells its readers about each change, and ends their streams when it stops", async () => {
  await using program = await startNotes();
  const client = new NotesClient(program);
  const headers = { authorization: "Bearer secret" };
  const response = await fetch(`${client.base}/events`, { headers });
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const pieces = response.body!.pipeThrough(new TextDecoderStream())
    .getReader();
  await client.add("Milk");
  const note = JSON.stringify({ id: 1, title: "Milk", text: "" });
  const event = `event: added\ndata: ${note}\n\n`;
  assertEquals((await pieces.read()).value, event);
  program.signal("SIGTERM");
  assert((await pieces.read()).done);
  assertEquals([await program.ended(), program.stderr], [0, ""]);
});

Deno.test("notes searches over a WebSocket, which it closes when it stops", async () => {
  await using program = await startNotes();
  const client = new NotesClient(program);
  await client.add("Milk");
  await client.add("Oat milk");
  const url = `${client.base.replace("http", "ws")}/search`;
  const socket = new WebSocket(url, {
    headers: { authorization: "Bearer secret" },
  });
  const next = (name: string): Promise<Event> =>
    new Promise((resolve) => {
      socket.addEventListener(name, resolve, { once: true });
    });
  await next("open");
  for (const [part, titles] of [["ilk", 2], ["Oat", 1], ["x", 0]] as const) {
    socket.send(part);
    const { data } = await next("message") as MessageEvent;
    assertEquals([part, JSON.parse(data).length], [part, titles]);
  }
  const closed = next("close");
  program.signal("SIGTERM");
  assertEquals((await closed as CloseEvent).code, 1001);
  assertEquals([await program.ended(), program.stderr], [0, ""]);
});

Deno.test("notes limits the requests of an address, and counts all of them", async () => {
  await using program = await startNotes();
  const client = new NotesClient(program);
  const statuses = await Promise.all(
    Array.from(
      { length: 250 },
      async () => (await client.send("GET", "/notes")).status,
    ),
  );
  const refused = statuses.filter((status) => status === 429).length;
  assert(refused > 0 && refused <= 150, `${refused} refused`);
  await new Promise((resolve) => setTimeout(resolve, 1100)); // the next second
  const { body, headers } = await client.send("GET", "/metrics", undefined, {});
  assertEquals(headers.get("content-type"), "text/plain; version=0.0.4");
  assertEquals(
    body,
    "# TYPE http_requests_total counter\n" +
      [[200, 250 - refused], [429, refused]].map(([status, count]) =>
        `http_requests_total{method="GET",route="/notes",status="${status}"} ${count}\n`
      ).toSorted().join(""),
  );
});
