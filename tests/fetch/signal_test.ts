/** When the signal of a request aborts, on each engine. */

import { assert, assertEquals } from "@std/assert";
import type { FetchHandler } from "../../fetch/handler.ts";
import type { TestEngine } from "../support/engines.ts";
import { type FetchAdapter, testFetch } from "../support/fetch_adapters.ts";
import { request as wireOf } from "../support/serve.ts";

/**
 * How soon a handler must learn that its client has left, in consecutive timers of
 * 1 ms. The event loop polls all sockets between two of them, so a busy machine
 * delays the timers as much as the signal.
 */
const MAX_TICKS = 50;
/** When the test stops waiting, in such timers. */
const MANY_TICKS = 2000;

/** Resolves when the signal aborts, with its reason. */
function abortOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason));
  });
}

/** Has a client leave while the handler runs. Returns how many ticks pass before the handler knows. */
async function ticksToAbort(
  engine: TestEngine,
  toHandler: FetchAdapter["toHandler"],
  isReset: boolean,
): Promise<number> {
  const started = Promise.withResolvers<void>();
  let isAborted = false;
  const handler: FetchHandler = async ({ signal, url }) => {
    if (url.endsWith("/first")) return new Response("unread");
    started.resolve();
    await abortOf(signal);
    isAborted = true;
    return new Response("too late");
  };
  await using server = engine.serve((app) =>
    app.fallbackRoute(toHandler(handler)).errorHook(() => {})
  );
  const conn = await Deno.connect({ port: server.port });
  const first = isReset ? wireOf("GET /first") : "";
  await conn.write(new TextEncoder().encode(first + wireOf("GET /")));
  await started.promise;
  // A socket that is closed with unread bytes resets its connection.
  if (isReset) await conn.read(new Uint8Array(1));
  conn.close();
  let ticks = 0;
  for (; !isAborted && ticks < MANY_TICKS; ticks++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return ticks;
}

for (const [how, isReset] of [["closes", false], ["resets", true]] as const) {
  testFetch(
    `the signal aborts within ${MAX_TICKS} ms when the client ${how} the connection while the handler runs`,
    async (engine, { toHandler }) => {
      const ticks = await ticksToAbort(engine, toHandler, isReset);
      assert(ticks <= MAX_TICKS, `${ticks} ticks`);
    },
  );
}

testFetch(
  "the signal does not abort after a response, nor when the client leaves then",
  async (engine, { toHandler }) => {
    const signals: AbortSignal[] = [];
    const completed: Promise<void>[] = [];
    const handler: FetchHandler = (request, info) => {
      signals.push(request.signal);
      completed.push(info.completed);
      return new Response("a");
    };
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    {
      await using server = engine.serve((app) =>
        app.fallbackRoute(toHandler(handler))
          .connectionTeardownHook(() => end())
      );
      const client = await server.connect();
      await client.ask(wireOf("GET /"));
      await client.ask(wireOf("GET /"));
      client.close();
      await ended;
    }
    await Promise.all(completed);
    assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
    assert(signals[0] !== signals[1]);
  },
);

testFetch(
  "the signal does not abort after a streamed response",
  async (engine, { toHandler }) => {
    const signals: AbortSignal[] = [];
    const handler: FetchHandler = (request) => {
      signals.push(request.signal);
      return new Response(ReadableStream.from([new Uint8Array(30_000)]));
    };
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    {
      await using server = engine.serve((app) =>
        app.fallbackRoute(toHandler(handler))
          .connectionTeardownHook(() => end())
      );
      const client = await server.connect();
      const { body } = await client.ask(wireOf("GET /"));
      assertEquals(body.length, 30_000);
      client.close();
      await ended;
    }
    assertEquals(signals.map(({ aborted }) => aborted), [false]);
  },
);

testFetch(
  "the signal does not abort when the handler cancels the body",
  async (engine, { toHandler }) => {
    const handler: FetchHandler = async (request) => {
      const { signal } = request;
      const reader = request.body!.getReader();
      await reader.read();
      await reader.cancel();
      await new Promise((resolve) => setTimeout(resolve, 1));
      return Response.json([signal.aborted, request.bodyUsed]);
    };
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(handler))
    );
    using client = await server.connect();
    await client.send(wireOf("POST /", "Content-Length: 10\r\n") + "hello");
    await client.send("there");
    const { body } = await client.response();
    assertEquals(body, "[false,true]");
  },
);

testFetch(
  "a client that leaves before its handler returns ends neither the server nor the handler",
  async (engine, { toHandler }) => {
    const started = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<string>();
    const handler: FetchHandler = async (request) => {
      if (request.url.endsWith("/next")) return new Response("next");
      started.resolve();
      await abortOf(request.signal);
      const text = await request.text().catch((error) => error.name);
      finished.resolve(text);
      throw new Error("the client is gone");
    };
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(handler)).errorHook(() => {})
    );
    const client = await server.connect();
    await client.send(wireOf("POST /", "Content-Length: 10\r\n") + "hello");
    await started.promise;
    client.close();
    assert(await finished.promise !== "");
    using next = await server.connect();
    assertEquals((await next.ask(wireOf("GET /next"))).body, "next");
  },
);

testFetch(
  "a clone and a copy abort with their request",
  async (engine, { toHandler }) => {
    const started = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    const handler: FetchHandler = async (request) => {
      const copies = [request.clone(), new Request(request)];
      started.resolve();
      await Promise.all(copies.map(({ signal }) => abortOf(signal)));
      aborted.resolve();
      return new Response();
    };
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(handler))
    );
    const client = await server.connect();
    await client.send(wireOf("GET /"));
    await started.promise;
    client.close();
    await aborted.promise;
  },
);

testFetch(
  "the info has the addresses, the connection and the end of the response",
  async (engine, { toHandler }) => {
    const completed: Promise<void>[] = [];
    const handler: FetchHandler = (_, info) => {
      completed.push(info.completed);
      return Response.json([
        info.remoteAddr.hostname,
        info.localAddr.port,
        info.connection.localAddr,
      ]);
    };
    await using server = engine.serve((app) =>
      app.fallbackRoute(toHandler(handler))
    );
    using client = await server.connect();
    const { body } = await client.ask(wireOf("GET /"));
    const addr = { transport: "tcp", hostname: "127.0.0.1", port: server.port };
    const [remote, port, local] = JSON.parse(body);
    assertEquals([remote, port], ["127.0.0.1", server.port]);
    assertEquals({ ...local }, addr);
    assertEquals(await Promise.all(completed), [undefined]);
  },
);
