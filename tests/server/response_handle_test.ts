/** The status, byte count and end of a response, as a pre-routing hook sees them. */

import { assertEquals } from "@std/assert";
import {
  type Handler,
  PreRoutingAction,
  Server,
  type ServerBuilder,
} from "../../mod.ts";
import { LISTEN, testEngine, testEngines } from "../support/engines.ts";
import { MemoryConnection } from "../support/memory_duplex.ts";
import { request } from "../support/serve.ts";
import { until } from "../support/turns.ts";

const LARGE = "x".repeat(10_000);

/** Records the target, status, body bytes and end of each request. */
function note(app: ServerBuilder, notes: string[]): void {
  app.preRoutingHook((req, res) => {
    assertEquals([res.status, res.bodyBytes, res.isSent], [null, 0, false]);
    const write = (end: string): void => {
      // The request can still be read.
      notes.push(
        `${req.method} ${req.uri} ${res.status} ${res.bodyBytes}${end}`,
      );
    };
    res.sent.then(() => write(""), (error) => write(` ${error.message}`));
    return PreRoutingAction.proceed;
  });
}

/** A stream that gives these pieces and then fails. */
async function* failAfter(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
  throw new Error("source");
}

const rows: readonly (readonly [what: string, Handler, string])[] = [
  ["no body", (_, res) => res.send(404), "404 0"],
  ["text", (_, res) => res.ok("abc"), "200 3"],
  ["text that is not ASCII", (_, res) => res.ok("é"), "200 2"],
  ["bytes", (_, res) => res.send(201, new Uint8Array(9)), "201 9"],
  ["long text", (_, res) => res.ok(LARGE), "200 10000"],
  [
    "a short stream",
    (_, res) => res.ok(ReadableStream.from(["ab", "", "c"])),
    "200 3",
  ],
  [
    "a chunked stream",
    (_, res) => res.ok(ReadableStream.from([LARGE, LARGE])),
    "200 20000",
  ],
  [
    "a stream with a declared length",
    (_, res) =>
      res.ok(ReadableStream.from([LARGE]), { "content-length": "10000" }),
    "200 10000",
  ],
  [
    "a body that its status forbids",
    (_, res) => res.send(304, "abc"),
    "304 0",
  ],
  [
    "a late response",
    async (_, res) => {
      await Promise.resolve();
      res.ok("abc");
    },
    "200 3",
  ],
  [
    "a handler that throws",
    () => {
      throw new Error("handler");
    },
    "500 5",
  ],
  ["no answer", () => {}, "500 5"],
  [
    "a stream that fails before the head",
    (_, res) => res.ok(failAfter("abc")),
    "500 5",
  ],
  [
    "a handler that throws after it started a stream",
    (_, res) => {
      res.ok(ReadableStream.from(["abc"]));
      throw new Error("handler");
    },
    "500 5", // the stream was not sent yet, so the hook can respond
  ],
];

for (const [what, handler, expected] of rows) {
  testEngines(`res reports the status and bytes of ${what}`, async (engine) => {
    const notes: string[] = [];
    await using server = engine.serve((app) => {
      note(app, notes);
      app.get("/", handler);
      app.errorHook((_error, _ctx, res) => res.send(500, "sorry"));
    });
    using client = await server.connect();
    await client.ask(request("GET /"));
    await until(() => notes.length === 1);
    const head = await client.ask(request("HEAD /"));
    await until(() => notes.length === 2);
    assertEquals(notes, [`GET / ${expected}`, `HEAD / ${head.status} 0`]);
  });
}

testEngines(
  "res reports responses that the library sends itself",
  async (engine) => {
    const notes: string[] = [];
    await using server = engine.serve((app) => {
      note(app, notes);
      app.get("/", (_, res) => res.ok());
    });
    using client = await server.connect();
    const lines = ["GET /nope", "POST /", "BREW /", "OPTIONS /"];
    await client.send(lines.map((line) => request(line)).join(""));
    for (const _ of lines) await client.response();
    await until(() => notes.length === lines.length);
    assertEquals(notes, [
      "GET /nope 404 9",
      "POST / 405 18",
      "BREW / 501 15",
      "OPTIONS / 200 0",
    ]);
  },
);

testEngines(
  "res.sent rejects with the error of a stream that fails after the head",
  async (engine) => {
    const notes: string[] = [];
    await using server = engine.serve((app) => {
      note(app, notes);
      app.get("/", (_, res) => res.ok(failAfter(LARGE)));
    });
    using client = await server.connect();
    await client.send(request("GET /"));
    await client.toEnd();
    await until(() => notes.length === 1);
    assertEquals(notes, ["GET / 200 10000 source"]);
  },
);

testEngine(
  LISTEN,
  "res.sent rejects when the peer leaves before the response",
  async () => {
    const notes: string[] = [];
    const isRunning = Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<void>();
    const app = Server.builder("127.0.0.1:0");
    const late: string[] = [];
    note(app, notes);
    app.get("/", async (_, res) => {
      isRunning.resolve();
      await promise;
      res.ok("abc");
      await res.sent.catch((error) => late.push(error.message));
    });
    const connection = new MemoryConnection();
    const served = app.build().handle(connection.duplex);
    connection.send(request("GET /"));
    await isRunning.promise;
    connection.reset(new Error("reset"));
    await served;
    await until(() => notes.length === 1);
    assertEquals(notes, ["GET / null 0 reset"]);
    resolve();
    await until(() => late.length === 1);
    assertEquals(late, ["reset"]);
  },
);

testEngines(
  "res.sent rejects for a request that a hook drops without a response",
  async (engine) => {
    const ends: string[] = [];
    await using server = engine.serve((app) => {
      app.preRoutingHook((_, res) => {
        res.sent.catch((error) => ends.push(error.message));
        return PreRoutingAction.drop;
      });
    });
    using client = await server.connect();
    await client.send(request("GET /"));
    assertEquals(await client.toEnd(), "");
    assertEquals(ends, ["Cannot complete: the request was dropped"]);
  },
);

testEngines("res reports a connection that was taken over", async (engine) => {
  const notes: string[] = [];
  await using server = engine.serve((app) => {
    note(app, notes);
    app.get("/up", async (_, res) => (await res.upgrade("x")).close());
    app.get("/raw", async (_, res) => (await res.hijack()).close());
  });
  const fields = "Connection: upgrade\r\nUpgrade: x\r\n";
  for (const path of ["/up", "/raw"]) {
    using client = await server.connect();
    await client.send(request(`GET ${path}`, fields));
    await client.toEnd();
  }
  await until(() => notes.length === 2);
  assertEquals(notes, ["GET /up 101 0", "GET /raw null 0"]);
});

testEngines(
  "ctx.bodyBytes counts a request's body without its framing",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", async (ctx, res) => {
        const before = ctx.bodyBytes;
        await ctx.body.bytes();
        res.ok(`${before} ${ctx.bodyBytes}`);
      });
      app.get("/", (ctx, res) => res.ok(String(ctx.bodyBytes)));
    });
    using client = await server.connect();
    const chunked = "Transfer-Encoding: chunked\r\n";
    const chunks = "2;x=y\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
    const cases = [
      [request("GET /"), "0"],
      [request("POST /", "", "abcd"), "0 4"],
      [request("POST /", chunked, chunks), "0 5"],
    ] as const;
    for (const [wire, body] of cases) {
      assertEquals((await client.ask(wire)).body, body);
    }
  },
);

testEngines(
  "res.sent resolves for a response that was sent before the connection closed",
  async (engine) => {
    const asked = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    await using server = engine.serve((app) =>
      app.get("/", async (_, res) => {
        res.ok("hi");
        await end.promise;
        await res.sent.then(asked.resolve, asked.reject);
      })
    );
    using client = await server.connect();
    await client.send(request("GET /", "Connection: close\r\n"));
    assertEquals((await client.response()).body, "hi");
    assertEquals(await client.toEnd(), "");
    client.close();
    await until(() => server.handle.connectionCount === 0);
    end.resolve();
    await asked.promise;
  },
);
