/** What a fetch handler sees of a request, on each engine, through the runtime's slots and without them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type FetchHandler, toHandler } from "../../fetch/handler.ts";
import { LazyRequest } from "../../fetch/lazy_request.ts";
import { testEngines } from "../support/engines.ts";
import {
  FETCH_ADAPTERS,
  LATE_ADAPTER,
  testFetch,
} from "../support/fetch_adapters.ts";
import { request as wireOf } from "../support/serve.ts";

interface RequestCase {
  readonly name: string;
  /** The bytes of the request. */
  readonly wire: string;
  /** Reads something of the request; the result is compared as JSON. */
  readonly read: (request: Request) => unknown;
  readonly expect: unknown;
  /** What a real `Request` gives instead, because its URL is parsed or its headers can be changed. */
  readonly expectPublic?: unknown;
}

const GET = wireOf("GET /p?q=1", "X-A: b\r\nX-A: c\r\n");
const POST = wireOf("POST /", "Content-Type: text/x; a=b\r\n", "hello");

function wireWithHost(target: string, host: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/** The name of what a call throws, or of what its promise rejects with. */
async function nameOfError(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
  return "nothing";
}

const MULTIPART = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n" +
  '--x\r\nContent-Disposition: form-data; name=f; filename="t.txt"\r\n' +
  "Content-Type: text/plain\r\n\r\nfile\r\n--x--\r\n";

const CASES: readonly RequestCase[] = [
  {
    name: "is a Request by every sign",
    wire: GET,
    read: (request) => [
      request instanceof Request,
      Object.prototype.toString.call(request),
      request.constructor === Request,
      request.constructor.name,
    ],
    expect: [true, "[object Request]", true, "Request"],
  },
  {
    name: "method and URL",
    wire: GET,
    read: ({ method, url }) => [method, url],
    expect: ["GET", "http://a/p?q=1"],
  },
  {
    name: "the host as sent, with its port",
    wire: wireWithHost("/x", "example.org:8080"),
    read: ({ url }) => url,
    expect: "http://example.org:8080/x",
  },
  {
    name: "an IPv6 host",
    wire: wireWithHost("/x", "[::1]:80"),
    read: ({ url }) => new URL(url).href,
    expect: "http://[::1]/x",
  },
  {
    name: "an absolute-form target",
    wire: wireWithHost("http://b:81/x?y", "b:81"),
    read: ({ url }) => url,
    expect: "http://b:81/x?y",
  },
  {
    name: "an absolute-form target without a path",
    wire: wireWithHost("http://b", "b"),
    read: ({ url }) => url,
    expect: "http://b/",
  },
  {
    name: "a path of two slashes stays a path",
    wire: wireWithHost("//b/x", "a"),
    read: ({ url }) => [url, new URL(url).host],
    expect: ["http://a//b/x", "a"],
  },
  {
    name: "dot segments can be normalised",
    wire: wireWithHost("/a/../b", "a"),
    read: ({ url }) => new URL(url).pathname,
    expect: "/b",
  },
  {
    name: "OPTIONS *",
    wire: wireOf("OPTIONS *"),
    read: ({ method, url }) => [method, url],
    expect: ["OPTIONS", "http://a/*"],
  },
  {
    name: "a method of one's own keeps its case",
    wire: wireOf("pUrge /"),
    read: ({ method }) => method,
    expect: "pUrge",
  },
  {
    name: "headers are found in any case, and joined",
    wire: GET,
    read: ({ headers }) => [
      headers.get("x-a"),
      headers.get("X-A"),
      headers.get("none"),
      headers.has("X-a"),
      headers.has("none"),
    ],
    expect: ["b, c", "b, c", null, true, false],
  },
  {
    name: "headers iterate sorted, in lower case, joined",
    wire: wireOf("GET /", "X-B: 1\r\nCookie: a=1\r\nX-A: 2\r\nX-B: 3\r\n"),
    read: ({ headers }) => [
      [...headers],
      [...headers.keys()],
      [...headers.values()],
    ],
    expect: [
      [["cookie", "a=1"], ["host", "a"], ["x-a", "2"], ["x-b", "1, 3"]],
      ["cookie", "host", "x-a", "x-b"],
      ["a=1", "a", "2", "1, 3"],
    ],
  },
  {
    name: "several Cookie lines become one",
    wire: wireOf("GET /", "Cookie: a=1\r\nCookie: b=2\r\n"),
    read: ({ headers }) => [
      headers.get("cookie"),
      Object.fromEntries(headers).cookie,
      headers.get("cookie"),
    ],
    expect: ["a=1; b=2", "a=1; b=2", "a=1; b=2"],
  },
  {
    name: "headers are one object, and Headers",
    wire: GET,
    read: (request) => [
      request.headers === request.headers,
      request.headers instanceof Headers,
      Object.prototype.toString.call(request.headers),
    ],
    expect: [true, true, "[object Headers]"],
  },
  {
    name: "headers can be copied",
    wire: GET,
    read: ({ headers }) => {
      const copy = new Headers(headers);
      copy.set("x-a", "d");
      return [copy.get("x-a"), headers.get("x-a"), copy.get("host")];
    },
    expect: ["d", "b, c", "a"],
  },
  {
    name: "headers are immutable",
    wire: GET,
    read: ({ headers }) =>
      Promise.all([
        nameOfError(() => headers.set("x-a", "d")),
        nameOfError(() => headers.append("x-a", "d")),
        nameOfError(() => headers.delete("x-a")),
      ]),
    expect: ["TypeError", "TypeError", "TypeError"],
    expectPublic: ["nothing", "nothing", "nothing"],
  },
  {
    name: "a field name that is no token is a TypeError",
    wire: GET,
    read: ({ headers }) =>
      Promise.all([
        nameOfError(() => headers.get("a b")),
        nameOfError(() => headers.has("")),
      ]),
    expect: ["TypeError", "TypeError"],
  },
  {
    name: "bytes above 0x7F are characters of Latin-1",
    wire: wireOf("GET /", "X-A: h\xe9\r\n"),
    read: ({ headers }) => headers.get("x-a")?.charCodeAt(1),
    expect: 0xe9,
  },
  {
    name: "GET has a null body",
    wire: GET,
    read: async (request) => [
      request.body,
      request.bodyUsed,
      await request.text(),
      await request.text(),
      request.bodyUsed,
    ],
    expect: [null, false, "", "", false],
  },
  {
    name: "GET with content has a null body too",
    wire: wireOf("GET /", "", "hello"),
    read: async (request) => [request.body, await request.text()],
    expect: [null, ""],
  },
  {
    name: "HEAD has a null body",
    wire: wireOf("HEAD /"),
    read: ({ body }) => body,
    expect: null,
  },
  {
    name: "POST without content has an empty body",
    wire: wireOf("POST /"),
    read: async (request) => [
      request.body !== null,
      await request.text(),
      request.bodyUsed,
    ],
    expect: [true, "", true],
  },
  {
    name: "text()",
    wire: POST,
    read: async (request) => [
      request.bodyUsed,
      await request.text(),
      request.bodyUsed,
    ],
    expect: [false, "hello", true],
  },
  {
    name: "text() decodes UTF-8, and drops a byte order mark",
    wire: wireOf("POST /", "", "\xef\xbb\xbfh\xc3\xa9\xff"),
    read: (request) => request.text(),
    expect: "hé\ufffd",
  },
  {
    name: "json()",
    wire: wireOf("POST /", "", '{"a":[1]}'),
    read: (request) => request.json(),
    expect: { a: [1] },
  },
  {
    name: "json() of what is no JSON",
    wire: POST,
    read: async (request) => [
      await nameOfError(() => request.json()),
      request.bodyUsed,
    ],
    expect: ["SyntaxError", true],
  },
  {
    name: "json() of GET",
    wire: GET,
    read: (request) => nameOfError(() => request.json()),
    expect: "SyntaxError",
  },
  {
    name: "bytes()",
    wire: POST,
    read: async (request) => {
      const bytes = await request.bytes();
      return [bytes instanceof Uint8Array, [...bytes], bytes.buffer.byteLength];
    },
    expect: [true, [104, 101, 108, 108, 111], 5],
  },
  {
    name: "arrayBuffer()",
    wire: POST,
    read: async (request) => {
      const buffer = await request.arrayBuffer();
      return [buffer instanceof ArrayBuffer, buffer.byteLength];
    },
    expect: [true, 5],
  },
  {
    name: "blob() has the type",
    wire: POST,
    read: async (request) => {
      const blob = await request.blob();
      return [blob instanceof Blob, blob.type, blob.size, await blob.text()];
    },
    expect: [true, "text/x;a=b", 5, "hello"],
  },
  {
    name: "formData() of a form",
    wire: wireOf(
      "POST /",
      "Content-Type: application/x-www-form-urlencoded\r\n",
      "a=b+c&a=%C3%A9",
    ),
    read: async (request) => [...await request.formData()],
    expect: [["a", "b c"], ["a", "é"]],
  },
  {
    name: "formData() of an upload",
    wire: wireOf(
      "POST /",
      "Content-Type: multipart/form-data; boundary=x\r\n",
      MULTIPART,
    ),
    read: async (request) => {
      const form = await request.formData();
      const file = form.get("f");
      assert(file instanceof File);
      return [form.get("a"), file.name, file.type, await file.text()];
    },
    expect: ["b", "t.txt", "text/plain", "file"],
  },
  {
    name: "formData() of anything else",
    wire: POST,
    read: (request) => nameOfError(() => request.formData()),
    expect: "TypeError",
  },
  {
    name: "the body as a stream of bytes",
    wire: POST,
    read: async (request) => {
      const { body } = request;
      assert(body !== null);
      const before = [body === request.body, request.bodyUsed, body.locked];
      const pieces: number[] = [];
      for await (const piece of body) pieces.push(...piece);
      return [before, pieces.length, request.bodyUsed];
    },
    expect: [[true, false, false], 5, true],
  },
  {
    name: "the body with a reader that brings its buffer",
    wire: POST,
    read: async ({ body }) => {
      const reader = body!.getReader({ mode: "byob" });
      const first = await reader.read(new Uint8Array(3));
      const second = await reader.read(new Uint8Array(3));
      const third = await reader.read(new Uint8Array(3));
      return [
        [...first.value!],
        [...second.value!],
        third.done,
        third.value?.length,
      ];
    },
    expect: [[104, 101, 108], [108, 111], true, 0],
  },
  {
    name: "text() after the body was looked at",
    wire: POST,
    read: async (request) => {
      assert(request.body !== null);
      return [await request.text(), request.bodyUsed];
    },
    expect: ["hello", true],
  },
  {
    name: "the body after text() is locked and used",
    wire: POST,
    read: async (request) => {
      await request.text();
      return [request.body?.locked, request.bodyUsed];
    },
    expect: [true, true],
  },
  {
    name: "a second read rejects at once, in every form",
    wire: POST,
    read: async (request) => {
      const first = request.text();
      const errors = await Promise.all([
        nameOfError(() => request.text()),
        nameOfError(() => request.json()),
        nameOfError(() => request.bytes()),
        nameOfError(() => request.arrayBuffer()),
        nameOfError(() => request.blob()),
        nameOfError(() => request.formData()),
        nameOfError(() => request.clone()),
        nameOfError(() => new Request(request)),
      ]);
      return [await first, ...errors];
    },
    expect: ["hello", ...Array(8).fill("TypeError")],
  },
  {
    name: "a body that is being read as a stream cannot be read otherwise",
    wire: POST,
    read: async (request) => {
      const reader = request.body!.getReader();
      const error = await nameOfError(() => request.text());
      const { value } = await reader.read();
      return [error, value?.length];
    },
    expect: ["TypeError", 5],
  },
  {
    name: "a canceled body is used, and the handler goes on",
    wire: POST,
    read: async (request) => {
      await request.body!.cancel();
      return [
        request.bodyUsed,
        request.signal.aborted,
        await nameOfError(() => request.text()),
      ];
    },
    expect: [true, false, "TypeError"],
  },
  {
    name: "clone() gives the body to both",
    wire: POST,
    read: async (request) => {
      const copy = request.clone();
      return [
        copy instanceof Request,
        copy.url,
        copy.method,
        copy.headers.get("content-type"),
        await copy.text(),
        request.bodyUsed,
        await request.text(),
      ];
    },
    expect: [
      true,
      "http://a/",
      "POST",
      "text/x; a=b",
      "hello",
      false,
      "hello",
    ],
  },
  {
    name: "clone() of GET",
    wire: GET,
    read: (request) => {
      const copy = request.clone();
      return [copy.body, copy.headers.get("x-a"), copy.signal.aborted];
    },
    expect: [null, "b, c", false],
  },
  {
    name: "new Request(request) takes the body",
    wire: POST,
    read: async (request) => {
      const copy = new Request(request);
      return [
        copy.url,
        copy.method,
        copy.headers.get("host"),
        request.bodyUsed,
        await copy.text(),
      ];
    },
    expect: ["http://a/", "POST", "a", true, "hello"],
  },
  {
    name: "new Request(request, init) changes a part",
    wire: GET,
    read: (request) => {
      const copy = new Request(request, { headers: { "x-a": "d" } });
      return [copy.url, copy.method, [...copy.headers]];
    },
    expect: ["http://a/p?q=1", "GET", [["x-a", "d"]]],
  },
  {
    name: "new Request(url, request) reads it as settings",
    wire: POST,
    read: async (request) => {
      const copy = new Request("http://c/d", request);
      return [
        copy.url,
        copy.method,
        copy.headers.get("content-type"),
        await copy.text(),
      ];
    },
    expect: ["http://c/d", "POST", "text/x; a=b", "hello"],
  },
  {
    name: "the other members have the values of the standard",
    wire: GET,
    read: (request) => [
      request.redirect,
      request.cache,
      request.credentials,
      request.mode,
      request.integrity,
      request.keepalive,
      request.referrer,
      request.referrerPolicy,
    ],
    expect: [
      "follow",
      "default",
      "same-origin",
      "cors",
      "",
      false,
      "about:client",
      "",
    ],
  },
  {
    name: "properties of one's own",
    wire: GET,
    read: (request) => {
      const extended = request as Request & { params?: unknown };
      extended.params = { id: 1 };
      return [extended.params, Object.keys(extended), extended.url];
    },
    expect: [{ id: 1 }, ["params"], "http://a/p?q=1"],
  },
  {
    name: "a proxy that binds, as itty-router makes one",
    wire: POST,
    read: async (request) => {
      const proxy = new Proxy(request, {
        get(target, key): unknown {
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      return [proxy.url, proxy.headers.get("host"), await proxy.text()];
    },
    expect: ["http://a/", "a", "hello"],
  },
  {
    name: "all members can be enumerated",
    wire: GET,
    read: (request) => {
      const names: string[] = [];
      for (const name in request) names.push(name);
      return ["url", "method", "headers", "text", "clone", "body", "signal"]
        .filter((name) => !names.includes(name));
    },
    expect: [],
  },
  {
    name: "it can be printed",
    wire: GET,
    read: (request) => Deno.inspect(request).replace(/\s+/g, " "),
    expect: 'Request { bodyUsed: false, headers: Headers { host: "a", ' +
      '"x-a": "b, c" }, method: "GET", redirect: "follow", ' +
      'url: "http://a/p?q=1" }',
  },
  {
    name: "it cannot be structurally cloned, as any Request",
    wire: GET,
    read: (request) => nameOfError(() => structuredClone(request)),
    expect: "DataCloneError",
  },
];

for (const { name, wire, read, expect, expectPublic } of CASES) {
  for (const adapter of [...FETCH_ADAPTERS, LATE_ADAPTER]) {
    testEngines(`request: ${name} (${adapter.name})`, async (engine) => {
      const handler: FetchHandler = async (request) =>
        Response.json(await read(request));
      const errors: unknown[] = [];
      await using server = engine.serve((app) =>
        app.fallbackRoute(adapter.toHandler(handler))
          .errorHook((error) => void errors.push(error))
      );
      using client = await server.connect();
      const response = await client.ask(wire);
      assertEquals(errors, []);
      assertEquals(response.status, 200);
      const isPublic = adapter.name !== "slots" && expectPublic !== undefined;
      if (!wire.startsWith("HEAD ")) {
        const text = new TextDecoder().decode(
          Uint8Array.from(response.body, (unit) => unit.charCodeAt(0)),
        );
        assertEquals(JSON.parse(text), isPublic ? expectPublic : expect);
      }
      // The connection is still in step.
      assertEquals((await client.ask(wire)).status, 200);
    });
  }
}

testEngines(
  "a lazy request that was read can become a real one",
  async (engine) => {
    const read: unknown[] = [];
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(async (request) => {
        const { url, headers, signal } = request;
        const text = await request.text();
        LazyRequest.becomeReal(request as unknown as LazyRequest); // it is lazy on this runtime
        read.push(
          [text, request.bodyUsed, request.url === url],
          [request.headers.get("x-a"), headers.get("x-a")],
          [request.signal.aborted, signal.aborted],
          await nameOfError(() => request.text()),
        );
        return new Response();
      }))
    );
    using client = await server.connect();
    const wire = wireOf("POST /x", "X-A: b\r\n", "hello");
    assertEquals((await client.ask(wire)).status, 200);
    assertEquals(read, [
      ["hello", true, true],
      ["b", "b"],
      [false, false],
      "TypeError",
    ]);
    assertEquals((await client.ask(wire)).status, 200);
  },
);

testFetch(
  "a request can be sent on with fetch()",
  async (engine, { toHandler }) => {
    await using upstream = engine.serve((app) =>
      app.fallbackRoute(toHandler(async (request) =>
        new Response(
          `${request.method} ${request.headers.get("x-a")} ${await request
            .text()}`,
        )
      ))
    );
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler((request) => {
        const { pathname } = new URL(request.url);
        return fetch(
          new Request(`http://127.0.0.1:${upstream.port}${pathname}`, request),
        );
      }))
    );
    using client = await server.connect();
    const { status, body } = await client.ask(
      wireOf("POST /x", "X-A: b\r\n", "hello"),
    );
    assertEquals([status, body], [200, "POST b hello"]);
  },
);

testFetch(
  "fetch(request) asks the host of the request",
  async (engine, { toHandler }) => {
    await using upstream = engine.serve((app) =>
      app.fallbackRoute(
        toHandler(async (request) =>
          new Response(`${request.url} ${await request.text()}`)
        ),
      )
    );
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler((request) => fetch(request)))
    );
    using client = await server.connect();
    const host = `127.0.0.1:${upstream.port}`;
    const { body } = await client.ask(
      `PUT /x HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\n\r\nhi`,
    );
    assertEquals(body, `http://${host}/x hi`);
  },
);

testFetch(
  "the body can be the response, while it arrives",
  async (engine, { toHandler }) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler((request) => new Response(request.body)))
    );
    using client = await server.connect();
    await client.send(wireOf("POST /", "Transfer-Encoding: chunked\r\n"));
    await client.send("5\r\nhello\r\n");
    const head = await client.head();
    assert(/transfer-encoding: chunked/i.test(head), head);
    assertEquals(await client.chunk(), "hello");
    await client.send("1\r\n!\r\n0\r\n\r\n");
    assertEquals([await client.chunk(), await client.chunk()], ["!", ""]);
  },
);

testFetch(
  "a body beyond maxBufferedBodyBytes is a 413 as text, not as a stream",
  async (engine, adapter) => {
    const { toHandler } = adapter;
    const handler: FetchHandler = async (request) => {
      if (request.url.endsWith("/text")) {
        return new Response(await request.text());
      }
      let size = 0;
      for await (const piece of request.body!) size += piece.length;
      return new Response(String(size));
    };
    await using server = engine.serve(
      (app) => app.fallbackRoute(toHandler(handler)).errorHook(() => {}),
      { maxBufferedBodyBytes: 10 },
    );
    const body = "x".repeat(11);
    using client = await server.connect();
    assertEquals((await client.ask(wireOf("POST /", "", body))).body, "11");
    using other = await server.connect();
    const { status } = await other.ask(wireOf("POST /text", "", body));
    // A real Request reads its stream, which has no such limit.
    assertEquals(status, adapter.name === "slots" ? 413 : 200);
  },
);

testEngines(
  "a request that is first read after its response throws",
  async (engine) => {
    const kept: Request[] = [];
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler((request) => {
        kept.push(request);
        return new Response();
      }))
    );
    using client = await server.connect();
    await client.ask(GET);
    await client.ask(wireOf("GET /other"));
    const [request] = kept;
    assertThrows(() => request?.url, TypeError, "after its handler returned");
  },
);

testEngines("an exchange is found by its request", async (engine) => {
  await using server = engine.serve((app) =>
    app.fallbackRoute(toHandler((request) =>
      Response.json([
        LazyRequest.exchangeOf(request)?.ctx.target,
        LazyRequest.exchangeOf(new Request("http://a/")),
      ])
    ))
  );
  using client = await server.connect();
  assertEquals((await client.ask(GET)).body, '["/p?q=1",null]');
});

testEngines(
  "Deno.upgradeWebSocket() throws instead of waiting for ever",
  async (engine) => {
    const handler: FetchHandler = (request) =>
      Deno.upgradeWebSocket(request).response;
    const errors: unknown[] = [];
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(handler))
        .errorHook((error) => void errors.push(error))
    );
    using client = await server.connect();
    const { status } = await client.ask(
      wireOf(
        "GET /",
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n" +
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      ),
    );
    assertEquals([status, String(errors[0])], [
      500,
      "TypeError: Cannot upgrade with Deno.upgradeWebSocket(): the runtime's server does not have the connection; use upgradeWebSocket() of the entry ./websocket",
    ]);
  },
);
