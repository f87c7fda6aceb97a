/**
 * Section 5, the bytes that are sent for each response of a handler: responses
 * that must not have a body (R112, R113), framing (R116 to R120), and the fields
 * that the library controls (R126, R127, R129).
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseHttpDate } from "../codec/http_date.ts";
import {
  type BodyInit,
  Headers,
  type HeadersInit,
  type ResponseHandle,
} from "../mod.ts";
import { type TestEngine, testEngines } from "./support/engines.ts";
import type { RawResponse } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";

const CHUNKED = { "transfer-encoding": "chunked" };
const LARGE = "x".repeat(10_000);

/** A stream of these pieces that records its cancellation. */
function streamOf(
  pieces: readonly (string | Uint8Array)[],
  onCancel: () => void = () => {},
): ReadableStream<string | Uint8Array> {
  let next = 0;
  return new ReadableStream({
    pull(controller): void {
      const piece = pieces[next++];
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
    cancel: onCancel,
  });
}

/** The fields of a response that concern framing and the connection. */
function framing(response: RawResponse): (string | undefined)[] {
  return ["content-length", "transfer-encoding", "connection"]
    .map((name) => response.headers.get(name));
}

/** Sends one request to a handler that responds like this, and a second one to check that no bytes remain. */
async function answerOf(
  engine: TestEngine,
  respond: (res: ResponseHandle) => void,
  line = "GET /",
): Promise<RawResponse> {
  const peer = engine.timed((_, res) => respond(res));
  const isHead = line.startsWith("HEAD");
  peer.send(request(line));
  const first = await peer.response(isHead);
  peer.send(request(line));
  const second = await peer.response(isHead);
  assertEquals(second.head, first.head);
  assertEquals(second.body, first.body);
  peer.end();
  assertEquals(await peer.finish(), "");
  return first;
}

const heads: readonly (readonly [
  name: string,
  body: () => BodyInit,
  headers: HeadersInit,
  expected: readonly (string | undefined)[],
])[] = [
  ["300 bytes", () => "x".repeat(300), {}, ["300", undefined]],
  ["300 bytes, chunked", () => "x".repeat(300), CHUNKED, [
    undefined,
    "chunked",
  ]],
  ["nothing, and a length of 5", () => null, { "content-length": "5" }, [
    "5",
    undefined,
  ]],
  ["other bytes than its length of 5", () => "abc", {
    "content-length": "5",
  }, ["5", undefined]],
  ["a stream, and a length of 5", () => streamOf(["hello"]), {
    "content-length": "5",
  }, ["5", undefined]],
  ["a stream", () => streamOf([LARGE, LARGE]), {}, [undefined, "chunked"]],
];

for (const [name, body, headers, expected] of heads) {
  testEngines(
    `R112: HEAD gets the fields of ${name}, and no body`,
    async (engine) => {
      const answer = await answerOf(
        engine,
        (res) => res.ok(body(), headers),
        "HEAD /",
      );
      assertEquals(framing(answer), [...expected, undefined]);
    },
  );
}

testEngines(
  "R112: HEAD cancels the source without reading from it",
  async (engine) => {
    for (const line of ["HEAD /", "GET /204", "GET /205", "GET /304"]) {
      let isCanceled = false;
      let pulls = 0;
      const stream = new ReadableStream({
        pull(): void {
          pulls++;
        },
        cancel(): void {
          isCanceled = true;
        },
      }, { highWaterMark: 0 });
      const peer = engine.timed((ctx, res) => {
        res.send(Number(ctx.uri.path.slice(1)) || 200, stream);
      });
      peer.send(request(line));
      const { status } = await peer.response(true);
      peer.end();
      assertEquals(await peer.finish(), "", line);
      assertEquals([isCanceled, pulls], [true, 0], `${line}, ${status}`);
    }
  },
);

testEngines(
  "R112: HEAD on a GET route gets the fields of GET",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("x".repeat(300), { "x-a": "b" }))
    );
    for (const line of ["HEAD /", "GET /"]) {
      using client = await server.connect();
      const { head } = await client.ask(request(line));
      assertEquals(
        head.replace(/date: .*\r\n/, ""),
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\nx-a: b\r\n" +
          "content-length: 300\r\n",
      );
      await client.end();
      assertEquals(await client.toEnd(), "");
    }
  },
);

const bodiless: readonly (readonly [BodyInit, HeadersInit])[] = [
  ["abc", {}],
  [null, { "content-length": "3" }],
  ["abc", { "content-length": "3" }],
  ["abc", CHUNKED],
  [new Uint8Array(100_000), {}],
];

for (const status of [204, 205, 304]) {
  testEngines(
    `R113: ${status} has no content, whatever the handler sends`,
    async (engine) => {
      for (const [body, headers] of bodiless) {
        const answer = await answerOf(
          engine,
          (res) => res.send(status, body, headers),
        );
        const length = status === 205 ? "0" : undefined;
        assertEquals(framing(answer), [length, undefined, undefined]);
      }
      const streamed = await answerOf(
        engine,
        (res) => res.send(status, streamOf([LARGE])),
      );
      assertEquals(streamed.headers.has("transfer-encoding"), false);
    },
  );
}

const sized: readonly (readonly [string, BodyInit, string, string])[] = [
  ["é", "é", "2", "\xc3\xa9"],
  ["€ and more", "€uro", "6", "\xe2\x82\xacuro"],
  ["half a surrogate pair", "\ud800", "3", "\xef\xbf\xbd"],
  ["3 bytes", new Uint8Array([1, 2, 3]), "3", "\x01\x02\x03"],
  ["a view", new Uint8Array([1, 2, 3]).subarray(1), "2", "\x02\x03"],
  ["an ArrayBuffer", new Uint8Array([0xff]).buffer, "1", "\xff"],
  ["an empty string", "", "0", ""],
  ["null", null, "0", ""],
  ["nothing", undefined, "0", ""],
  ["no bytes", new Uint8Array(0), "0", ""],
];

for (const [name, body, length, wire] of sized) {
  testEngines(`R116: ${name} has a length of ${length}`, async (engine) => {
    const answer = await answerOf(engine, (res) => res.ok(body));
    assertEquals(framing(answer), [length, undefined, undefined]);
    assertEquals(answer.body, wire);
  });
}

testEngines(
  "R117: a stream without a length is chunked, with one chunk for each piece",
  async (engine) => {
    const pieces = [LARGE, "a", "é", "b".repeat(70_000), "end"];
    const answer = await answerOf(engine, (res) => res.ok(streamOf(pieces)));
    assertEquals(framing(answer), [undefined, "chunked", undefined]);
    assertEquals(answer.chunks, [
      ...[LARGE, "a", "\xc3\xa9"],
      ...["b".repeat(70_000), "end"],
    ]);
  },
);

testEngines("R117: an async iterable is a stream", async (engine) => {
  async function* pieces(): AsyncGenerator<string | Uint8Array> {
    yield LARGE;
    yield new Uint8Array([0x62]);
  }
  const answer = await answerOf(engine, (res) => res.ok(pieces()));
  assertEquals(answer.chunks, [LARGE, "b"]);
});

for (const pieces of [[LARGE, "", "a", "", ""], ["", LARGE], [LARGE]]) {
  const sizes = pieces.map((piece) => piece.length);
  testEngines(
    `R118: pieces of ${sizes} bytes end with one terminator`,
    async (engine) => {
      const body = pieces.join("");
      for (const headers of [{}, CHUNKED]) {
        const answer = await answerOf(
          engine,
          (res) => res.ok(streamOf(pieces), headers),
        );
        assertEquals(answer.body, body);
        assert(!answer.chunks.includes(""));
      }
    },
  );
}

testEngines(
  "R118: an empty chunked body has one terminator",
  async (engine) => {
    const bodies = [
      () => null,
      () => "",
      () => streamOf([]),
      () => streamOf([""]),
    ];
    for (const body of bodies) {
      const peer = engine.timed((_, res) => res.ok(body(), CHUNKED));
      peer.send(request("GET /"));
      const head = await peer.head();
      assert(head.includes("transfer-encoding: chunked"));
      peer.end();
      assertEquals(await peer.finish(), "0\r\n\r\n");
    }
  },
);

for (const headers of [{}, CHUNKED]) {
  testEngines(
    `R119: a stream to HTTP/1.0 with ${
      JSON.stringify(headers)
    } ends with the connection`,
    async (engine) => {
      for (const pieces of [[LARGE, "", "end"], [LARGE]]) {
        const peer = engine.timed((_, res) =>
          res.ok(streamOf(pieces), headers)
        );
        peer.send("GET / HTTP/1.0\r\n\r\n");
        const answer = await peer.response();
        assertEquals(framing(answer), [undefined, undefined, "close"]);
        assertEquals(answer.body, pieces.join(""));
        await peer.finish();
      }
    },
  );
}

testEngines(
  "R119: HTTP/1.0 gets the length of a string that would be chunked",
  async (engine) => {
    const peer = engine.timed((_, res) => res.ok("abc", CHUNKED));
    peer.send("GET / HTTP/1.0\r\n\r\n");
    const answer = await peer.response();
    assertEquals(framing(answer), ["3", undefined, "close"]);
    assertEquals(answer.body, "abc");
    await peer.finish();
  },
);

const declared: readonly (readonly [string, readonly string[], number])[] = [
  ["5000 at once", ["x".repeat(5000)], 70],
  ["5000 in pieces", Array.from({ length: 50 }, () => "x".repeat(100)), 70],
  ["10,000 at once", [LARGE], 70],
  ["one too many at the end", ["x".repeat(70), "x"], 70],
  ["10", ["x".repeat(10)], 10],
  ["none", [], 0],
];

for (const [name, pieces, sent] of declared) {
  testEngines(
    `R120: of ${name} bytes where 70 were declared, ${sent} are sent, and the connection closes`,
    async (engine) => {
      const errors: unknown[] = [];
      const peer = engine.timed(
        (_, res) => res.ok(streamOf(pieces), { "content-length": "70" }),
        {},
        { error: (error) => void errors.push(error) },
      );
      peer.send(request("GET /") + request("GET /"));
      const head = await peer.head();
      assert(head.includes("content-length: 70\r\n"), head);
      assertEquals(await peer.finish(), "x".repeat(sent));
      assertEquals(errors.length, 1);
      assert(errors[0] instanceof RangeError);
      assertEquals(peer.error, errors[0]);
    },
  );
}

testEngines(
  "R120: 70 of 70 declared bytes are a complete response",
  async (engine) => {
    for (const pieces of [["x".repeat(70)], Array(70).fill("x")]) {
      const answer = await answerOf(
        engine,
        (res) => res.ok(streamOf(pieces), { "content-length": "70" }),
      );
      assertEquals(framing(answer), ["70", undefined, undefined]);
      assertEquals(answer.body, "x".repeat(70));
    }
  },
);

testEngines(
  "R126: every final response has one Date in GMT",
  async (engine) => {
    const peer = engine.timed((ctx, res) => {
      const { path } = ctx.uri;
      if (path === "/own") {
        res.ok("", { dAtE: "Sun, 06 Nov 1994 08:49:00 GMT" });
      } else if (path === "/stream") res.ok(streamOf([LARGE]));
      else if (path === "/throws") throw new Error("scripted");
      else res.send(Number(path.slice(1)));
    });
    for (
      const path of ["200", "204", "304", "404", "503", "stream", "throws"]
    ) {
      peer.send(request(`GET /${path}`));
      const { headers } = await peer.response();
      assertEquals(headers.get("date"), "Sun, 06 Nov 1994 08:49:37 GMT", path);
    }
    peer.send(request("GET /own"));
    const own = await peer.response();
    assertEquals(own.headers.get("date"), "Sun, 06 Nov 1994 08:49:00 GMT");
    peer.send("bad\r\n\r\n");
    const refused = await peer.response();
    assert(parseHttpDate(refused.headers.get("date") ?? "", 0) !== null);
    await peer.finish();
  },
);

testEngines(
  "R127: repeated fields are separate lines, in order",
  async (engine) => {
    const headers = new Headers([["Set-Cookie", "a=1"], ["X", "1"]]);
    headers.add("set-cookie", "b=2; Path=/").add("x", "2");
    const { head } = await answerOf(engine, (res) => res.ok(null, headers));
    assertEquals(
      head.replace(/date: .*\r\n/, ""),
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: 1\r\nset-cookie: b=2; Path=/\r\n" +
        "x: 2\r\ncontent-length: 0\r\n",
    );
  },
);

const connections: readonly (readonly [string, HeadersInit, boolean])[] = [
  ["close", { connection: "close" }, true],
  ["Close in a list", { connection: "x-a, Close ,x-b" }, true],
  ["close in a second line", [["connection", "x-a"], [
    "Connection",
    "close",
  ]], true],
  ["Headers.close", Headers.close, true],
  ["keep-alive", { connection: "keep-alive" }, false],
  ["closed", { connection: "closed" }, false],
];

for (const [name, headers, closes] of connections) {
  testEngines(
    `R127: a handler's Connection, ${name}: at most one line is sent`,
    async (engine) => {
      for (
        const wire of [
          request("GET /"),
          request("GET /", "Connection: close\r\n"),
        ]
      ) {
        const isLast = closes || wire.includes("close");
        const peer = engine.timed((_, res) => res.ok("ok", headers));
        peer.send(wire + request("GET /"));
        const { head } = await peer.response();
        assertEquals(head.match(/^connection: .*$/gim) ?? [], [
          ...isLast ? ["connection: close"] : [],
        ]);
        if (!isLast) await peer.response();
        peer.end();
        assertEquals(await peer.finish(), "");
      }
    },
  );
}

testEngines(
  "R129: trailers follow the last chunk, and are sent nowhere else",
  async (engine) => {
    const rows:
      readonly (readonly [string, () => BodyInit, HeadersInit, string])[] = [
        ["GET /", () => streamOf([LARGE]), {}, "X-Sum: 3\r\n"],
        ["GET /", () => streamOf(["abc"]), {}, "X-Sum: 3\r\n"],
        ["GET /", () => "abc", CHUNKED, "X-Sum: 3\r\n"],
        ["GET /", () => "abc", {}, ""],
        ["GET /", () => streamOf(["abc"]), { "content-length": "3" }, ""],
        ["HEAD /", () => "abc", CHUNKED, ""],
      ];
    for (const [line, body, headers, trailers] of rows) {
      const answer = await answerOf(engine, (res) => {
        res.trailers({ "X-Sum": "3" });
        res.ok(body(), headers);
      }, line);
      assertEquals(answer.trailers, trailers);
    }
    const old = engine.timed((_, res) => {
      res.trailers({ "X-Sum": "3" });
      res.ok(streamOf(["abc"]), CHUNKED);
    });
    old.send("GET / HTTP/1.0\r\n\r\n");
    assertEquals((await old.response()).body, "abc");
    await old.finish();
  },
);

const forbidden =
  "Content-Length Transfer-Encoding Trailer Host Connection Content-Type Set-Cookie";

testEngines(
  "R129: a trailer that is not allowed throws, and the response is complete",
  async (engine) => {
    const wrong: readonly HeadersInit[] = [
      ...forbidden.split(" ").map((name) => ({ [name]: "1" })),
      { "": "x" },
      { "a b": "x" },
      { "x": "a\r\nb" },
      { "x": "\u010d\u010a" },
    ];
    const answer = await answerOf(engine, (res) => {
      for (const headers of wrong) {
        assertThrows(() => res.trailers(headers), TypeError);
      }
      res.ok("abc", CHUNKED);
    });
    assertEquals([answer.body, answer.trailers], ["abc", ""]);
  },
);
