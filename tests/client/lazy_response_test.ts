/** Tests that the `Response` of a `fetch` acts like the runtime's own, however it is read. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  ClientError,
  createFetch,
  type PooledFetch,
  Server,
} from "../../mod.ts";
import { close, head, HostileServer, send } from "../support/hostile_server.ts";

const BIG = 300_000;

/** A server, and a `fetch` for it. */
async function withSite(
  use: (fetch: PooledFetch, url: string) => Promise<void>,
): Promise<void> {
  const app = Server.builder("127.0.0.1:0");
  app.get("/", (_, res) => res.ok('{"a":1}'));
  app.get("/bom", (_, res) => res.ok(new Uint8Array([0xef, 0xbb, 0xbf, 0x31])));
  app.get("/big", (_, res) => res.ok(new Uint8Array(BIG)));
  app.get("/parts", (_, res) => res.ok(parts()));
  app.get("/empty", (_, res) => res.ok(""));
  app.get("/none", (_, res) => res.send(204));
  app.get("/form", (_, res) => {
    res.ok("a=b", { "content-type": "application/x-www-form-urlencoded" });
  });
  await using handle = app.build().serve();
  await using fetch = createFetch();
  await use(fetch, handle.url);
}

async function* parts(): AsyncGenerator<string> {
  for (let count = 0; count < 50; count++) {
    await Promise.resolve();
    yield "0123456789";
  }
}

/** Reads a response in each way, and says what that gave. */
const READS: Readonly<
  Record<string, (response: Response) => Promise<unknown>>
> = {
  text: (response) => response.text(),
  bytes: (response) => response.bytes(),
  arrayBuffer: async (response) => new Uint8Array(await response.arrayBuffer()),
  json: (response) => response.json(),
  blob: async (response) => {
    const blob = await response.blob();
    return [blob.type, await blob.bytes()];
  },
  formData: async (response) => [...await response.formData()],
  body: async (response) =>
    response.body && await new Response(response.body).bytes(),
  clone: async (response) => {
    const copy = response.clone();
    return [await copy.text(), await response.text()];
  },
  copy: async (response) => {
    const copy = new Response(response.body, response);
    return [copy.status, copy.statusText, [...copy.headers], await copy.text()];
  },
  "prototype's text": (response) => Response.prototype.text.call(response),
};

/** A result, or the class of the error. */
async function outcome(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

for (
  const path of ["", "bom", "big", "parts", "empty", "none", "form", "404"]
) {
  Deno.test(`a response to /${path} is read in every way as the runtime's own`, async () => {
    await withSite(async (fetch, url) => {
      for (const [name, read] of Object.entries(READS)) {
        const target = `${url}/${path}`;
        const ours = await fetch(target);
        const theirs = await globalThis.fetch(target);
        const results = [];
        for (const response of [ours, theirs]) {
          const { status, statusText, ok, url, redirected, bodyUsed } =
            response;
          results.push([
            { status, statusText, ok, url, redirected, bodyUsed },
            response.headers.get("content-type"),
            await outcome(() => read(response)),
            response.bodyUsed,
            await outcome(() => response.text()),
          ]);
          await response.body?.cancel().catch(() => {}); // it may be locked
        }
        assertEquals(results[0], results[1], name);
      }
    });
  });
}

Deno.test("a response is a Response to programs", async () => {
  await withSite(async (fetch, url) => {
    const response = await fetch(url);
    assert(response instanceof Response);
    assertEquals(response.constructor, Response);
    assertEquals(String(response), "[object Response]");
    assertEquals(response.headers, response.headers);
    assert(response.headers instanceof Headers);
    assertEquals(await response.json(), { a: 1 });
  });
});

Deno.test("a response is returned from handlers, unread, partly read or copied", async () => {
  await withSite(async (fetch, url) => {
    const handlers: readonly ((target: string) => Promise<Response>)[] = [
      (target) => fetch(target),
      async (target) => {
        const response = await fetch(target);
        response.clone();
        return response;
      },
      async (target) => {
        const { body, status, headers } = await fetch(target);
        return new Response(body, { status, headers });
      },
    ];
    for (const handler of handlers) {
      await using proxy = Deno.serve(
        { port: 0, onListen(): void {} },
        (request): Promise<Response> =>
          handler(`${url}${new URL(request.url).pathname}`),
      );
      const origin = `http://127.0.0.1:${proxy.addr.port}`;
      const big = await globalThis.fetch(`${origin}/big`);
      assertEquals((await big.bytes()).length, BIG);
      const none = await globalThis.fetch(`${origin}/none`);
      assertEquals([none.status, await none.text()], [204, ""]);
      const small = await globalThis.fetch(`${origin}/`);
      assertEquals([small.status, await small.text()], [200, '{"a":1}']);
      assert(small.headers.get("content-type")?.startsWith("text/plain"));
    }
  });
});

Deno.test("a signal ends a response that was received, however it is read", async () => {
  await withSite(async (fetch, url) => {
    for (const path of ["", "big"]) {
      for (const read of [READS.text, READS.bytes, READS.blob, READS.body]) {
        const controller = new AbortController();
        const { signal } = controller;
        const response = await fetch(`${url}/${path}`, { signal });
        controller.abort(new RangeError("mine"));
        await assertRejects(() => read!(response), RangeError, "mine"); // they exist
      }
    }
  });
});

Deno.test("a body that breaks off fails every read with a TypeError that has the cause", async () => {
  for (
    const wire of [
      "HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\nhello",
      "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 \r\nContent-Length: 90000\r\n\r\nhello",
    ]
  ) {
    for (
      const read of [READS.text, READS.arrayBuffer, READS.json, READS.body]
    ) {
      await using server = new HostileServer([[head, send(wire), close]]);
      await using fetch = createFetch();
      const response = await fetch(`http://${server.origin}/`);
      const error = await assertRejects(() => read!(response), TypeError); // as above
      assert(error.cause instanceof ClientError);
      assertEquals(error.cause.code, "INCOMPLETE");
    }
  }
});

Deno.test("maxBodyBytes limits the body of a response, and maxBufferedBodyBytes does not", async () => {
  await withSite(async (_, url) => {
    for (const [path, size] of [["big", BIG], ["parts", 500]] as const) {
      for (const read of [READS.text, READS.bytes, READS.arrayBuffer]) {
        await using unbuffered = createFetch({ maxBufferedBodyBytes: 10 });
        const body = await read!(await unbuffered(`${url}/${path}`)); // they exist
        assertEquals((body as string | Uint8Array).length, size); // by these three
        await using limited = createFetch({ maxBodyBytes: 10 });
        const error = await assertRejects(
          async () => await read!(await limited(`${url}/${path}`)), // as above
          TypeError,
        );
        assertStringIncludes(error.message, "10 bytes (maxBodyBytes)");
      }
    }
  });
});
