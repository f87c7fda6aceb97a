/**
 * The type of a response's body: strings are plain text unless the application
 * says otherwise, and HTML, JSON, redirects and problems have calls of their own
 * (RFC 9110 §8.3, §15.4, RFC 9457).
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Headers, type ResponseHandle } from "../mod.ts";
import { type TestEngine, testEngines } from "./support/engines.ts";
import type { RawResponse } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";

const TEXT = "text/plain; charset=utf-8";
const LARGE = "x".repeat(10_000);

/** Asks for a response that is sent like this, three times: the last one may come from a cache. */
async function answerOf(
  engine: TestEngine,
  respond: (res: ResponseHandle) => void,
  line = "GET /",
): Promise<RawResponse> {
  await using server = engine.serve((app) => {
    app.get("/", (_, res) => respond(res));
  });
  using client = await server.connect();
  const answers: RawResponse[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await client.send(request(line));
    answers.push(await client.response(line.startsWith("HEAD")));
  }
  const [first, second, third] = answers;
  const lines = (answer?: RawResponse): string[] | undefined =>
    answer?.head.split("\r\n").filter((text) => !text.startsWith("date:"));
  assertEquals(lines(second), lines(first));
  assertEquals(lines(third), lines(first));
  return first!; // three were received
}

const markup = "<script>alert(1)</script>";

const types: readonly (readonly [
  what: string,
  respond: (res: ResponseHandle) => void,
  type: string | undefined,
])[] = [
  ["a short string", (res) => res.ok(markup), TEXT],
  ["an empty string", (res) => res.ok(""), TEXT],
  ["a string that is not ASCII", (res) => res.ok("é"), TEXT],
  ["a long string", (res) => res.ok(LARGE), TEXT],
  ["a string with another status", (res) => res.send(404, "no"), TEXT],
  ["a string with fields", (res) => res.ok("a", { "x-a": "b" }), TEXT],
  [
    "a string in chunks",
    (res) => res.ok("abc", { "transfer-encoding": "chunked" }),
    TEXT,
  ],
  [
    "a string with a type",
    (res) => res.ok("a", { "Content-Type": "text/csv" }),
    "text/csv",
  ],
  [
    "a long string with a type",
    (res) => res.ok(LARGE, new Headers({ "content-type": "text/csv" })),
    "text/csv",
  ],
  ["no body", (res) => res.ok(), undefined],
  ["bytes", (res) => res.ok(new Uint8Array(3)), undefined],
  ["a stream", (res) => res.ok(ReadableStream.from(["a"])), undefined],
  ["a string with 204", (res) => res.send(204, "a"), undefined],
  ["a string with 304", (res) => res.send(304, "a"), undefined],
];

for (const [what, respond, type] of types) {
  testEngines(
    `${what} is sent ${type === undefined ? "without a type" : `as ${type}`}`,
    async (engine) => {
      const { headers } = await answerOf(engine, respond);
      assertEquals(headers.get("content-type"), type);
      const toHead = await answerOf(engine, respond, "HEAD /");
      assertEquals(toHead.headers.get("content-type"), type);
    },
  );
}

testEngines(
  "a string and bytes in turn each keep their own type",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/text", (_, res) => res.ok("abc"));
      app.get("/bytes", (_, res) => res.ok(new Uint8Array(3)));
    });
    using client = await server.connect();
    for (let turn = 0; turn < 4; turn++) {
      const text = await client.ask(request("GET /text"));
      assertEquals(text.headers.get("content-type"), TEXT);
      const bytes = await client.ask(request("GET /bytes"));
      assertEquals(bytes.headers.get("content-type"), undefined);
    }
  },
);

testEngines(
  "automatic answers have a short body and its type",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok());
      app.get("/throws", () => {
        throw new Error("secret");
      });
    }, { maxTargetBytes: 100 });
    const cases = [
      ["GET /none", "404 Not Found"],
      ["POST /", "405 Method Not Allowed"],
      ["BREW /", "501 Not Implemented"],
      ["GET /throws", "500 Internal Server Error"],
      [`GET /${LARGE}`, "414 URI Too Long"],
      ["GET", "400 Bad Request"],
    ] as const;
    for (const [line, answer] of cases) {
      using client = await server.connect();
      const { status, body, headers } = await client.ask(request(line));
      assertEquals(`${status} ${body}`, answer);
      assertEquals(headers.get("content-type"), TEXT);
    }
    using client = await server.connect();
    const { headers } = await client.ask(request("OPTIONS /"));
    assertEquals(
      [headers.get("content-length"), headers.get("content-type")],
      ["0", undefined],
    );
  },
);

testEngines(
  "html(), json() and problem() set status, type and body",
  async (engine) => {
    const problem = "application/problem+json";
    const cases: readonly (readonly [
      respond: (res: ResponseHandle) => void,
      status: number,
      type: string,
      body: string,
    ])[] = [
      [(res) => res.html("<p>ä"), 200, "text/html; charset=utf-8", "<p>Ã¤"],
      [(res) => res.json({ a: [1] }), 200, "application/json", '{"a":[1]}'],
      [(res) => res.json(null, 201), 201, "application/json", "null"],
      [
        (res) => res.json(1, 200, { "content-type": "application/hal+json" }),
        200,
        "application/hal+json",
        "1",
      ],
      [
        (res) => res.problem(404),
        404,
        problem,
        '{"title":"Not Found","status":404}',
      ],
      [
        (res) => res.problem(422, { detail: "empty", title: "Text", at: 1 }),
        422,
        problem,
        '{"detail":"empty","title":"Text","at":1,"status":422}',
      ],
    ];
    for (const [respond, status, type, body] of cases) {
      const answer = await answerOf(engine, respond);
      assertEquals(
        [answer.status, answer.headers.get("content-type"), answer.body],
        [status, type, body],
      );
    }
    const { headers } = await answerOf(
      engine,
      (res) => res.html("", 200, { "x-a": "b" }),
    );
    assertEquals(headers.get("x-a"), "b");
  },
);

testEngines(
  "redirect() sends an address that cannot end the field",
  async (engine) => {
    const cases = [
      ["/a?b=c#d", "/a?b=c#d"],
      ["/a b", "/a%20b"],
      ["/ä\r\nx: y", "/%C3%A4%0D%0Ax:%20y"],
      ["/\ud800", "/%EF%BF%BD"],
      [new URL("http://a.example/ö"), "http://a.example/%C3%B6"],
    ] as const;
    for (const [location, expected] of cases) {
      const { status, headers, body } = await answerOf(
        engine,
        (res) => res.redirect(location),
      );
      assertEquals([status, headers.get("location"), body], [
        302,
        expected,
        "",
      ]);
      assert(!headers.has("x") && !headers.has("content-type"));
    }
    const { status } = await answerOf(
      engine,
      (res) => {
        assertThrows(() => res.redirect("/", 200), RangeError, "status 200");
        assertThrows(() => res.json(undefined), TypeError, "undefined");
        assertThrows(() => res.json(1n), TypeError);
        res.redirect("/", 308); // nothing was sent before
      },
    );
    assertEquals(status, 308);
  },
);
