/**
 * Section 7, limits of a connection: the pace of streams (R153) and uploads
 * (R154), peers that send half a head (R156), requests per connection (R157),
 * and nothing that outlives the server (R159).
 */

import { assert, assertEquals } from "@std/assert";
import type { Handler } from "../mod.ts";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import { withDeadline } from "./support/with_deadline.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { applicationOf } from "./support/application.ts";
import { SWEEPS_MS } from "./support/timed_peer.ts";
import { TimedConnection } from "./support/timed_connection.ts";
import { turn, turns, until } from "./support/turns.ts";
import { FakeClock } from "./support/fake_clock.ts";

/** Bytes that the server buffers at most, also before it sends a stream's head. */
const HELD_BYTES = 65_536;
const GATHER_BYTES = 8192;

/** Waits for everything that needs no action of the peer. */
async function settle(): Promise<void> {
  await turns(5);
}

for (const pieceBytes of [1, 1000, 8192, 65_536]) {
  testEngine(
    LISTEN,
    `R153: a source of ${pieceBytes} bytes a piece is pulled after the previous write`,
    async () => {
      let pulledBytes = 0;
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) {
          pulledBytes += pieceBytes;
          yield new Uint8Array(pieceBytes);
        }
      }
      const peer = new TimedConnection((_, res) => res.ok(endless()));
      let writtenBytes = 0;
      let sent: (() => void) | null = null;
      peer.duplex.write = async (bytes) => {
        assertEquals(sent, null, "one write at a time");
        writtenBytes += bytes.length;
        await new Promise<void>((resolve) => sent = resolve);
        sent = null;
        return bytes.length;
      };
      peer.send(request("GET /"));
      await settle();
      // The first write holds the head and the pieces that were ready, at most 64 KiB.
      assert(pulledBytes <= HELD_BYTES, `${pulledBytes} were pulled`);
      for (let n = 0; n < 8; n++) {
        const [pulled, written] = [pulledBytes, writtenBytes];
        await settle();
        assertEquals([pulledBytes, writtenBytes], [pulled, written]);
        const next: (() => void) | null = sent;
        assert(next !== null);
        (next as () => void)(); // a write has set it
        await settle();
        // Pieces that are ready share one write of at most 64 KiB.
        assert(pulledBytes - pulled <= Math.max(pieceBytes, 65_536));
      }
      peer.reset(new Error("enough"));
      await peer.ended;
    },
  );
}

testEngine(
  LISTEN,
  "R153: pieces that a source has ready share a write, and a lone piece is written at once",
  async () => {
    const second = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(GATHER_BYTES); // ends the gathering before the head
      for (let n = 0; n < 40; n++) yield new Uint8Array(1000);
      await second.promise;
      yield new Uint8Array(10);
      await end.promise;
    }
    const peer = new TimedConnection((_, res) => res.ok(pieces()));
    const writes: number[] = [];
    peer.duplex.write = (bytes) => {
      writes.push(bytes.length);
      return Promise.resolve(bytes.length);
    };
    peer.send(request("GET /"));
    await settle();
    // 16 pieces at most share a write; each has a size line and a CRLF. The first
    // write has the head, the piece that ended the gathering and 15 others.
    const chunk = 1000 + "3e8\r\n\r\n".length;
    assertEquals(writes.slice(1), [16 * chunk, 9 * chunk]);
    second.resolve();
    await settle();
    assertEquals(writes.slice(3), [10 + "a\r\n\r\n".length]);
    end.resolve();
    await settle();
    assertEquals(writes.slice(4), ["0\r\n\r\n".length]);
    peer.reset(new Error("enough"));
    await peer.ended;
  },
);

const UPLOAD_BYTES = 4_194_304;
const PIECE = "x".repeat(65_536);

const uploads: readonly (readonly [string, string, string])[] = [
  ["by length", `Content-Length: ${UPLOAD_BYTES}\r\n`, PIECE],
  ["in chunks", "Transfer-Encoding: chunked\r\n", `10000\r\n${PIECE}\r\n`],
];

for (const [how, fields, piece] of uploads) {
  testEngine(
    LISTEN,
    `R154: an upload ${how} that the handler does not read stops at 64 KiB`,
    async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const peer = new TimedConnection(async (_, res) => {
        await promise;
        res.ok("ok");
      });
      const head = request("POST /", fields);
      peer.send(head);
      for (let n = 0; n < UPLOAD_BYTES / PIECE.length; n++) peer.send(piece);
      await settle();
      assert(
        peer.readBytes > HELD_BYTES / 2 &&
          peer.readBytes <= HELD_BYTES + head.length,
        `${peer.readBytes} were read`,
      );
      resolve();
      assertEquals((await peer.response()).body, "ok");
      await peer.finish();
    },
  );

  testEngine(
    LISTEN,
    `R154: an upload ${how} is read at the pace of the handler`,
    async () => {
      let readBytes = 0;
      let step = Promise.withResolvers<void>();
      const peer = new TimedConnection(async (ctx, res) => {
        for await (const bytes of ctx.body) {
          readBytes += bytes.length;
          await step.promise;
          step = Promise.withResolvers();
        }
        res.ok(String(readBytes));
      });
      const head = request("POST /", fields);
      peer.send(head);
      for (let n = 0; n < UPLOAD_BYTES / PIECE.length; n++) peer.send(piece);
      if (how === "in chunks") peer.send("0\r\n\r\n");
      while (readBytes < UPLOAD_BYTES) {
        await turn();
        const ahead = peer.readBytes - readBytes;
        // the current piece, the buffered bytes, and the framing of all chunks so far
        assert(ahead <= 2 * HELD_BYTES + 1024, `${ahead} ahead of the reader`);
        step.resolve();
      }
      step.resolve();
      assertEquals((await peer.response()).body, String(UPLOAD_BYTES));
      peer.end();
      await peer.finish();
    },
  );
}

testEngines(
  "R156: peers that send part of a head do not delay other connections, and are closed within 16 s",
  async ({ listenTimed }) => {
    const maxConnections = 40;
    const clock = new FakeClock();
    const { manager, port } = listenTimed(
      applicationOf((_, res) => res.ok("ok"), { maxConnections }),
      clock,
    );
    const partial: RawClient[] = [];
    for (let n = 0; n < maxConnections / 2; n++) {
      const client = await RawClient.connect(port);
      await client.send("GET / HTTP/1.1\r\nHost: ");
      partial.push(client);
    }
    using honest = await RawClient.connect(port);
    // The clock does not move, so no deadline can cause these answers.
    for (let n = 0; n < 50; n++) {
      const answer = honest.ask(request("GET /"));
      assertEquals((await withDeadline(answer, 5000)).body, "ok");
    }
    assertEquals(manager.connectionCount, maxConnections / 2 + 1);
    for (let second = 0; second < 14; second++) {
      clock.advance(1000);
      for (const client of partial) await client.send("a");
      assertEquals((await honest.ask(request("GET /"))).body, "ok");
    }
    clock.advance(1000 + SWEEPS_MS);
    for (const client of partial) {
      assertEquals((await client.response()).status, 408);
      assertEquals(await client.toEnd(), "");
      client.close();
    }
    await until(() => manager.connectionCount === 1);
    assertEquals((await honest.ask(request("GET /"))).body, "ok");
    manager.stop();
    assertEquals(await honest.toEnd(), "");
    honest.close();
    await manager.finished;
    assertEquals(clock.tickerCount, 0);
  },
);

testEngines(
  "R157: maxRequestsPerConnection makes request 1000 the last of its connection",
  async (engine) => {
    let calls = 0;
    const peer = engine.timed((_, res) => {
      calls++;
      res.ok();
    }, { maxRequestsPerConnection: 1000 });
    peer.send(request("GET /").repeat(1001));
    for (let n = 1; n < 1000; n++) {
      assertEquals((await peer.response()).headers.has("connection"), false);
    }
    assertEquals((await peer.response()).headers.get("connection"), "close");
    assertEquals(await peer.finish(), "");
    assertEquals(calls, 1000);
  },
);

/** The targets of the 10,000 requests, and their expected bodies. */
const KINDS: readonly (readonly [string, string])[] = [
  [request("GET /"), "ok"],
  [request("POST /echo", "", "hello"), "hello"],
  [
    request(
      "POST /echo",
      "Transfer-Encoding: chunked\r\n",
      "3\r\nabc\r\n0\r\n\r\n",
    ),
    "abc",
  ],
  [request("POST /unread", "", "x".repeat(3000)), "ok"],
  [request("GET /stream"), "x".repeat(20_000)],
  [request("GET /absent"), "Not Found"],
  [request("GET /throws"), "Internal Server Error"],
  [request("GET /later"), "ok"],
];

async function* twoPieces(): AsyncGenerator<string> {
  yield "x".repeat(10_000);
  await Promise.resolve();
  yield "x".repeat(10_000);
}

testEngines(
  "R159: nothing remains after 10,000 requests and shutdown()",
  async (engine) => {
    const connections = 50;
    const each = 200;
    const staying = 16;
    let tornDown = 0;
    const left = Promise.withResolvers<void>();
    let asked = 0;
    const allAsked = Promise.withResolvers<void>();
    const later: Handler = async (_, res) => {
      await turn();
      res.ok("ok");
    };
    const server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok("ok"))
        .post("/echo", async (ctx, res) => res.ok(await ctx.body.text()))
        .post("/unread", (_, res) => res.ok("ok"))
        .get("/stream", (_, res) => res.ok(twoPieces()))
        .get("/later", later)
        .get("/throws", () => {
          throw new Error("scripted");
        })
        .errorHook(() => {}) // the error is expected; the server answers
        .connectionTeardownHook(() => {
          if (++tornDown === connections - staying) left.resolve();
        });
    });
    const peers = Array.from({ length: connections }, async (_, n) => {
      using client = await server.connect();
      for (let batch = 0; batch < each / 10; batch++) {
        const kinds = Array.from(
          { length: 10 },
          (_, i) => KINDS[(n + batch + i) % KINDS.length] ?? ["", ""],
        );
        await client.send(kinds.map(([wire]) => wire).join(""));
        for (const [, body] of kinds) {
          assertEquals((await client.response()).body, body);
        }
      }
      if (++asked === connections) allAsked.resolve();
      // Some clients end their direction first, some close, and some wait to be closed.
      if (n < connections - staying && n % 2 === 0) return;
      if (n < connections - staying) await client.end();
      assertEquals(await client.toEnd(), "");
    });
    const all = Promise.all(peers);
    await Promise.race([Promise.all([left.promise, allAsked.promise]), all]); // a failing client fails the test
    await server.handle.shutdown();
    await all;
    assertEquals(tornDown, connections);
    assertEquals(server.handle.requestCount, connections * each);
    assertEquals(server.handle.connectionCount, 0);
    assertEquals(server.errors, []);
  },
);

/** A body that is far larger than what the system buffers for a connection. */
const LARGE = "x".repeat(10_000_000);
const STALLED = 20;

testEngines(
  "clients that read nothing share the bytes of one long string",
  async (engine) => {
    let count = 0;
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => {
        count++;
        res.ok(LARGE);
      })
    );
    const clients = await Promise.all(
      Array.from({ length: STALLED }, () => server.connect()),
    );
    const before = process.memoryUsage().external;
    await Promise.all(clients.map((client) => client.send(request("GET /"))));
    await until(() => count === STALLED);
    const copies = (process.memoryUsage().external - before) / LARGE.length;
    assert(copies < STALLED / 2, `${copies} copies`);
    for (const client of clients) client.close();
    server.handle.closeNow();
  },
);
