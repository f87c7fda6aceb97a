/**
 * Bytes on epoll: together with the end of the stream, waiting for room in the
 * socket, and on connections that a handler took over.
 */

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers";
import { ConnectionSetupAction, type Duplex } from "../../../../mod.ts";
import { EPOLL, testEngine } from "../../../support/engines.ts";
import { withDeadline } from "../../../support/with_deadline.ts";
import {
  inPieces,
  LARGE,
  LARGE_BYTES,
  sha256,
} from "../../../support/origins.ts";
import { request } from "../../../support/serve.ts";
import { turn, until } from "../../../support/turns.ts";
import { connect, readAtLeast, toBytes } from "../../../support/epoll_peers.ts";
import { writeAll } from "../../../support/write_all.ts";

const DEADLINE_MS = 20_000;

/** More than the system buffers for a connection whose peer does not read. */
const FLOOD_BYTES = 50_000_000;

const LARGE_HASH = await sha256(LARGE);

testEngine(
  EPOLL,
  "bytes and the end of the stream that arrive together are both seen",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.post("/", async (ctx, res) => res.ok(await ctx.body.text()))
        .get("/", (_, res) => res.ok("ok"))
    );
    for (let n = 0; n < 200; n++) {
      using client = await server.connect();
      const isPost = n % 2 === 0;
      const wire = isPost ? request("POST /", "", "hello") : request("GET /");
      const sending = client.send(wire);
      await Promise.all([sending, client.end()]);
      assertEquals((await client.response()).body, isPost ? "hello" : "ok");
      assertEquals(await client.toEnd(), "");
    }
    await until(() => server.handle.connectionCount === 0);
    assertEquals(server.errors, []);
  },
);

testEngine(
  EPOLL,
  "a peer that has ended its direction gets a response of any length",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/bytes", (_, res) => res.ok(LARGE))
        .get("/stream", (_, res) => res.ok(inPieces(LARGE)))
        .get("/late", async (_, res) => {
          for (let n = 0; n < 5; n++) await turn();
          res.ok(LARGE);
        })
    );
    for (const path of ["/bytes", "/stream", "/late"]) {
      const conn = await connect(server);
      await conn.write(toBytes(request(`GET ${path}`)));
      await conn.closeWrite();
      const answer = await new Response(conn.readable).bytes();
      const body = answer.slice(headLength(answer));
      const payload = path === "/stream" ? dechunk(body).slice() : body;
      assertEquals(await sha256(payload), LARGE_HASH, path);
    }
  },
);

testEngine(
  EPOLL,
  "a slow reader gets all bytes of a large body, and does not delay others",
  async (engine) => {
    const size = 20_000_000;
    const body = Uint8Array.from(
      { length: size },
      (_, at) => at * 7 ^ at >> 11,
    );
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
        .get("/body", (_, res) => res.ok(body))
        .get("/stream", (_, res) => res.ok(inPieces(body, 100_000)))
    );
    using other = await server.connect();
    for (const path of ["/body", "/stream"]) {
      const conn = await connect(server);
      await conn.write(
        toBytes(request(`GET ${path}`, "Connection: close\r\n")),
      );
      const buffer = new Uint8Array(300_000);
      const received = new Uint8Array(size + 100_000);
      let at = 0;
      for (;;) {
        // In each turn, the server finds the socket full again.
        assertEquals((await other.ask(request("GET /"))).body, "ok");
        const count = await conn.read(buffer);
        if (count === null) break;
        received.set(buffer.subarray(0, count), at);
        at += count;
      }
      conn.close();
      const head = headLength(received);
      const payload = path === "/body"
        ? received.subarray(head, at)
        : dechunk(received.subarray(head, at));
      assertEquals(payload.length, size, path);
      assert(isEqual(payload, body), path);
    }
  },
);

/** The offset of a response's body. */
function headLength(answer: Uint8Array): number {
  const text = new TextDecoder("latin1").decode(answer.subarray(0, 500));
  return text.indexOf("\r\n\r\n") + 4;
}

/** The payload of valid chunks. */
function dechunk(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(bytes.length);
  let size = 0;
  for (let at = 0;;) {
    const end = bytes.indexOf(0x0d, at);
    const digits = new TextDecoder().decode(bytes.subarray(at, end));
    const length = parseInt(digits, 16);
    if (length === 0) return payload.subarray(0, size);
    payload.set(bytes.subarray(end + 2, end + 2 + length), size);
    size += length;
    at = end + 2 + length + 2;
  }
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length &&
    left.every((byte, at) => byte === right[at]);
}

testEngine(
  EPOLL,
  "R98, R154: requests and uploads wait in the system while handlers do not take them",
  async (engine) => {
    const release = Promise.withResolvers<void>();
    let calls = 0;
    await using server = engine.serve((app) => {
      app.fallbackRoute(async (ctx, res) => {
        calls++;
        await release.promise;
        if (ctx.method === "POST") {
          let size = 0;
          for await (const piece of ctx.body) size += piece.length;
          res.ok(String(size));
        } else res.ok("ok");
      });
    });
    const flood = new Uint8Array(FLOOD_BYTES);
    const head = request("POST /", `Content-Length: ${FLOOD_BYTES}\r\n`);
    const line = request("GET /", `X: ${"x".repeat(1000)}\r\n`);
    const count = Math.floor(FLOOD_BYTES / line.length);
    const sent = [0, 0];
    const clients = [await connect(server), await connect(server)];
    const sendings = [
      [toBytes(head), flood],
      [toBytes(line.repeat(count))],
    ].map(async (parts, index) => {
      for (const part of parts) {
        for (let at = 0; at < part.length;) {
          const size = await clients[index]!.write(part.subarray(at)); // there are two
          at += size;
          sent[index]! += size;
        }
      }
    });
    // Until neither makes progress: the system's buffers are full.
    for (let before = -1, now = 0; before < now;) {
      for (let n = 0; n < 50; n++) await turn();
      [before, now] = [now, sent[0]! + sent[1]!]; // one for each client
    }
    assert(sent.every((size) => size < FLOOD_BYTES / 2), `${sent} were taken`);
    assertEquals(calls, 2);
    release.resolve();
    const [upload, pipeline] = clients;
    const answer = readAtLeast(upload!, 20);
    const answers = (async () => {
      const all = await new Response(pipeline!.readable).text();
      return all.split("HTTP/1.1 200 OK\r\n").length - 1;
    })();
    await withDeadline(Promise.all(sendings), 60_000);
    assert(await answer > 0);
    await pipeline!.closeWrite();
    assertEquals(await withDeadline(answers, 60_000), count);
    upload!.close();
  },
);

testEngine(
  EPOLL,
  "R96, R153: no output is produced ahead of a peer that does not read",
  async (engine) => {
    let pulledBytes = 0;
    let calls = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for (let n = 0; n < FLOOD_BYTES / 65_536; n++) {
        pulledBytes += 65_536;
        yield new Uint8Array(65_536);
      }
    }
    await using server = engine.serve((app) =>
      app.get("/stream", (_, res) => res.ok(counted()))
        .get("/bytes", (_, res) => {
          calls++;
          res.ok(new Uint8Array(1_000_000));
        })
    );
    const streaming = await connect(server);
    await streaming.write(toBytes(request("GET /stream")));
    const pipelining = await connect(server);
    const total = 60;
    await pipelining.write(toBytes(request("GET /bytes").repeat(total)));
    for (let before = -1, now = 0; before < now;) {
      for (let n = 0; n < 50; n++) await turn();
      [before, now] = [now, pulledBytes + calls];
    }
    assert(pulledBytes < FLOOD_BYTES / 2, `${pulledBytes} were pulled`);
    assert(calls > 0 && calls < total / 2, `${calls} calls`);
    const streamed = readAtLeast(streaming, FLOOD_BYTES);
    const piped = readAtLeast(pipelining, total * 1_000_000);
    await withDeadline(Promise.all([streamed, piped]), 60_000);
    assertEquals(calls, total);
    streaming.close();
    pipelining.close();
  },
);

testEngine(
  EPOLL,
  "bodies around the size of the receive window arrive whole",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.post("/", async (ctx, res) => res.ok(await ctx.body.bytes()))
        .post("/stream", (ctx, res) => res.ok(ctx.body.stream))
    );
    using client = await server.connect();
    const headBytes = request("POST /", "", "x".repeat(65_536)).length - 65_536;
    for (const base of [65_536, 131_072, 65_536 - headBytes]) {
      for (const size of [base - 1, base, base + 1]) {
        const body = "0123456789".repeat(size / 10 + 1).slice(0, size);
        for (const path of ["/", "/stream"]) {
          const answer = await client.ask(request(`POST ${path}`, "", body));
          assertEquals(answer.body === body, true, `${path}, ${size} bytes`);
        }
      }
    }
  },
);

testEngine(
  EPOLL,
  "a fast upload does not delay other connections",
  async (engine) => {
    let uploadedBytes = 0;
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("ok"))
        .post("/", async (ctx, res) => {
          for await (const piece of ctx.body) uploadedBytes += piece.length;
          res.ok(String(uploadedBytes));
        })
    );
    using other = await server.connect();
    const conn = await connect(server);
    await writeAll(
      conn,
      toBytes(request("POST /", `Content-Length: ${FLOOD_BYTES}\r\n`)),
    );
    const sending = writeAll(conn, new Uint8Array(FLOOD_BYTES));
    let answers = 0;
    while (uploadedBytes < FLOOD_BYTES) {
      assertEquals((await other.ask(request("GET /"))).body, "ok");
      answers++;
    }
    assert(answers > 5, `${answers} answers`);
    await sending;
    assert(await readAtLeast(conn, 1) > 0);
    conn.close();
  },
);

testEngine(
  EPOLL,
  "10 MB go both ways at once, by length and in chunks, on many connections",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.post("/echo", (ctx, res) => res.ok(ctx.body))
        .post("/hash", async (ctx, res) => {
          const bytes = await new Response(ctx.body.stream).bytes();
          res.ok(await sha256(bytes));
        })
    );
    const base = `http://127.0.0.1:${server.port}`;
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 4 });
    const post = (path: string, body: BodyInit): Promise<Response> =>
      fetch(base + path, { method: "POST", body, client });
    await Promise.all([LARGE, null, LARGE, null].map(async (bytes) => {
      const echo = await post("/echo", bytes ?? stream());
      assertEquals(await sha256(await echo.bytes()), LARGE_HASH);
      const hash = await post("/hash", bytes ?? stream());
      assertEquals(await hash.text(), LARGE_HASH);
    }));
  },
);

function stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(inPieces(LARGE));
}

testEngine(
  EPOLL,
  "a connection that was taken over carries the bytes before and after it, both ways",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok("first"))
        .get("/echo", async (_, res) => {
          const conn = await res.hijack();
          assertEquals((conn.localAddr as Deno.NetAddr).port, server.port);
          conn.setNoDelay?.(false);
          conn.setKeepAlive?.(true);
          const buffer = new Uint8Array(100_000);
          for (;;) {
            const size = await conn.read(buffer);
            if (size === null) break;
            await writeAll(conn, buffer.subarray(0, size));
          }
          await conn.closeWrite?.();
          conn.close();
        })
    );
    const conn = await connect(server);
    const wire = request("GET /") + request("GET /echo") + "behind";
    await conn.write(toBytes(wire));
    const sending = (async () => {
      await writeAll(conn, LARGE);
      await conn.closeWrite();
    })();
    const echoed = new Uint8Array(
      await new Response(conn.readable).arrayBuffer(),
    );
    await sending;
    const text = new TextDecoder("latin1").decode(echoed.subarray(0, 500));
    const start = text.indexOf("firstbehind") + "firstbehind".length;
    assertEquals(echoed.length - start, LARGE_BYTES);
    assertEquals(await sha256(echoed.slice(start)), LARGE_HASH);
  },
);

testEngine(
  EPOLL,
  "a pending read rejects when a connection that was taken over is closed",
  async (engine) => {
    const taken = Promise.withResolvers<Duplex>();
    await using server = engine.serve((app) =>
      app.get("/", async (_, res) => taken.resolve(await res.hijack()))
    );
    using client = await server.connect();
    await client.send(request("GET /"));
    const conn = await taken.promise;
    const read = assertRejects(
      () => conn.read(new Uint8Array(1)),
      Deno.errors.BadResource,
    );
    await turn();
    conn.close();
    await withDeadline(read, DEADLINE_MS);
    assertEquals(await client.toEnd(), "");
  },
);

testEngine(
  EPOLL,
  "a connection that a hook puts in front of the socket waits for room and bytes",
  async (engine) => {
    await using server = engine.serve(
      (app) =>
        app.post("/", async (ctx, res) => res.ok(await ctx.body.bytes()))
          .connectionSetupHook((accepted) => {
            if (!accepted.ok) return ConnectionSetupAction.drop;
            const { conn } = accepted;
            return ConnectionSetupAction.proceed({
              read: (buffer) => conn.read(buffer),
              write: (bytes) => conn.write(bytes),
              close: () => conn.close(),
            });
          }),
      { maxBufferedBodyBytes: LARGE_BYTES },
    );
    for (let n = 0; n < 3; n++) {
      const response = await fetch(`http://127.0.0.1:${server.port}/`, {
        method: "POST",
        body: LARGE,
        headers: { connection: "close" },
      });
      assertEquals(await sha256(await response.bytes()), LARGE_HASH);
    }
  },
);

/** Work allowed between two turns of the program: twice the budget of the engine's loop. */
const MOST_IN_A_TURN = 2 * 128;

testEngine(
  EPOLL,
  "code that always has more to send or to read lets others run",
  async (engine) => {
    const piece = new Uint8Array(100);
    const hijacked = Promise.withResolvers<void>();
    let calls = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;; calls++) yield piece;
    }
    async function repeat(call: () => Promise<unknown>): Promise<void> {
      try {
        for (;; calls++) await call();
      } catch {
        // The peer has closed.
      }
    }
    await using server = engine.serve((app) =>
      app.get("/stream", (_, res) => res.ok(endless()))
        .get("/write", async (_, res) => {
          const conn = await res.hijack();
          await repeat(() => conn.write(piece));
          conn.close();
        })
        .get("/read", async (_, res) => {
          const conn = await res.hijack();
          hijacked.resolve();
          await repeat(async () => assert(await conn.read(piece) !== null));
          conn.close();
        })
    );
    for (const path of ["/stream", "/write", "/read"]) {
      calls = 0;
      const conn = await connect(server);
      await writeAll(conn, toBytes(request(`GET ${path}`)));
      if (path === "/read") {
        await hijacked.promise; // no bytes are buffered for the reader
        await writeAll(conn, new Uint8Array(300_000));
      }
      let most = 0;
      for (let before = calls; calls < 2000; before = calls) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        most = Math.max(most, calls - before);
      }
      // One write of a stream joins up to 16 pieces.
      const joined = path === "/stream" ? 16 : 1;
      assertLess(most, joined * MOST_IN_A_TURN, path);
      conn.close();
    }
  },
);
