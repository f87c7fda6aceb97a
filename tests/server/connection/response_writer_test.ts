/** The bytes that are sent for each kind of body, and the end of a response. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type BodyInit,
  Headers,
  type HeadersInit,
  Server,
} from "../../../mod.ts";
import { LISTEN, testEngine, testEngines } from "../../support/engines.ts";
import { MemoryConnection } from "../../support/memory_duplex.ts";
import { request } from "../../support/serve.ts";

/** A stream of these pieces. */
async function* streamOf(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
}

const CHUNKED = { "transfer-encoding": "chunked" };
const LARGE = "x".repeat(10_000);

interface Row {
  readonly name: string;
  readonly body: () => BodyInit;
  readonly headers?: HeadersInit;
  readonly text: string;
  /** The Content-Length that is sent; `null` for chunked. */
  readonly length: number | null;
  /** The number of writes, if it is guaranteed. */
  readonly writes?: number;
}

const rows: readonly Row[] = [
  { name: "nothing", body: () => null, text: "", length: 0, writes: 1 },
  { name: "an empty string", body: () => "", text: "", length: 0, writes: 1 },
  { name: "ASCII text", body: () => "abc", text: "abc", length: 3, writes: 1 },
  {
    name: "text with 2 bytes for each character",
    body: () => "é",
    text: "\xc3\xa9",
    length: 2,
    writes: 1,
  },
  {
    name: "bytes under 2 KiB",
    body: () => new Uint8Array(2048).fill(0x78),
    text: "x".repeat(2048),
    length: 2048,
    writes: 1,
  },
  {
    name: "an ArrayBuffer",
    body: () => new Uint8Array([0x61, 0x62]).buffer,
    text: "ab",
    length: 2,
    writes: 1,
  },
  {
    name: "bytes over 2 KiB",
    body: () => new Uint8Array(200_000).fill(0x78),
    text: "x".repeat(200_000),
    length: 200_000,
    writes: 2,
  },
  {
    name: "a short stream of a declared length",
    body: () => streamOf("ab", "", "c"),
    headers: { "content-length": "3" },
    text: "abc",
    length: 3,
    writes: 1,
  },
  {
    name: "a long stream of a declared length",
    body: () => streamOf(LARGE, LARGE),
    headers: { "Content-Length": "20000" },
    text: LARGE + LARGE,
    length: 20_000,
  },
  {
    name: "a short stream of no declared length",
    body: () => streamOf("ab", "", "c"),
    text: "abc",
    length: 3,
    writes: 1,
  },
  {
    name: "an empty stream",
    body: () => streamOf(),
    text: "",
    length: 0,
    writes: 1,
  },
  {
    name: "a stream over 8 KiB",
    body: () => streamOf(LARGE, "", "end"),
    text: `${LARGE}end`,
    length: null,
  },
  {
    name: "a web stream over 8 KiB",
    body: () => ReadableStream.from([LARGE, LARGE]),
    text: LARGE + LARGE,
    length: null,
  },
  {
    name: "text with fields that ask for chunked",
    body: () => "abc",
    headers: CHUNKED,
    text: "abc",
    length: null,
  },
  {
    name: "nothing with fields that ask for chunked",
    body: () => null,
    headers: CHUNKED,
    text: "",
    length: null,
  },
  {
    name: "a short stream with fields that ask for chunked",
    body: () => streamOf("ab", "", "c"),
    headers: CHUNKED,
    text: "abc",
    length: null,
  },
];

for (const { name, body, headers, text, length, writes } of rows) {
  testEngines(`res.ok() frames ${name}`, async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok(body(), headers));
    });
    using client = await server.connect();
    for (let n = 0; n < 2; n++) {
      const answer = await client.ask(request("GET /"));
      assertEquals(answer.body, text);
      const lines = ["content-length", "transfer-encoding", "connection"]
        .map((field) => answer.headers.get(field));
      assertEquals(
        lines,
        length === null
          ? [undefined, "chunked", undefined]
          : [String(length), undefined, undefined],
      );
      assert(answer.headers.get("date")?.endsWith(" GMT"));
      assert(!answer.chunks.includes(""));
    }
  });

  if (writes === undefined) continue;
  testEngine(
    LISTEN,
    `res.ok() sends ${name} in ${writes} writes`,
    async () => {
      const app = Server.builder("127.0.0.1:0");
      app.get("/", (_, res) => res.ok(body(), headers));
      const connection = new MemoryConnection();
      const served = app.build().handle(connection.duplex);
      for (let n = 0; n < 2; n++) {
        connection.send(request("GET /"));
        await connection.response();
      }
      assertEquals(connection.writes.length, writes * 2);
      connection.end();
      await served;
    },
  );
}

for (const { name, body, headers = {}, length } of rows) {
  testEngines(
    `HEAD gets the head of ${name} and no body`,
    async (engine) => {
      await using server = engine.serve((app) => {
        app.get("/", (_, res) => res.ok(body(), headers));
      });
      using client = await server.connect();
      const head = await client.ask(request("HEAD /"));
      // The stream is not read, so only a declared length is known.
      const isDeclared = /length/i.test(Object.keys(headers).join());
      const isKnown = length !== null && (isDeclared || !isStream(body()));
      assertEquals(
        head.headers.get("content-length"),
        isKnown ? String(length) : undefined,
      );
      assertEquals((await client.ask(request("HEAD /"))).head, head.head);
    },
  );
}

function isStream(body: BodyInit): boolean {
  return typeof body === "object" && body !== null &&
    Symbol.asyncIterator in body;
}

for (const status of [204, 205, 304]) {
  testEngines(`status ${status} never has content`, async (engine) => {
    const bodies = [() => "abc", () => streamOf(LARGE), () => null];
    await using server = engine.serve((app) => {
      for (const [n, body] of bodies.entries()) {
        app.get(`/${n}`, (_, res) => res.send(status, body()));
      }
    });
    using client = await server.connect();
    for (const n of bodies.keys()) {
      const { headers } = await client.ask(request(`GET /${n}`));
      const length = headers.get("content-length");
      assertEquals(length, status === 205 ? "0" : undefined);
      assertEquals(headers.get("transfer-encoding"), undefined);
    }
  });
}

for (const headers of [undefined, CHUNKED]) {
  testEngines(
    `a stream to HTTP/1.0 ends with the connection, ${
      headers ? "chunked asked for or" : "chunked"
    } not`,
    async (engine) => {
      await using server = engine.serve((app) => {
        app.get("/", (_, res) => res.ok(streamOf(LARGE, "end"), headers));
      });
      using client = await server.connect();
      const answer = await client.ask("GET / HTTP/1.0\r\n\r\n");
      assertEquals(answer.body, `${LARGE}end`);
      assertEquals(answer.headers.get("transfer-encoding"), undefined);
      assertEquals(answer.headers.get("content-length"), undefined);
      assertEquals(answer.headers.get("connection"), "close");
    },
  );
}

testEngines(
  "fields keep their order, Set-Cookie its separate lines, and a handler's Date its position",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        const headers = new Headers().add("Set-Cookie", "a=1").add("X", "y");
        headers.add("set-cookie", "b=2").add("Date", "then");
        res.ok(null, headers);
      });
      app.get("/undated", (_, res) => res.ok(null, Headers.noDate));
    });
    using client = await server.connect();
    const { head } = await client.ask(request("GET /"));
    assertEquals(
      head,
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\n" +
        "Date: then\r\ncontent-length: 0\r\n",
    );
    const undated = await client.ask(request("GET /undated"));
    assertEquals(undated.head, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n");
  },
);

testEngines(
  "a list of fields that changes between responses is sent with its new values",
  async (engine) => {
    const fields = new Headers({ "x-n": "1" });
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok("same", fields));
    });
    using client = await server.connect();
    const heads = async (): Promise<string[]> => {
      const answers = [];
      // the third response reuses the encoded fields
      for (let turn = 0; turn < 3; turn++) {
        answers.push((await client.ask(request("GET /"))).head);
      }
      return [...new Set(answers.map((head) => head.replace(/date:.*/, "D")))];
    };
    const TYPE = "content-type: text/plain; charset=utf-8\r\n";
    const lines = (text: string): string[] => [
      `HTTP/1.1 200 OK\r\n${text}content-length: 4\r\n`,
    ];
    assertEquals(await heads(), lines(`D\r\n${TYPE}x-n: 1\r\n`));
    fields.noDate = true;
    assertEquals(await heads(), lines(`${TYPE}x-n: 1\r\n`));
    fields.set("x-n", "2");
    assertEquals(await heads(), lines(`${TYPE}x-n: 2\r\n`));
  },
);

testEngines(
  "each of three hundred concurrent connections gets its own responses",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/:name", (ctx, res) => res.ok(ctx.params.get("name")));
    });
    const names = Array.from({ length: 300 }, (_, index) => `n${index}`);
    const clients = await Promise.all(names.map(() => server.connect()));
    try {
      for (let turn = 0; turn < 2; turn++) {
        const answers = await Promise.all(
          clients.map((client, index) =>
            client.ask(request(`GET /${names[index]}`))
          ),
        );
        assertEquals(answers.map(({ body }) => body), names);
      }
    } finally {
      for (const client of clients) client.close();
    }
  },
);

const wrongLengths: readonly HeadersInit[] = [
  { "content-length": "4" },
  { "content-length": "+3" },
  { "content-length": "3, 3" },
  { "content-length": "3", "Content-Length": "3" },
  { "content-length": "3", ...CHUNKED },
  { "transfer-encoding": "gzip" },
];

for (const headers of wrongLengths) {
  testEngines(
    `res.ok() with 3 bytes rejects ${JSON.stringify(headers)}`,
    async (engine) => {
      await using server = engine.serve((app) => {
        app.get("/", (_, res) => {
          assertThrows(() => res.ok("abc", headers), TypeError);
          res.ok("still unsent");
        });
      });
      using client = await server.connect();
      assertEquals((await client.ask(request("GET /"))).body, "still unsent");
    },
  );
}

testEngines(
  "res.trailers() are sent after a chunked body, and dropped with any other",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/chunked", (_, res) => {
        async function* pieces(): AsyncGenerator<string> {
          yield "abc";
          res.trailers({ "X-Sum": "3" });
        }
        res.ok(pieces(), CHUNKED);
      });
      app.get("/length", (_, res) => {
        res.trailers({ "X-Sum": "3" });
        res.ok("abc");
      });
      app.get("/forbidden", (_, res) => {
        assertThrows(() => res.trailers({ "Content-Length": "3" }), TypeError);
        res.ok("abc");
        assertThrows(() => res.trailers({ "X-Sum": "3" }), TypeError);
      });
    });
    using client = await server.connect();
    const chunked = await client.ask(request("GET /chunked"));
    assertEquals([chunked.body, chunked.trailers], ["abc", "X-Sum: 3\r\n"]);
    for (const path of ["/length", "/forbidden"]) {
      const plain = await client.ask(request(`GET ${path}`));
      assertEquals([plain.body, plain.trailers], ["abc", ""]);
    }
  },
);

testEngines(
  "res.informational() is sent before the final response, and never to HTTP/1.0",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        assertThrows(() => res.informational(101), RangeError);
        assertThrows(() => res.informational(200), RangeError);
        res.informational(103, { link: "</a.css>; rel=preload" });
        res.ok("done");
      });
    });
    using client = await server.connect();
    const early = await client.ask(request("GET /"));
    assertEquals(
      early.head,
      "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n",
    );
    assertEquals((await client.response()).body, "done");
    using old = await server.connect();
    const final = await old.ask("GET / HTTP/1.0\r\n\r\n");
    assertEquals([final.status, final.body], [200, "done"]);
  },
);
