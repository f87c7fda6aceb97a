/**
 * Cases of the public web-platform-tests (`fetch/api/request`, `response` and
 * `headers`) that concern a received request, restated as a table. Each row
 * names the file that it restates. The request is the one of a fetch handler.
 */

import { assertEquals } from "@std/assert";
import { testFetch } from "../support/fetch_adapters.ts";
import { request as wireOf } from "../support/serve.ts";

interface PlatformCase {
  /** The file under `fetch/api/`, and what it says. */
  readonly name: string;
  readonly wire: string;
  readonly read: (request: Request) => unknown;
  readonly expect: unknown;
}

const GET = wireOf("GET /a?b", "A: 1\r\nB: 2\r\nA: 3\r\n");

function post(body: string, type?: string): string {
  const field = type === undefined ? "" : `Content-Type: ${type}\r\n`;
  return wireOf("POST /", field, body);
}

/** What a call throws or its promise rejects with, by name; else its result. */
async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

const READERS = [
  "arrayBuffer",
  "blob",
  "bytes",
  "formData",
  "json",
  "text",
] as const;

const CASES: readonly PlatformCase[] = [
  {
    name: "headers/headers-basic: entries, keys and values agree",
    wire: GET,
    read: ({ headers }) => [
      [...headers.entries()].length,
      [...headers.keys()],
      [...headers.values()],
    ],
    expect: [3, ["a", "b", "host"], ["1, 3", "2", "a"]],
  },
  {
    name: "headers/headers-basic: forEach passes value, name, list",
    wire: GET,
    read: ({ headers }) => {
      const seen: unknown[] = [];
      headers.forEach((value, name, list) =>
        seen.push([value, name, list === headers])
      );
      return seen;
    },
    expect: [["1, 3", "a", true], ["2", "b", true], ["a", "host", true]],
  },
  {
    name: "headers/headers-casing: has and get ignore case",
    wire: GET,
    read: ({ headers }) => [headers.has("b"), headers.get("HOST")],
    expect: [true, "a"],
  },
  {
    name: "headers/headers-combine: get joins with comma and space",
    wire: wireOf("GET /", "S: a\r\nS: b\r\nS: c\r\n"),
    read: ({ headers }) => headers.get("s"),
    expect: "a, b, c",
  },
  {
    name: "headers/headers-errors: names that are no tokens throw",
    wire: GET,
    read: ({ headers }) =>
      Promise.all(
        ["", "(", "a:", "é", "a b"].map((name) =>
          outcome(() => headers.get(name))
        ),
      ),
    expect: Array(5).fill("TypeError"),
  },
  {
    name: "headers/headers-normalize: values are trimmed",
    wire: wireOf("GET /", "A: \t b \t \r\n"),
    read: ({ headers }) => headers.get("a"),
    expect: "b",
  },
  {
    name: "headers/headers-record: an empty value is not absent",
    wire: wireOf("GET /", "A:\r\n"),
    read: ({ headers }) => [headers.get("a"), headers.has("a")],
    expect: ["", true],
  },
  {
    name: "headers/header-setcookie: getSetCookie is empty for none",
    wire: GET,
    read: ({ headers }) => headers.getSetCookie(),
    expect: [],
  },
  {
    name: "headers/headers-structure: all methods are there",
    wire: GET,
    read: ({ headers }) => [
      headers instanceof Headers,
      headers.constructor === Headers,
      ...["append", "delete", "get", "has", "set", "entries", "keys", "values"]
        .map((name) => typeof Reflect.get(headers, name)),
    ],
    expect: [true, true, ...new Array(8).fill("function")],
  },
  {
    name: "request/request-structure: attributes are read-only",
    wire: GET,
    read: (request) =>
      Promise.all(
        ["method", "url", "headers", "body", "bodyUsed", "signal"].map((name) =>
          outcome(() => {
            Object.assign(request, { [name]: 1 });
          })
        ),
      ),
    expect: Array(6).fill("TypeError"),
  },
  {
    name: "request/request-consume-empty: every reader gives the empty value",
    wire: GET,
    read: async (request) => [
      (await request.arrayBuffer()).byteLength,
      (await request.blob()).size,
      (await request.bytes()).length,
      await request.text(),
      await outcome(() => request.json()),
      await outcome(() => request.formData()),
      request.bodyUsed,
    ],
    expect: [0, 0, 0, "", "SyntaxError", "TypeError", false],
  },
  {
    name:
      "request/request-consume: blob keeps the type, without one it is empty",
    wire: post("x"),
    read: async (request) => (await request.blob()).type,
    expect: "",
  },
  {
    name: "request/request-consume: formData of an empty form is empty",
    wire: post("", "application/x-www-form-urlencoded"),
    read: async (request) => [...await request.formData()],
    expect: [],
  },
  {
    name:
      "request/request-consume: multipart without a boundary is a TypeError",
    wire: post("--x--", "multipart/form-data"),
    read: (request) => outcome(() => request.formData()),
    expect: "TypeError",
  },
  {
    name: "request/request-disturbed: body is null only if there is none",
    wire: post("x"),
    read: ({ body, bodyUsed }) => [body instanceof ReadableStream, bodyUsed],
    expect: [true, false],
  },
  {
    name: "request/request-disturbed: a request that was read cannot be cloned",
    wire: post("x"),
    read: async (request) => {
      await request.blob();
      return await outcome(() => request.clone());
    },
    expect: "TypeError",
  },
  {
    name: "request/request-disturbed: a copy with another body leaves this one",
    wire: post("x"),
    read: async (request) => {
      const copy = new Request(request, { body: "y" });
      return [request.bodyUsed, await request.text(), await copy.text()];
    },
    expect: [false, "x", "y"],
  },
  {
    name: "request/request-disturbed: a failed construction leaves the body",
    wire: post("x"),
    read: async (request) => [
      await outcome(() => new Request(request, { method: "GET" })),
      request.bodyUsed,
      await request.text(),
    ],
    expect: ["TypeError", false, "x"],
  },
  {
    name: "request/request-clone.sub: a clone is independent",
    wire: post("x", "text/a"),
    read: async (request) => {
      const copy = request.clone();
      const [first, second] = [await copy.text(), await request.text()];
      return [copy.headers.get("content-type"), first, second];
    },
    expect: ["text/a", "x", "x"],
  },
  {
    name: "request/request-bad-port: a copy keeps the URL of the request",
    wire: "GET /x HTTP/1.1\r\nHost: a:1\r\n\r\n",
    read: (request) => new Request(request).url,
    expect: "http://a:1/x",
  },
  {
    name: "request/request-error: methods that are forbidden cannot be set",
    wire: GET,
    read: (request) => outcome(() => new Request(request, { method: "TRACE" })),
    expect: "TypeError",
  },
  {
    name: "request/request-init-stream: a copy with a stream has its body",
    wire: post("x"),
    read: async (request) =>
      await new Request(request.url, { method: "POST", body: request.body })
        .text(),
    expect: "x",
  },
  {
    name: "abort/request: the signal of a copy follows the request's",
    wire: GET,
    read: (request) => {
      const copy = new Request(request);
      return [copy.signal === request.signal, copy.signal.aborted];
    },
    expect: [false, false],
  },
  {
    name: "response/response-consume-stream: a response of the body reads it",
    wire: post("streamed"),
    read: (request) => new Response(request.body).text(),
    expect: "streamed",
  },
  {
    name:
      "response/response-from-stream: a body that was read cannot be a response's",
    wire: post("x"),
    read: async (request) => {
      const { body } = request;
      await request.text();
      return await outcome(() => new Response(body));
    },
    expect: "TypeError",
  },
  ...READERS.map((reader): PlatformCase => ({
    name:
      `request/request-consume: ${reader}() uses the body, the second rejects`,
    wire: post("a=1", "application/x-www-form-urlencoded"),
    read: async (request) => {
      await outcome(() => request[reader]());
      return [request.bodyUsed, await outcome(() => request[reader]())];
    },
    expect: [true, "TypeError"],
  })),
  ...READERS.map((reader): PlatformCase => ({
    name: `request/request-disturbed: ${reader}() of a locked body rejects`,
    wire: post("1"),
    read: async (request) => {
      request.body!.getReader();
      return [await outcome(() => request[reader]()), request.bodyUsed];
    },
    expect: ["TypeError", false],
  })),
];

for (const { name, wire, read, expect } of CASES) {
  testFetch(`web platform: ${name}`, async (engine, { toHandler }) => {
    const errors: unknown[] = [];
    await using server = engine.serve((app) =>
      app.fallbackRoute(
        toHandler(async (request) => Response.json(await read(request))),
      ).errorHook((error) => void errors.push(error))
    );
    using client = await server.connect();
    const { body } = await client.ask(wire);
    assertEquals(errors, []);
    assertEquals(JSON.parse(body), expect);
  });
}
