/**
 * Section 4, how connections end: half-close and early ends (R108, R109), and a
 * peer that leaves during its response (R110).
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Handler, ProtocolError } from "../mod.ts";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import { withDeadline } from "./support/with_deadline.ts";
import { request } from "./support/serve.ts";
import { TimedConnection } from "./support/timed_connection.ts";
import { turn, turns, until } from "./support/turns.ts";

const DEADLINE_MS = 10_000;

/** More than the kernel buffers for a peer that does not read, in bytes. */
const LONG_BYTES = 50_000_000;

testEngines(
  "R108: a peer that has ended its direction gets large and streamed responses in full",
  async (engine) => {
    const large = "x".repeat(2_000_000);
    async function* pieces(): AsyncGenerator<string> {
      for (let n = 0; n < 100; n++) {
        await turn();
        yield "y".repeat(1000);
      }
    }
    await using server = engine.serve((app) => {
      app.get("/large", (_, res) => res.ok(large));
      app.get("/stream", (_, res) => res.ok(pieces()));
      app.post("/", async (ctx, res) => res.ok(await ctx.body.text()));
    });
    const wires: readonly (readonly [string, number])[] = [
      [request("GET /large"), large.length],
      [request("GET /stream"), 100_000],
      [request("POST /", "", "hello"), 5],
    ];
    for (const [wire, size] of wires) {
      using client = await server.connect();
      await client.send(wire);
      await client.end();
      const answer = await client.response();
      assertEquals([answer.status, answer.body.length], [200, size]);
      assertEquals(await client.toEnd(), "");
    }
  },
);

testEngines(
  "R108: the response to a peer that has ended says close",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const peer = engine.timed(async (_, res) => {
      await promise;
      res.ok("late");
    });
    peer.send(request("GET /"));
    peer.end();
    await turns(5);
    assertEquals(peer.closeCount, 0);
    resolve();
    const answer = await peer.response();
    assertEquals(
      [answer.body, answer.headers.get("connection")],
      ["late", "close"],
    );
    assertEquals(await peer.finish(), "");
    assertEquals(peer.error, undefined);
  },
);

testEngines(
  "R109: a connection without any bytes is closed silently",
  async (engine) => {
    const peer = engine.timed((_, res) => res.ok());
    peer.end();
    assertEquals(await peer.finish(), "");
    assertEquals(peer.error, undefined);
    assertEquals(peer.closeCount, 1);
  },
);

const cut: readonly (readonly [string, string, string])[] = [
  ["a declared length", "Content-Length: 9\r\n", "abc"],
  ["a declared length, before its first byte", "Content-Length: 9\r\n", ""],
  ["a chunk", "Transfer-Encoding: chunked\r\n", "9\r\nabc"],
  ["the last chunk", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n"],
  ["chunks", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"],
];

const readings: Readonly<Record<string, Handler>> = {
  "bytes()": async (ctx) => void await ctx.body.bytes(),
  "an iterator": async (ctx) => {
    for await (const piece of ctx.body) assert(piece.length > 0);
  },
  "a stream": async (ctx) => {
    for await (const piece of ctx.body.stream) assert(piece.length > 0);
  },
  "read()": async (ctx) => {
    const buffer = new Uint8Array(100);
    while (await ctx.body.read(buffer) !== null);
  },
};

for (const [what, fields, body] of cut) {
  testEngines(
    `R109: a body that ends inside ${what} is an error`,
    async (engine) => {
      for (const [how, read] of Object.entries(readings)) {
        for (const isEarly of [false, true]) {
          let caught: unknown;
          const peer = engine.timed(async (ctx, res) => {
            caught = await assertRejects(async () => await read(ctx, res));
            throw caught;
          });
          peer.send(request("POST /", fields, body));
          if (!isEarly) await peer.settle();
          peer.end();
          const answer = await peer.response();
          assertEquals(
            [answer.status, answer.headers.get("connection")],
            [400, "close"],
            how,
          );
          assertEquals(await peer.finish(), "");
          assert(caught instanceof ProtocolError, how);
          assertEquals(caught.code, "TRUNCATED_BODY");
          assertEquals(peer.errorCode, "TRUNCATED_BODY");
        }
      }
    },
  );
}

/** What the request and the response of a handler reported about a peer that disconnected. */
interface Departure {
  readonly signal: Promise<unknown>;
  readonly canceled: Promise<void>;
  readonly sent: Promise<unknown>;
  readonly handler: Handler;
}

/** A handler that streams forever, and what was reported to it. */
function streaming(): Departure {
  const signal = Promise.withResolvers<unknown>();
  const canceled = Promise.withResolvers<void>();
  const sent = Promise.withResolvers<unknown>();
  const handler: Handler = (ctx, res) => {
    ctx.signal.addEventListener("abort", () => {
      signal.resolve(ctx.signal.reason);
    });
    res.ok(
      new ReadableStream({
        pull: (controller) => controller.enqueue("x".repeat(65_536)),
        cancel: () => canceled.resolve(),
      }),
    );
    res.sent.then(() => sent.resolve(null), sent.resolve);
  };
  return {
    signal: signal.promise,
    canceled: canceled.promise,
    sent: sent.promise,
    handler,
  };
}

testEngines(
  "R110: a reset reaches ctx.signal, the source and res.sent; other connections continue",
  async (engine) => {
    const departure = streaming();
    const ends: (Error | undefined)[] = [];
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok("ok"));
      app.get("/stream", departure.handler);
      app.connectionTeardownHook((_, error) => void ends.push(error));
    });
    using other = await server.connect();
    assertEquals((await other.ask(request("GET /"))).body, "ok");
    const leaving = await server.connect();
    await leaving.send(request("GET /stream"));
    await leaving.head();
    // The kernel resets a connection that is closed with unread bytes.
    leaving.close();
    const reported = Promise.all([departure.signal, departure.sent]);
    await withDeadline(departure.canceled, DEADLINE_MS);
    for (const error of await withDeadline(reported, DEADLINE_MS)) {
      assert(error instanceof Error, String(error));
    }
    for (let n = 0; n < 5; n++) {
      assertEquals((await other.ask(request("GET /"))).body, "ok");
    }
    await until(() => ends.length === 1);
    assert(ends[0] instanceof Error);
    assertEquals(server.handle.connectionCount, 1);
  },
);

testEngine(LISTEN, "R110: a write that fails tells the same", async () => {
  const departure = streaming();
  const peer = new TimedConnection(departure.handler);
  const broken = new Deno.errors.BrokenPipe("gone");
  let writes = 0;
  const { write } = peer.duplex;
  peer.duplex.write = async (bytes) => {
    if (++writes > 3) throw broken;
    return await write(bytes);
  };
  peer.send(request("GET /stream"));
  assertEquals(await departure.signal, broken);
  await departure.canceled;
  assertEquals(await departure.sent, broken);
  await peer.ended;
  assertEquals(peer.error, broken);
  assertEquals([peer.closeCount, peer.clock.tickerCount], [1, 0]);
  assertEquals(writes, 4);
});

testEngines(
  "R110: a source that never yields does not delay teardown",
  async (engine) => {
    const sent = Promise.withResolvers<unknown>();
    const forever = Promise.withResolvers<void>();
    async function* stuck(): AsyncGenerator<string> {
      yield "x".repeat(10_000);
      await forever.promise;
      yield "never";
    }
    const peer = engine.timed(async (_, res) => {
      res.ok(stuck());
      await res.sent.catch(sent.resolve);
    });
    peer.send(request("GET /"));
    await peer.head();
    peer.reset(new Error("reset"));
    const failure = await sent.promise;
    await peer.ended;
    assert(failure instanceof Error);
    assertEquals(failure, peer.error);
    assertEquals([peer.closeCount, peer.clock.tickerCount], [1, 0]);
    forever.resolve(); // otherwise the generator's promise would outlive the test
  },
);

testEngines(
  "R110: a source that never yields leaves no timer",
  async (engine) => {
    const asked = Promise.withResolvers<void>();
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: (): Promise<never> => {
          asked.resolve();
          return new Promise(() => {});
        },
      }),
    };
    const peer = engine.timed((_, res) => res.ok(source));
    peer.send(request("GET /"));
    await asked.promise;
    peer.reset(new Error("reset"));
    await peer.ended;
    assertEquals(peer.writtenBytes, 0);
    assertEquals(peer.clock.tickerCount, 0);
  },
);

testEngines(
  "R110: a reset rejects a pending read of the body",
  async (engine) => {
    const caught = Promise.withResolvers<unknown>();
    const peer = engine.timed(async (ctx) => {
      await ctx.body.bytes().catch(caught.resolve);
      throw new Error("ignored");
    });
    peer.send(request("POST /", "Content-Length: 9\r\n", "abc"));
    await peer.settle();
    peer.reset(new Error("reset"));
    const failure = await caught.promise;
    await peer.ended;
    assert(failure instanceof Error);
    assertEquals(failure, peer.error);
    assertEquals(peer.writtenBytes, 0);
  },
);

testEngines(
  "R110: a handler that keeps running after the peer has disconnected causes no error",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const peer = engine.timed(async (ctx, res) => {
      await promise;
      res.informational(103);
      res.ok("late");
      await assertRejects(() => res.sent);
      assertEquals(ctx.signal.aborted, true);
      done.resolve();
    });
    peer.send(request("GET /"));
    await peer.settle();
    peer.reset(new Error("reset"));
    await peer.ended;
    resolve();
    await done.promise;
    assertEquals(peer.writtenBytes, 0);
  },
);

testEngines(
  "R110: ctx.signal does not fire after the response was sent",
  async (engine) => {
    const signals: AbortSignal[] = [];
    const peer = engine.timed(async (ctx, res) => {
      signals.push(ctx.signal);
      res.ok(await ctx.body.text());
    });
    for (const wire of [request("GET /"), request("POST /", "", "hello")]) {
      peer.send(wire);
      await peer.response();
    }
    await peer.settle();
    peer.reset(new Error("reset"));
    await peer.ended;
    assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
  },
);

testEngines(
  "R110: ctx.signal fires while the response is being sent, even after the handler has returned",
  async (engine) => {
    const signals: AbortSignal[] = [];
    const peer = engine.timed((ctx, res) => {
      signals.push(ctx.signal);
      res.ok(new Uint8Array(LONG_BYTES));
    });
    const release = peer.holdWrites();
    peer.send(request("GET /"));
    await until(() => signals.length > 0);
    await peer.settle();
    peer.reset(new Error("reset"));
    await peer.ended;
    assert(peer.error instanceof Error);
    assertEquals(signals.map(({ reason }) => reason), [peer.error]);
    release();
  },
);
