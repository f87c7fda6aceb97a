/** Connections that a handler takes over: `hijack()` and `upgrade()`. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Duplex } from "../mod.ts";
import { Server } from "../mod.ts";
import { connectTcp } from "./support/connect_tcp.ts";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import { MemoryConnection } from "./support/memory_duplex.ts";
import { request } from "./support/serve.ts";
import { turn } from "./support/turns.ts";
import { writeAll } from "./support/write_all.ts";

const UPGRADE = "Connection: upgrade\r\nUpgrade: chat, echo\r\n";

async function writeText(conn: Duplex, text: string): Promise<void> {
  await writeAll(conn, new TextEncoder().encode(text));
}

async function readText(conn: Duplex): Promise<string | null> {
  const buffer = new Uint8Array(100);
  const size = await conn.read(buffer);
  return size === null
    ? null
    : new TextDecoder().decode(buffer.subarray(0, size));
}

/** Opens a raw connection and reads it to its end. */
async function wholeAnswer(port: number, wire: string): Promise<string> {
  const conn = await connectTcp(port);
  await writeText(conn, wire);
  await conn.closeWrite();
  return await new Response(conn.readable).text();
}

testEngines(
  "R88: upgrade() sends one 101, and the handler gets the bytes after the request",
  async (engine) => {
    const seen: (string | null)[] = [];
    await using server = engine.serve((app) =>
      app.get("/", async (_, res) => {
        const conn = await res.upgrade("Echo", { "x-note": "1" });
        seen.push(await readText(conn), await readText(conn));
        await writeText(conn, "bye");
        conn.close();
      })
    );
    const wire = `${request("GET /", UPGRADE)}GET /smuggled HTTP/1.1\r\n\r\n`;
    const answer = await wholeAnswer(server.port, wire);
    assertEquals(
      answer,
      "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nx-note: 1\r\nupgrade: Echo\r\n\r\nbye",
    );
    assertEquals(seen, ["GET /smuggled HTTP/1.1\r\n\r\n", null]);
    assertEquals(server.handle.requestCount, 1);
  },
);

testEngines(
  "R86: upgrade() of a request with a body throws before the body was read, and works after",
  async (engine) => {
    const messages: string[] = [];
    await using server = engine.serve((app) =>
      app.post("/early", (_, res) => {
        res.upgrade("echo");
      }).post("/half", async (ctx, res) => {
        await ctx.body.read(new Uint8Array(1));
        await res.upgrade("echo");
      }).post("/read", async (ctx, res) => {
        const body = await ctx.body.text();
        const conn = await res.upgrade("echo");
        await writeText(conn, body + await readText(conn));
        conn.close();
      }).errorHook((error) => void messages.push(String(error)))
    );
    for (const path of ["/early", "/half"]) {
      const fields = `${UPGRADE}Content-Length: 9\r\n`;
      const wire = request(`POST ${path}`, fields, "hello");
      using client = await server.connect();
      assertEquals((await client.ask(wire)).status, 500);
    }
    const why =
      'TypeError: Cannot upgrade to "echo": the body was not read to its end';
    assertEquals(messages, [why, why]);
    const wire = `${request("POST /read", UPGRADE, "hello")}, world`;
    const answer = await wholeAnswer(server.port, wire);
    assertStringIncludes(answer, "HTTP/1.1 101 ");
    assert(answer.endsWith("\r\n\r\nhello, world"), answer);
  },
);

testEngines(
  "R88: upgrade() throws for a protocol that was not offered, or after a response was started",
  async (engine) => {
    const messages: string[] = [];
    await using server = engine.serve((app) =>
      app.get("/never", (_, res) => {
        res.upgrade("h2c");
      }).get("/late", (_, res) => {
        res.ok("first");
        res.upgrade("echo");
      }).errorHook((error) => void messages.push(String(error)))
    );
    const never = await wholeAnswer(
      server.port,
      request("GET /never", UPGRADE),
    );
    assertStringIncludes(never, "HTTP/1.1 500 ");
    const late = await wholeAnswer(server.port, request("GET /late", UPGRADE));
    assertStringIncludes(late, "HTTP/1.1 200 ");
    assert(!late.includes(" 101 "));
    assertEquals(messages, [
      'TypeError: Cannot upgrade to "h2c": it was not offered',
      "TypeError: Cannot take the connection over: a response was begun",
    ]);
  },
);

testEngines(
  "hijack() returns a connection on which earlier responses were sent",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("one"))
        .get("/raw", async (_, res) => {
          const conn = await res.hijack();
          await writeText(conn, "raw");
          conn.close();
        })
    );
    const wire = request("GET /") + request("GET /raw");
    const answer = await wholeAnswer(server.port, wire);
    assert(answer.endsWith("\r\n\r\noneraw"), answer);
  },
);

testEngines(
  "after hijack(), the connection counts until it is closed; then the teardown hook runs",
  async (engine) => {
    const events: string[] = [];
    const entered = Promise.withResolvers<void>();
    const { promise: release, resolve } = Promise.withResolvers<void>();
    await using server = engine.serve((app) =>
      app.get("/", async (_, res) => {
        const conn = await res.hijack();
        entered.resolve();
        await writeText(conn, "x");
        await release;
        events.push("closing");
        conn.close();
        conn.close(); // a second close() has no effect
      }).connectionTeardownHook((_, error) => {
        events.push(`teardown ${error}`);
      })
    );
    const answer = wholeAnswer(server.port, request("GET /"));
    await entered.promise;
    const stopped = server.handle.shutdown();
    resolve();
    assertEquals(await answer, "x");
    await stopped;
    assertEquals(events, ["closing", "teardown undefined"]);
  },
);

testEngines(
  "closeNow() closes a connection that was taken over",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await using server = engine.serve((app) =>
      app.get("/", async (_, res) => {
        const conn = await res.hijack();
        await writeText(conn, "x");
        conn.read(new Uint8Array(1)).then(
          (size) => resolve(`read ${size}`),
          () => resolve("read failed"),
        );
      })
    );
    const conn = await connectTcp(server.port);
    await writeText(conn, request("GET /"));
    assertEquals(await readText(conn), "x");
    server.handle.closeNow();
    assert((await promise).startsWith("read"));
    await server.handle.finished;
    conn.close();
  },
);

testEngines(
  "R84: a handler cannot answer CONNECT with success, only by taking the connection over",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.route("CONNECT", "/", (_, res) => res.ok("not a tunnel"))
    );
    const wire = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
    const answer = await wholeAnswer(server.port, wire);
    assertStringIncludes(answer, "HTTP/1.1 500 ");
    assertStringIncludes(answer, "connection: close\r\n");
  },
);

testEngines(
  "R88: upgrade() sends its 101 immediately, however late it is called",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/", async (_, res) => {
        await turn();
        const conn = await res.upgrade("echo");
        conn.close();
      })
    );
    const answer = await wholeAnswer(server.port, request("GET /", UPGRADE));
    assertStringIncludes(answer, "HTTP/1.1 101 ");
  },
);

testEngine(
  LISTEN,
  "a read that was pending when a connection was taken over ends when it is closed",
  async () => {
    const taken = Promise.withResolvers<Duplex>();
    const server = Server.builder("127.0.0.1:0")
      .get("/", (_, res) => void res.hijack().then(taken.resolve)).build();
    const peer = new MemoryConnection();
    const ended = server.handle(peer.duplex);
    peer.send(request("GET /"));
    const conn = await taken.promise;
    const read = readText(conn);
    await turn();
    conn.close();
    assertEquals(await read, null);
    await ended;
  },
);

testEngines(
  "a handler that throws after hijack() closes its connection, and teardown gets the error",
  async (engine) => {
    const ends: string[] = [];
    await using server = engine.serve((app) =>
      app.get("/", async (_, res) => {
        const conn = await res.hijack();
        await writeText(conn, "x");
        throw new Error("lost");
      }).connectionTeardownHook((_, error) => void ends.push(String(error)))
    );
    assertEquals(await wholeAnswer(server.port, request("GET /")), "x");
    await server.handle.shutdown();
    assertEquals(ends, ["Error: lost"]);
  },
);
