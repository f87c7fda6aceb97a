/** Streamed bodies: their pace, their errors and their end. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Handler, Server } from "../../../../mod.ts";
import { LISTEN, testEngine, testEngines } from "../../../support/engines.ts";
import { MemoryConnection } from "../../../support/memory_duplex.ts";
import { request } from "../../../support/serve.ts";
import { TimedConnection } from "../../../support/timed_connection.ts";
import { turn, until } from "../../../support/turns.ts";

const LARGE = "x".repeat(10_000);

/** A stream of these pieces. */
async function* streamOf(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
}

/** A stream that reports its cancellation. */
function endlessStream(onCancel: () => void): ReadableStream<string> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue("x".repeat(1000)),
    cancel: onCancel,
  });
}

/** A stream that gives these pieces and then fails. */
async function* failAfter(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
  throw new Error("source");
}

testEngines(
  "a stream that fails before the head gets 500, and the connection stays open",
  async (engine) => {
    const errors: unknown[] = [];
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok(failAfter("abc")));
      app.errorHook((error) => void errors.push(String(error)));
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).status, 500);
    assertEquals((await client.ask(request("GET /"))).status, 500);
    assertEquals(errors, ["Error: source", "Error: source"]);
  },
);

const broken: readonly (readonly [string, Handler, string])[] = [
  ["that fails", (_, res) => res.ok(failAfter(LARGE)), "source"],
  [
    "shorter than declared",
    (_, res) => res.ok(streamOf(LARGE), { "content-length": "10001" }),
    "10001 bytes were declared",
  ],
  [
    "longer than declared",
    (_, res) => res.ok(streamOf(LARGE, "y"), { "content-length": "10000" }),
    "more than the 10000 bytes",
  ],
];

for (const [what, handler, message] of broken) {
  testEngines(
    `a stream ${what} after the head cuts the connection, so that the peer notices`,
    async (engine) => {
      const errors: string[] = [];
      const ends: (string | undefined)[] = [];
      await using server = engine.serve((app) => {
        app.get("/", handler);
        app.errorHook((error) => void errors.push(String(error)));
        app.connectionTeardownHook((_, error) =>
          void ends.push(error?.message)
        );
      });
      const client = await server.connect();
      await client.send(request("GET /") + request("GET /"));
      await client.head();
      const rest = await client.toEnd();
      assert(rest.includes(LARGE) && !rest.includes("0\r\n\r\n"));
      assert(!rest.includes("y") && !rest.includes("HTTP/1.1"));
      client.close();
      await server.handle.shutdown();
      assertEquals(errors.length, 1);
      assert(errors[0]?.includes(message), errors[0]);
      assert(ends.length === 1 && ends[0]?.includes(message), ends[0]);
    },
  );
}

testEngines(
  "a stream that gives too many bytes is cancelled",
  async (engine) => {
    let isStopped = false;
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        const stream = endlessStream(() => isStopped = true);
        res.ok(stream, { "content-length": "9500" });
      });
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, "x".repeat(9500));
    assertEquals(await client.toEnd(), "");
    assert(isStopped);
  },
);

for (const count of [3, 3000]) {
  testEngines(`${count} pieces may share one buffer`, async (engine) => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      const buffer = new Uint8Array(4);
      for (let n = 0; n < count; n++) yield buffer.fill(0x61 + n % 26);
    }
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => res.ok(pieces()));
    });
    using client = await server.connect();
    const letters = Array.from({ length: count }, (_, n) => {
      return String.fromCharCode(0x61 + n % 26).repeat(4);
    });
    const { body } = await client.ask(request("GET /"));
    assertEquals(body, letters.join(""));
  });
}

testEngines(
  "the first bytes of a stream are sent before it has ended",
  async (engine) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        async function* feed(): AsyncGenerator<string> {
          yield "data: 1\n\n";
          await promise;
          yield "data: 2\n\n";
        }
        res.ok(feed(), { "content-type": "text/event-stream" });
      });
    });
    using client = await server.connect();
    await client.send(request("GET /"));
    const head = await client.head();
    assert(head.includes("transfer-encoding: chunked"));
    assertEquals(await client.chunk(), "data: 1\n\n");
    resolve();
    assertEquals(await client.chunk(), "data: 2\n\n");
    assertEquals(await client.chunk(), "");
  },
);

testEngine(
  LISTEN,
  "a stream is pulled only as fast as the peer reads, and cancelled when the peer leaves",
  async () => {
    const canceled = Promise.withResolvers<void>();
    const app = Server.builder("127.0.0.1:0");
    let pulls = 0;
    app.get("/", (_, res) => {
      const stream = endlessStream(() => canceled.resolve());
      const counted = stream.pipeThrough(
        new TransformStream({
          transform(piece, controller): void {
            pulls++;
            controller.enqueue(piece);
          },
        }),
      );
      res.ok(counted);
    });
    const connection = new MemoryConnection();
    const release = connection.holdWrites();
    const served = app.build().handle(connection.duplex);
    connection.send(request("GET /"));
    await until(() => connection.writes.length > 0);
    const before = pulls;
    for (let n = 0; n < 20; n++) await turn();
    assert(pulls <= before + 2, `${pulls} pulls, then ${before}`); // as much as the pipe buffers
    connection.reset(new Error("reset"));
    await canceled.promise;
    release();
    await served;
  },
);

testEngine(
  LISTEN,
  "res.sent settles when the response was sent, and rejects when it cannot be sent",
  async () => {
    const app = Server.builder("127.0.0.1:0");
    const sent: Promise<void>[] = [];
    app.get("/", async (_, res) => {
      await Promise.resolve();
      res.ok("abc");
      sent.push(res.sent);
    });
    const connection = new MemoryConnection();
    const release = connection.holdWrites();
    const served = app.build().handle(connection.duplex);
    connection.send(request("GET /"));
    await until(() => sent.length === 1);
    let isSent = false;
    sent[0]?.then(() => isSent = true);
    await turn();
    assertEquals(isSent, false);
    release();
    await sent[0];
    connection.holdWrites();
    connection.send(request("GET /"));
    await until(() => sent.length === 2);
    connection.reset(new Error("reset"));
    await assertRejects(() => sent[1] ?? Promise.resolve(), Error, "reset");
    await served;
  },
);

testEngines(
  "a stream that fails with a value that cannot become a string ends only its own connection",
  async (engine) => {
    await using server = engine.serve((app) => {
      app.get("/", (_, res) =>
        res.ok(
          new ReadableStream({
            pull: (controller) => controller.error(Object.create(null)),
          }),
        ));
      app.get("/late", (_, res) => {
        async function* pieces(): AsyncGenerator<string> {
          yield LARGE;
          await turn();
          throw Object.create(null);
        }
        res.ok(pieces());
      });
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).status, 500);
    await client.send(request("GET /late"));
    assert(!(await client.toEnd()).endsWith("0\r\n\r\n"));
  },
);

/** An iterable whose iterator calls the function at each step. */
function iterableOf(
  next: () => IteratorResult<string>,
): AsyncIterable<string> {
  const iterator = { next } as unknown as AsyncIterator<string>; // programs without types do this
  return { [Symbol.asyncIterator]: () => iterator };
}

testEngines(
  "an iterator that gives results instead of promises is sent, and one that throws is an error",
  async (engine) => {
    const errors: string[] = [];
    await using server = engine.serve((app) => {
      app.get("/", (_, res) => {
        let left = 5;
        res.ok(
          iterableOf(() =>
            left-- > 0
              ? { done: false, value: LARGE }
              : { done: true, value: undefined }
          ),
        );
      });
      app.get("/throws", (_, res) =>
        res.ok(iterableOf(() => {
          throw new Error("no step");
        })));
      app.errorHook((error) => void errors.push(String(error)));
    });
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).body, LARGE.repeat(5));
    assertEquals((await client.ask(request("GET /throws"))).status, 500);
    assertEquals(errors, ["Error: no step"]);
  },
);

testEngine(
  LISTEN,
  "a piece that arrives while earlier ones are being sent waits for them",
  async () => {
    const second = Promise.withResolvers<void>();
    const connection = new TimedConnection((_, res) => {
      async function* feed(): AsyncGenerator<string> {
        yield LARGE;
        await second.promise;
        yield "second";
      }
      res.ok(feed());
    });
    const release = Promise.withResolvers<void>();
    const writes: string[] = [];
    connection.duplex.write = async (bytes) => {
      writes.push(new TextDecoder().decode(bytes));
      await release.promise;
      return bytes.length;
    };
    connection.send(request("GET /"));
    await connection.settle();
    second.resolve();
    await connection.settle();
    assertEquals(writes.length, 1);
    assert(writes[0]?.endsWith(`${LARGE}\r\n`)); // neither the second piece nor the end
    release.resolve();
    await connection.settle();
    assertEquals(writes.slice(1).join(""), "6\r\nsecond\r\n0\r\n\r\n");
    connection.end();
    await connection.ended;
  },
);

testEngines(
  "a stream is left untouched if its headers are rejected",
  async (engine) => {
    const stream = new ReadableStream<string>();
    await using server = engine.serve((app) =>
      app.get("/", (_, res) => res.ok(stream, { "transfer-encoding": "gzip" }))
    );
    using client = await server.connect();
    assertEquals((await client.ask(request("GET /"))).status, 500);
    assertEquals(stream.locked, false);
    await stream.cancel();
  },
);

testEngine(
  LISTEN,
  "the first piece of a stream waits 5 ms of the server's clock for the second",
  async () => {
    const second = Promise.withResolvers<void>();
    const connection = new TimedConnection((_, res) => {
      async function* feed(): AsyncGenerator<string> {
        yield "data: 1\n\n";
        await second.promise;
      }
      res.ok(feed());
    });
    connection.send(request("GET /"));
    await connection.settle();
    connection.clock.advance(4);
    await connection.settle();
    assertEquals(connection.writes, []);
    connection.clock.advance(1);
    assertEquals(connection.writes.length, 1); // immediately, not after 5 ms more
    assert(connection.writes[0]?.endsWith("\r\n9\r\ndata: 1\n\n\r\n"));
    second.resolve();
    connection.end();
    await connection.ended;
  },
);
