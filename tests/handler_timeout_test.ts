/** `handlerTimeout`: the server responds for a handler that takes too long, and aborts its signal. */

import { assert, assertEquals } from "@std/assert";
import { testEngines } from "./support/engines.ts";
import { request } from "./support/serve.ts";
import { until } from "./support/turns.ts";

const LIMIT = { handlerTimeout: 40 };

testEngines(
  "a handler that takes longer than handlerTimeout gets 503 and its signal aborts",
  async (engine) => {
    const seen: string[] = [];
    await using server = engine.serve((app) => {
      app.get("/x", async (ctx, res) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        const { signal } = ctx;
        signal.addEventListener("abort", () => resolve());
        await promise;
        seen.push(signal.reason.name);
        res.ok("too late");
        throw signal.reason; // was reported already
      });
    }, LIMIT);
    using client = await server.connect();
    const { status, body, headers } = await client.ask(request("GET /x"));
    assertEquals([status, body, headers.get("connection")], [
      503,
      "Service Unavailable",
      "close",
    ]);
    assertEquals(await client.toEnd(), "");
    await until(() => server.errors.length === 2);
    assertEquals(seen, ["TimeoutError"]);
    assertEquals(server.errors.map((error) => (error as Error).message), [
      "Cannot complete request: the handler sent no response within 40 ms " +
      "(handlerTimeout)",
      "Cannot send response: GET /x was already answered with 503 because the " +
      "handler took longer than handlerTimeout",
    ]);
  },
);

testEngines(
  "the error hook may respond for a handler that takes too long",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", () => new Promise(() => {}));
      app.errorHook((error, _, res) => {
        assert(error instanceof DOMException);
        res.send(504, error.name);
      });
    }, LIMIT);
    using client = await server.connect();
    const { status, body } = await client.ask(request("GET /"));
    assertEquals([status, body], [504, "TimeoutError"]);
    assertEquals(server.errors, []);
  },
);

testEngines(
  "handlerTimeout leaves handlers alone that wait for the body or have begun to respond",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.post("/", async (ctx, res) => res.ok(await ctx.body.text()));
      app.get("/", (_, res) => {
        let count = 0;
        res.ok(
          new ReadableStream({
            async pull(controller): Promise<void> {
              await new Promise((resolve) => setTimeout(resolve, 60));
              if (count++ < 2) controller.enqueue(new Uint8Array([0x61]));
              else controller.close();
            },
          }),
        );
      });
    }, LIMIT);
    using client = await server.connect();
    await client.send(request("POST /", "Content-Length: 2\r\n") + "a");
    await new Promise((resolve) => setTimeout(resolve, 150));
    await client.send("b");
    assertEquals((await client.response()).body, "ab");
    assertEquals((await client.ask(request("GET /"))).body, "aa");
    assertEquals((await client.ask(request("GET /"))).body, "aa");
  },
);
