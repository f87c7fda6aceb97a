/** How the engine on `node:net` writes: without the queue of its streams, and through it where it has to. */

import { assert, assertEquals } from "@std/assert";
import { Socket } from "node:net";
import { ConnectionSetupAction } from "../../../../mod.ts";
import { NodeSocket } from "../../../../server/engines/node/socket.ts";
import { TurnBudget } from "../../../../server/engines/node/turn_budget.ts";
import { NODE, testEngine } from "../../../support/engines.ts";
import { request } from "../../../support/serve.ts";
import { until } from "../../../support/turns.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The stream of a connection of this engine, with a method that the types do not have. */
function streamOf(conn: unknown): Socket & { _write: unknown } {
  assert(conn instanceof NodeSocket);
  return conn.stream as Socket & { _write: unknown }; // each stream has it
}

testEngine(NODE, "streams have the methods that their queue calls", () => {
  const stream = new Socket();
  for (const name of ["_write", "_writev"] as const) {
    assertEquals(typeof stream[name as keyof Socket], "function", name);
  }
  stream.destroy();
});

testEngine(
  NODE,
  "a write that the system takes at once is complete within the call",
  async (engine) => {
    const events: string[] = [];
    await using server = engine.serve((app) =>
      app.get("/", (ctx) => {
        assert(ctx.conn instanceof NodeSocket);
        const head = bytesOf("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        ctx.conn.send(head, bytesOf("ok"), (error) => {
          events.push(error ? String(error) : "done");
        });
        events.push(`queued: ${ctx.conn.stream.writableLength}`);
        return new Promise<void>(() => {});
      })
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "ok");
    await until(() => events.length === 2);
    assertEquals(events, ["done", "queued: 0"]);
    server.handle.closeNow();
  },
);

testEngine(
  NODE,
  "bytes that a hook has written and that are still queued come before responses",
  async (engine) => {
    const greeting = new Uint8Array(6_000_000).fill(0x61); // a
    let queuedBytes = 0;
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
        .connectionSetupHook((accepted) => {
          if (!accepted.ok) return ConnectionSetupAction.drop;
          const { conn } = accepted;
          conn.write(greeting.subarray(0, 1)).catch(() => {}); // the test checks what arrives
          streamOf(conn).write(greeting.subarray(1));
          queuedBytes = streamOf(conn).writableLength;
          return ConnectionSetupAction.proceed(conn);
        })
    );
    using client = await server.connect();
    await client.send(request("GET /"));
    await until(() => server.handle.requestCount === 1);
    assert(queuedBytes > 0);
    assertEquals((await client.take(greeting.length)).replaceAll("a", ""), "");
    assertEquals((await client.response()).body, "ok");
    assertEquals((await client.ask(request("GET /"))).body, "ok");
  },
);

testEngine(
  NODE,
  "a body that the system takes in parts arrives complete, with its head before it",
  async (engine) => {
    const body = Uint8Array.from({ length: 9_000_000 }, (_, n) => n % 251);
    await using server = engine.serve((app) =>
      app.get("/large", (_, res) => res.ok(body))
        .get("/", (_, res) => res.ok("ok"))
    );
    using client = await server.connect();
    await client.send(request("GET /large") + request("GET /"));
    const large = await client.response();
    assertEquals(large.body.length, body.length);
    for (let n = 0; n < body.length; n++) {
      if (large.body.charCodeAt(n) !== body[n]) assertEquals(n, -1, "differs");
    }
    assertEquals((await client.response()).body, "ok");
  },
);

testEngine(
  NODE,
  "a write that fails within the call ends the connection after the handler, with its error",
  async (engine) => {
    const failure = new Error("scripted EPIPE");
    const ends: unknown[] = [];
    let isAbortedInHandler = true;
    await using server = engine.serve((app) =>
      app.get("/", async (ctx, res) => {
        await Promise.resolve(); // the response is written within `res.ok()`
        streamOf(ctx.conn)._write = (
          _bytes: Uint8Array,
          _encoding: string,
          done: (error: Error) => void,
        ): void => done(failure);
        const { signal } = ctx;
        res.ok("ok");
        isAbortedInHandler = signal.aborted;
      }).connectionTeardownHook((_, error) => void ends.push(error))
    );
    using client = await server.connect();
    await client.send(request("GET /"));
    assertEquals(await client.toEnd(), "");
    await until(() => ends.length === 1);
    assertEquals(ends, [failure]);
    assertEquals(isAbortedInHandler, false);
    assertEquals(server.handle.connectionCount, 0);
  },
);

testEngine(
  NODE,
  "a runtime without these methods writes through the queue",
  () => {
    const calls: string[] = [];
    const stream = {
      writableLength: 0,
      cork: () => calls.push("cork"),
      uncork: () => calls.push("uncork"),
      write: (bytes: Uint8Array, done?: () => void) => {
        calls.push(new TextDecoder().decode(bytes));
        done?.();
      },
    } as unknown as Socket; // `send` uses nothing else
    const socket = new NodeSocket(stream, new TurnBudget(), null);
    socket.send(bytesOf("head"), bytesOf("body"), () => calls.push("done"));
    socket.send(null, bytesOf("next"), () => calls.push("done"));
    assertEquals(calls, [
      ...["cork", "head", "body", "done", "uncork"],
      ...["cork", "next", "done", "uncork"],
    ]);
  },
);
