/** How the web's responses go out, on each engine, through the runtime's slots and without them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { FetchHandler } from "../../fetch/handler.ts";
import { testFetch } from "../support/fetch_adapters.ts";
import { request } from "../support/serve.ts";

interface ResponseCase {
  readonly name: string;
  readonly respond: () => Response | Promise<Response>;
  readonly line?: string;
  readonly status?: number;
  readonly body?: string;
  /** Whether the public interface cannot do it: it does not tell how long a body is. */
  readonly needsSlots?: boolean;
  /** Fields by name in lower case; `null` for one that must be absent. */
  readonly fields?: Readonly<Record<string, string | null>>;
}

function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces).pipeThrough(new TextEncoderStream());
}

function form(): FormData {
  const data = new FormData();
  data.set("a", "b");
  return data;
}

/** A response whose `body` was looked at, so that the runtime has made a stream of it. */
function seen(response: Response): Response {
  assert(response.body !== null);
  return response;
}

const bytes = new TextEncoder().encode("0123456789");

const CASES: readonly ResponseCase[] = [
  {
    name: "a string has its length and type",
    respond: () => new Response("héllo"),
    body: "h\xc3\xa9llo",
    fields: {
      "content-length": "6",
      "content-type": "text/plain;charset=UTF-8",
      "transfer-encoding": null,
    },
  },
  {
    name: "an empty string has length 0",
    respond: () => new Response(""),
    fields: { "content-length": "0" },
  },
  {
    name: "no body has length 0 and no type",
    respond: () => new Response(),
    fields: { "content-length": "0", "content-type": null },
  },
  {
    name: "bytes have no type",
    respond: () => new Response(bytes),
    body: "0123456789",
    fields: { "content-length": "10", "content-type": null },
  },
  {
    name: "a subarray sends its window only",
    respond: () => new Response(bytes.subarray(2, 5)),
    body: "234",
    fields: { "content-length": "3" },
  },
  {
    name: "a DataView sends its window only",
    respond: () => new Response(new DataView(bytes.buffer, 3, 4)),
    body: "3456",
    fields: { "content-length": "4" },
  },
  {
    name: "an ArrayBuffer is sent",
    respond: () => new Response(bytes.slice(8).buffer),
    body: "89",
  },
  {
    name: "a blob has its length and type",
    respond: () => new Response(new Blob(["ab", "c"], { type: "text/x" })),
    body: "abc",
    fields: { "content-length": "3", "content-type": "text/x" },
  },
  {
    name: "a blob without a type gets none",
    respond: () => new Response(new Blob(["abc"])),
    body: "abc",
    fields: { "content-length": "3", "content-type": null },
  },
  {
    name: "a large blob has its length",
    respond: () => new Response(new Blob(["x".repeat(100_000)])),
    body: "x".repeat(100_000),
  },
  {
    name: "URLSearchParams are a form",
    respond: () => new Response(new URLSearchParams({ a: "b c" })),
    body: "a=b+c",
    fields: {
      "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
    },
  },
  {
    name: "Response.json() is JSON",
    respond: () => Response.json({ a: 1 }),
    body: '{"a":1}',
    fields: { "content-type": "application/json", "content-length": "7" },
  },
  {
    name: "Response.json() keeps other fields and the status",
    respond: () => Response.json([1], { status: 201, headers: { "x-a": "b" } }),
    status: 201,
    body: "[1]",
    fields: { "content-type": "application/json", "x-a": "b" },
  },
  {
    name: "Response.redirect() has its location",
    respond: () => Response.redirect("http://a/b", 303),
    status: 303,
    fields: { location: "http://a/b", "content-length": "0" },
  },
  {
    name: "a type of its own replaces that of a string",
    respond: () =>
      new Response("<p>", { headers: { "Content-Type": "text/html" } }),
    body: "<p>",
    fields: { "content-type": "text/html" },
  },
  {
    name: "a string whose type was deleted gets none",
    respond: () => {
      const response = new Response("plain");
      response.headers.delete("content-type");
      return response;
    },
    body: "plain",
    fields: { "content-type": null, "content-length": "5" },
  },
  {
    name: "headers that are set later are sent",
    respond: () => {
      const response = new Response("a");
      response.headers.set("x-late", "1");
      return response;
    },
    body: "a",
    fields: { "x-late": "1", "content-type": "text/plain;charset=UTF-8" },
  },
  {
    name: "a body that was looked at is sent",
    respond: () => seen(new Response("looked at")),
    body: "looked at",
  },
  {
    name: "bytes that were looked at are sent",
    respond: () => seen(new Response(bytes)),
    body: "0123456789",
  },
  {
    name: "a body moves to another response",
    respond: () => {
      const first = new Response("moved", { headers: { "x-a": "b" } });
      return new Response(first.body, first);
    },
    body: "moved",
    fields: { "x-a": "b", "content-type": "text/plain;charset=UTF-8" },
  },
  {
    name: "a clone is sent",
    respond: () => {
      const first = new Response("cloned", { status: 201 });
      return first.clone();
    },
    status: 201,
    body: "cloned",
  },
  {
    name: "a cloned response is sent",
    respond: async () => {
      const first = new Response(streamOf("clo", "ned"));
      assertEquals(await first.clone().text(), "cloned");
      return first;
    },
    body: "cloned",
  },
  {
    name: "a subclass of Response is sent",
    respond: () => {
      class Page extends Response {}
      return new Page("sub", { headers: { "x-a": "b" } });
    },
    body: "sub",
    fields: { "x-a": "b" },
  },
  {
    name: "a stream is sent",
    respond: () => new Response(streamOf("a", "", "bc")),
    body: "abc",
    fields: { "content-type": null },
  },
  {
    name: "a stream of strings is sent as UTF-8, where Deno.serve() fails",
    respond: () =>
      new Response(
        ReadableStream.from(["h", "é"]) as ReadableStream, // Elysia makes such streams
      ),
    body: "h\xc3\xa9",
  },
  {
    name: "a stream with a length is sent with it",
    respond: () =>
      new Response(streamOf("abc"), { headers: { "content-length": "3" } }),
    body: "abc",
    fields: { "content-length": "3", "transfer-encoding": null },
  },
  {
    name: "an async response is sent",
    respond: () => Promise.resolve(new Response("later")),
    body: "later",
  },
  {
    name: "the status text is sent",
    respond: () => new Response("", { status: 299, statusText: "Odd One" }),
    status: 299,
  },
  {
    name: "204 has no length",
    respond: () => new Response(null, { status: 204 }),
    status: 204,
    fields: { "content-length": null, "transfer-encoding": null },
  },
  {
    name: "205 has length 0",
    respond: () => new Response(null, { status: 205 }),
    status: 205,
    fields: { "content-length": "0" },
  },
  {
    name: "304 keeps its tag",
    respond: () =>
      new Response(null, { status: 304, headers: { etag: '"a"' } }),
    status: 304,
    fields: { etag: '"a"', "transfer-encoding": null },
  },
  {
    name: "transfer-encoding and keep-alive are the server's business",
    respond: () =>
      new Response("abc", {
        headers: { "transfer-encoding": "chunked", "keep-alive": "timeout=5" },
      }),
    body: "abc",
    fields: {
      "content-length": "3",
      "transfer-encoding": null,
      "keep-alive": null,
    },
  },
  {
    name: "HEAD has the length of a string and no body",
    needsSlots: true,
    line: "HEAD /",
    respond: () => new Response("hello"),
    fields: { "content-length": "5" },
  },
  {
    name: "HEAD has the length of a blob and no body",
    needsSlots: true,
    line: "HEAD /",
    respond: () => new Response(new Blob(["hello"])),
    fields: { "content-length": "5" },
  },
  {
    name: "HEAD keeps a declared length",
    line: "HEAD /",
    respond: () => new Response(null, { headers: { "content-length": "99" } }),
    fields: { "content-length": "99" },
  },
  {
    name: "Response.error() becomes a 500",
    respond: () => Response.error(),
    status: 500,
  },
  {
    name: "no response becomes a 500",
    respond: () => undefined as unknown as Response,
    status: 500,
  },
  {
    name: "a string instead of a response becomes a 500",
    respond: () => Promise.resolve("a" as unknown as Response),
    status: 500,
  },
  {
    name: "a response that looks like one becomes a 500",
    respond: () => ({ status: 200, headers: new Headers() }) as Response,
    status: 500,
  },
  {
    name: "an error becomes a 500",
    respond: () => {
      throw new Error("broken");
    },
    status: 500,
  },
  {
    name: "a rejection without a reason becomes a 500",
    respond: () => Promise.reject(undefined),
    status: 500,
  },
  {
    name: "a body that was read becomes a 500",
    respond: async () => {
      const response = new Response("read");
      await response.text();
      return response;
    },
    status: 500,
  },
  {
    name: "a stream that is locked becomes a 500",
    respond: () => {
      const response = new Response(streamOf("a"));
      response.body?.getReader();
      return response;
    },
    status: 500,
  },
  {
    name: "a status text with CRLF cannot be made, which becomes a 500",
    respond: () => new Response("", { statusText: "OK\r\nx: y" }),
    status: 500,
  },
  {
    name: "a control character in a field becomes a 500",
    respond: () => new Response("", { headers: { "x-a": "b\x01c" } }),
    status: 500,
  },
  {
    name: "the length of a string replaces a declared one",
    needsSlots: true,
    respond: () => new Response("abc", { headers: { "content-length": "4" } }),
    body: "abc",
    fields: { "content-length": "3" },
  },
  {
    name: "the length of a string replaces one that is no number",
    needsSlots: true,
    respond: () =>
      new Response("abc", {
        headers: { "content-length": "x", "content-type": "a/b", "x-y": "z" },
      }),
    body: "abc",
    fields: { "content-length": "3", "content-type": "a/b", "x-y": "z" },
  },
  {
    name: "the length of bytes replaces a declared one",
    needsSlots: true,
    respond: () =>
      new Response(new Uint8Array([97, 98]), {
        status: 201,
        headers: { "content-length": "1" },
      }),
    status: 201,
    body: "ab",
    fields: { "content-length": "2" },
  },
  {
    name: "the length of a string replaces a declared one after a look at body",
    needsSlots: true,
    respond: () => {
      const response = new Response("abc", {
        headers: { "content-length": "4" },
      });
      assert(response.body !== null);
      return response;
    },
    body: "abc",
    fields: { "content-length": "3" },
  },
  {
    name: "the length of a blob replaces a declared one",
    needsSlots: true,
    respond: () =>
      new Response(new Blob(["abc"]), { headers: { "content-length": "4" } }),
    body: "abc",
    fields: { "content-length": "3" },
  },
  {
    name: "the length of a large blob replaces a declared one",
    needsSlots: true,
    line: "HEAD /",
    respond: () =>
      new Response(new Blob(["a".repeat(100_000)]), {
        headers: { "content-length": "4" },
      }),
    fields: { "content-length": "100000" },
  },
  {
    name: "no body replaces a declared length, except on HEAD",
    respond: () => new Response(null, { headers: { "content-length": "4" } }),
    fields: { "content-length": "0" },
  },
  {
    name: "304 goes out without a declared length",
    respond: () =>
      new Response(null, { status: 304, headers: { "content-length": "4" } }),
    status: 304,
    fields: { "content-length": null },
  },
  {
    name: "a declared length of a stream that is no number becomes a 500",
    respond: () =>
      new Response(streamOf("abc"), { headers: { "content-length": "x" } }),
    status: 500,
  },
];

for (const { name, respond, line = "GET /", ...expected } of CASES) {
  testFetch(`response: ${name}`, async (engine, adapter) => {
    const { toHandler } = adapter;
    if (expected.needsSlots === true && adapter.name !== "slots") return;
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(respond)).errorHook(() => {})
    );
    using client = await server.connect();
    const { status = 200, body = "", fields = {} } = expected;
    const response = await client.ask(request(line));
    assertEquals(response.status, status);
    if (status !== 500) assertEquals(response.body, body);
    for (const [field, value] of Object.entries(fields)) {
      assertEquals(response.headers.get(field) ?? null, value, field);
    }
    // The connection is still in step: the next request gets its own response.
    const next = await client.ask(request(line));
    assertEquals(next.status, status);
  });
}

testFetch(
  "several Set-Cookie fields are lines of their own",
  async (engine, { toHandler }) => {
    const respond: FetchHandler = () => {
      const response = new Response("a");
      response.headers.append(
        "set-cookie",
        "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
      );
      response.headers.append("Set-Cookie", "b=2");
      return response;
    };
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(respond))
    );
    using client = await server.connect();
    const { head } = await client.ask(request("GET /"));
    assertEquals(head.match(/^set-cookie: .*$/gim), [
      "set-cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
      "set-cookie: b=2",
    ]);
  },
);

testFetch(
  "FormData goes out as multipart/form-data",
  async (engine, { toHandler }) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(() => new Response(form())))
    );
    using client = await server.connect();
    const { body, headers } = await client.ask(request("GET /"));
    const type = headers.get("content-type") ?? "";
    assertMatch(type, /^multipart\/form-data; *boundary=/);
    const parsed = await new Response(body, {
      headers: { "content-type": type },
    })
      .formData();
    assertEquals([...parsed], [["a", "b"]]);
  },
);

testFetch(
  "a response is sent once: the second time is a 500",
  async (engine, { toHandler }) => {
    const makers: (() => Response)[] = [
      () => new Response("text"),
      () => new Response("text", { status: 201 }),
      () => new Response(new Blob(["blob"])),
      () => new Response(streamOf("stream")),
    ];
    for (const make of makers) {
      const response = make();
      await using server = engine.serve((app) =>
        app.fallbackRoute(toHandler(() => response)).errorHook(() => {})
      );
      using client = await server.connect();
      assertEquals(
        (await client.ask(request("GET /"))).status,
        response.status,
      );
      assertEquals((await client.ask(request("GET /"))).status, 500);
      assert(response.bodyUsed);
    }
  },
);

testFetch("HEAD cancels the body", async (engine, { toHandler }) => {
  const { promise: canceled, resolve: cancel } = Promise.withResolvers<void>();
  const respond: FetchHandler = () =>
    new Response(new ReadableStream({ cancel: () => cancel() }));
  await using server = engine.serve((app) =>
    app.fallbackRoute(toHandler(respond))
  );
  using client = await server.connect();
  const response = await client.ask(request("HEAD /"));
  assertEquals(response.status, 200);
  await canceled;
});

testFetch(
  "a stream that fails midway cuts the connection",
  async (engine, { toHandler }) => {
    const respond: FetchHandler = () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start(controller): void {
            controller.enqueue(new Uint8Array(20_000));
          },
          pull(controller): void {
            controller.error(new Error("broken"));
          },
        }, { highWaterMark: 0 }),
      );
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(respond)).errorHook(() => {})
    );
    using client = await server.connect();
    await client.send(request("GET /"));
    const wire = await client.toEnd();
    assert(wire.startsWith("HTTP/1.1 200 OK\r\n"));
    assert(!wire.endsWith("\r\n0\r\n\r\n"), "the response looks complete");
  },
);

testFetch(
  "a stream is canceled when the client leaves",
  async (engine, { toHandler }) => {
    const { promise: canceled, resolve: cancel } = Promise.withResolvers<
      void
    >();
    const respond: FetchHandler = () =>
      new Response(
        new ReadableStream<Uint8Array>({
          pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
          cancel: () => cancel(),
        }),
      );
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(respond))
    );
    const client = await server.connect();
    await client.send(request("GET /"));
    await client.take(100_000);
    client.close();
    await canceled;
  },
);

testFetch(
  "the source of a stream can read the request until it ends",
  async (engine, { toHandler }) => {
    const respond: FetchHandler = (request) =>
      new Response(
        new ReadableStream<Uint8Array>({
          async pull(controller): Promise<void> {
            await new Promise((resolve) => setTimeout(resolve, 1));
            const text = `${request.headers.get("x-a")} ${request.url}`;
            controller.enqueue(new TextEncoder().encode(text));
            controller.close();
          },
        }),
      );
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(respond))
    );
    using client = await server.connect();
    const { body } = await client.ask(request("GET /p", "X-A: b\r\n"));
    assertEquals(body, "b http://a/p");
  },
);
