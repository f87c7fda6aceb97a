/**
 * Cases of the public web-platform-tests (`fetch/api/response`, and `body` for
 * what both classes have), restated as a table for responses that are sent. What
 * arrives is what the response itself says: status, reason, fields and body. A
 * response that cannot be made or read is a 500.
 */

import { assertEquals } from "@std/assert";
import { testFetch } from "../support/fetch_adapters.ts";
import { request } from "../support/serve.ts";

type Respond = () => Response | Promise<Response>;

const TEXT = "This is response's body";

function streamOf(
  ...pieces: Uint8Array<ArrayBuffer>[]
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller): void {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

function failing(when: "start" | "pull"): ReadableStream<Uint8Array> {
  return new ReadableStream({
    [when](controller: ReadableStreamDefaultController): void {
      controller.error(new Error("ReadableStream error"));
    },
  }, { highWaterMark: 0 });
}

const buffer = new ArrayBuffer(16);
new Uint8Array(buffer).set(new TextEncoder().encode("0123456789abcdef"));

/** What each file says, and a response for it. */
const ROWS: readonly (readonly [name: string, respond: Respond])[] = [
  ["response-init-001: the defaults", () => new Response()],
  ["response-init-001: null is no body", () => new Response(null)],
  [
    "response-init-001: undefined is no body",
    () => new Response(undefined, undefined),
  ],
  [
    "response-init-001: status, status text and fields",
    () =>
      new Response(TEXT, {
        status: 234,
        statusText: "Custom Reason",
        headers: { a: "1", b: "2" },
      }),
  ],
  ...[200, 201, 299, 300, 302, 399, 400, 404, 451, 500, 599].map((
    status,
  ): readonly [string, Respond] => [
    `response-init-002: status ${status}`,
    () => new Response(TEXT, { status }),
  ]),
  ...[204, 205, 304].map((status): readonly [string, Respond] => [
    `response-null-body: ${status} without a body`,
    () => new Response(null, { status, headers: { a: "1" } }),
  ]),
  ...[204, 205, 304].map((status): readonly [string, Respond] => [
    `response-error: ${status} with a body is a TypeError`,
    () => new Response(TEXT, { status }),
  ]),
  ...[0, 101, 199, 600, 1000].map((status): readonly [string, Respond] => [
    `response-error: status ${status} is a RangeError`,
    () => new Response("", { status }),
  ]),
  ...["\n", "Ā"].map((statusText): readonly [string, Respond] => [
    `response-error: status text ${JSON.stringify(statusText)} is a TypeError`,
    () => new Response("", { statusText }),
  ]),
  ["response-init-contenttype: of a string", () => new Response(TEXT)],
  [
    "response-init-contenttype: of URLSearchParams",
    () => new Response(new URLSearchParams({ name: "value" })),
  ],
  [
    "response-init-contenttype: of a blob",
    () => new Response(new Blob([TEXT], { type: "Text/Plain" })),
  ],
  ["response-init-contenttype: of bytes", () => new Response(buffer)],
  [
    "response-init-contenttype: of a stream",
    () => new Response(streamOf(new Uint8Array(buffer))),
  ],
  [
    "response-init-contenttype: the given one stays",
    () => new Response(TEXT, { headers: { "Content-Type": "test/test" } }),
  ],
  [
    "response-init-contenttype: an empty one stays",
    () =>
      new Response(new URLSearchParams("a=b"), {
        headers: { "Content-Type": "" },
      }),
  ],
  ...[
    new Int8Array(buffer, 1),
    new Int16Array(buffer, 2, 2),
    new Int32Array(buffer),
    new Uint8ClampedArray(buffer),
    new Float64Array(buffer),
    new DataView(buffer, 2, 8),
  ].map((view): readonly [string, Respond] => [
    `response-consume: the window of ${view.constructor.name}`,
    () => new Response(view),
  ]),
  ["response-consume-empty: an empty string", () => new Response("")],
  ["response-consume-empty: an empty blob", () => new Response(new Blob([]))],
  [
    "response-consume-empty: an empty buffer",
    () => new Response(new ArrayBuffer(0)),
  ],
  [
    "response-consume-empty: empty URLSearchParams",
    () => new Response(new URLSearchParams()),
  ],
  ["response-consume-empty: an empty stream", () => new Response(streamOf())],
  [
    "many-empty-chunks-crash: 5,000 empty pieces",
    () =>
      new Response(
        streamOf(
          ...Array.from({ length: 5000 }, () => new Uint8Array(0)),
          new TextEncoder().encode("end"),
        ),
      ),
  ],
  [
    "response-clone: a clone",
    () =>
      new Response(TEXT, { statusText: "GOOD", headers: { a: "1" } }).clone(),
  ],
  [
    "response-clone: a clone of a stream, while the first is read",
    () => {
      const response = new Response(streamOf(new TextEncoder().encode(TEXT)));
      const clone = response.clone();
      void response.arrayBuffer();
      return clone;
    },
  ],
  [
    "response-from-stream: a body that was read and released is a TypeError",
    async () => {
      const stream = streamOf(new Uint8Array(buffer));
      const reader = stream.getReader();
      await reader.read();
      reader.releaseLock();
      return new Response(stream);
    },
  ],
  [
    "response-from-stream: a body that is locked is a TypeError",
    () => {
      const stream = streamOf(new Uint8Array(buffer));
      stream.getReader();
      return new Response(stream);
    },
  ],
  ["response-static-error: error() cannot be sent", () => Response.error()],
  ["response-static-json: an object", () => Response.json({ a: [1, "é"] })],
  ["response-static-json: a string", () => Response.json("hello world")],
  ["response-static-json: null", () => Response.json(null)],
  [
    "response-static-json: status and fields",
    () =>
      Response.json(1, { status: 400, statusText: "No", headers: { b: "" } }),
  ],
  [
    "response-static-json: the given type stays",
    () => Response.json(1, { headers: { "content-type": "foo/bar" } }),
  ],
  ...[204, 205, 304].map((status): readonly [string, Respond] => [
    `response-static-json: status ${status} is a TypeError`,
    () => Response.json("a", { status }),
  ]),
  [
    "response-static-json: a symbol is a TypeError",
    () => Response.json(Symbol("a")),
  ],
  [
    "response-static-json: what refers to itself is a TypeError",
    () => {
      const a: { b?: unknown } = {};
      a.b = a;
      return Response.json(a);
    },
  ],
  ...[301, 302, 303, 307, 308].map((status): readonly [string, Respond] => [
    `response-static-redirect: status ${status}`,
    () => Response.redirect("http://test.url:1234/", status),
  ]),
  ...[200, 309, 400, 500].map((status): readonly [string, Respond] => [
    `response-static-redirect: status ${status} is a RangeError`,
    () => Response.redirect("http://test.url:1234/", status),
  ]),
  [
    "response-static-redirect: an invalid URL is a TypeError",
    () => Response.redirect("http://:This is not an url"),
  ],
  [
    "response-error-from-stream: an error in start()",
    () => new Response(failing("start")),
  ],
  [
    "response-error-from-stream: an error in pull()",
    () => new Response(failing("pull")),
  ],
  ...[undefined, 1, {}, [1], new ArrayBuffer(1)].map((
    chunk,
  ): readonly [string, Respond] => [
    `response-stream-bad-chunk: ${JSON.stringify(chunk)} is no bytes`,
    () => new Response(streamOf(chunk as never)),
  ]),
];

/** What a response says about itself, or a 500. */
async function described(respond: Respond): Promise<Answer> {
  try {
    const response = await respond();
    const body = new Uint8Array(await response.arrayBuffer());
    if (response.type === "error") throw new TypeError("no response");
    const { status, statusText } = response;
    return { status, statusText, headers: response.headers, body };
  } catch {
    return {
      status: 500,
      statusText: null,
      headers: new Headers(),
      body: null,
    };
  }
}

interface Answer {
  readonly status: number;
  /** `null` if it does not matter. */
  readonly statusText: string | null;
  readonly headers: Headers;
  /** `null` if it does not matter. */
  readonly body: Uint8Array | null;
}

for (const [name, respond] of ROWS) {
  testFetch(`web platform: response/${name}`, async (engine, { toHandler }) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(respond)).errorHook(() => {})
    );
    using client = await server.connect();
    const { status, statusText, headers, body } = await described(respond);
    const answer = await client.ask(request("GET /"));
    assertEquals(answer.status, status);
    const reason = answer.head.split("\r\n", 1)[0]?.slice(
      "HTTP/1.1 200 ".length,
    );
    if (statusText) assertEquals(reason, statusText);
    for (const [field, value] of headers) {
      assertEquals(answer.headers.get(field), value, field);
    }
    if (body !== null) {
      const received = Uint8Array.from(
        answer.body,
        (unit) => unit.charCodeAt(0),
      );
      assertEquals(received, body);
      assertEquals(
        answer.headers.has("content-type"),
        headers.has("content-type"),
      );
    }
  });
}

testFetch(
  "web platform: response/response-stream-disturbed: a response that was sent is used",
  async (engine, { toHandler }) => {
    const sent: Response[] = [];
    const bodies = [TEXT, new Blob([TEXT]), streamOf(new Uint8Array(buffer))];
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(() => {
        const response = new Response(bodies[sent.length]);
        sent.push(response);
        return response;
      })).errorHook(() => {})
    );
    using client = await server.connect();
    for (const _ of bodies) await client.ask(request("GET /"));
    for (const response of sent) {
      assertEquals(response.bodyUsed, true);
      assertEquals(
        await response.text().catch(({ name }) => name),
        "TypeError",
      );
    }
  },
);
