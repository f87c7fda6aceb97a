/**
 * Section 7, deadlines (R149 to R152, R157), and the time limit of a drain
 * (R99): each with its default value and with a hundredth of it, on a fake
 * clock.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Handler, ProtocolError, type ServerOptions } from "../mod.ts";
import { DEFAULT_SERVER_OPTIONS } from "../server/options.ts";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import { registerTest } from "./support/register.ts";
import { request } from "./support/serve.ts";
import { SWEEPS_MS } from "./support/timed_peer.ts";
import { TimedConnection } from "./support/timed_connection.ts";
import { until } from "./support/turns.ts";

const ok: Handler = (_, res) => res.ok("ok");
const upload: Handler = async (ctx, res) => res.ok(await ctx.body.text());

/** The default values that the conformance rules state. */
const defaults: Readonly<Partial<ServerOptions>> = {
  maxMethodBytes: 32,
  maxTargetBytes: 8192,
  maxHeaderBytes: 16_384,
  maxHeaderCount: 100,
  maxBodyBytes: Infinity,
  maxBufferedBodyBytes: 1_048_576,
  maxChunkLineBytes: 1024,
  maxTrailerBytes: 8192,
  maxTrailerCount: 32,
  drainBytes: 65_536,
  drainTimeout: 2000,
  lingerTimeout: 5000,
  halfCloseTimeout: 30_000,
  headerTimeout: 15_000,
  idleTimeout: 95_000,
  bodyTimeout: 30_000,
  requestTimeout: 300_000,
  writeTimeout: 30_000,
  maxConnections: 4096,
  maxRequestsPerConnection: Infinity,
  maxConnectionAge: Infinity,
  http10KeepAlive: false,
};

for (const [name, value] of Object.entries(defaults)) {
  registerTest({
    name: `R149 to R157: ${name} is ${value} by default`,
    ignore: false,
    fn: () => {
      assertEquals(
        new Map<string, unknown>(Object.entries(DEFAULT_SERVER_OPTIONS))
          .get(name),
        value,
      );
    },
  });
}

/** The defaults, and a hundredth of them. */
const SCALES = [1, 100];

function scaled(scale: number): Partial<ServerOptions> {
  if (scale === 1) return {};
  const { headerTimeout, idleTimeout, bodyTimeout, requestTimeout } =
    DEFAULT_SERVER_OPTIONS;
  const { writeTimeout, drainTimeout, lingerTimeout, halfCloseTimeout } =
    DEFAULT_SERVER_OPTIONS;
  return {
    headerTimeout: headerTimeout / scale,
    idleTimeout: idleTimeout / scale,
    bodyTimeout: bodyTimeout / scale,
    requestTimeout: requestTimeout / scale,
    writeTimeout: writeTimeout / scale,
    drainTimeout: drainTimeout / scale,
    lingerTimeout: lingerTimeout / scale,
    halfCloseTimeout: halfCloseTimeout / scale,
  };
}

for (const scale of SCALES) {
  const lateMs = scale === 1 ? SWEEPS_MS : 15; // the interval of sweeps follows the shortest deadline
  const at = scale === 1 ? "by default" : `scaled down by ${scale}`;

  testEngines(
    `R149: a new connection that sends nothing is closed silently, ${at}`,
    async (engine) => {
      const timed = engine.timed(ok, scaled(scale));
      await timed.pass(15_000 / scale, lateMs);
      assertEquals(await timed.finish(), "");
      assertEquals(timed.error, undefined);
    },
  );

  testEngines(
    `R108: a client that has ended its direction and gets no response is cut, ${at}`,
    async (engine) => {
      const timed = engine.timed(() => new Promise(() => {}), scaled(scale));
      timed.send(request("GET /"));
      timed.end();
      await timed.pass(30_000 / scale, lateMs);
      assertEquals(await timed.finish(), "");
      assertEquals([timed.errorCode, timed.closeCount], ["TimeoutError", 1]);
    },
  );

  testEngines(
    `R108: interim responses do not count as a response, ${at}`,
    async (engine) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timed = engine.timed(async (_, res) => {
        await promise;
        res.informational(102);
        await new Promise(() => {});
      }, scaled(scale));
      timed.send(request("GET /"));
      timed.end();
      await timed.settle();
      timed.clock.advance(20_000 / scale);
      resolve();
      assertEquals((await timed.response()).status, 102);
      await timed.pass(9_000 / scale, 1_000 / scale + 2 * lateMs);
      assertEquals(await timed.finish(), "");
      assertEquals(timed.errorCode, "TimeoutError");
    },
  );

  testEngines(
    `R108: a stream that stalls after its client has ended its direction is cut, ${at}`,
    async (engine) => {
      const canceled = Promise.withResolvers<void>();
      let feed: ReadableStreamDefaultController<string> | undefined;
      const timed = engine.timed((_, res) =>
        res.ok(
          new ReadableStream<string>({
            start: (controller) => void (feed = controller),
            cancel: () => canceled.resolve(),
          }),
        ), scaled(scale));
      timed.send(request("GET /"));
      timed.end();
      await timed.settle();
      timed.clock.advance(5); // ends gathering
      for (let n = 0; n < 3; n++) {
        feed?.enqueue("x");
        await timed.settle();
        timed.clock.advance(20_000 / scale);
        await timed.settle();
        assertEquals(timed.closeCount, 0);
      }
      timed.clock.advance(10_000 / scale + 2 * lateMs);
      await canceled.promise;
      assert((await timed.finish()).endsWith("\r\n1\r\nx\r\n"));
      assertEquals([timed.errorCode, timed.closeCount], ["TimeoutError", 1]);
    },
  );

  testEngines(
    `R103: a lingering close waits for lingerTimeout, ${at}`,
    async (engine) => {
      const timed = engine.timed(ok, scaled(scale));
      timed.send(request("GET /", "Connection: close\r\n"));
      await timed.response();
      assertEquals(await timed.toEnd(), "");
      await timed.pass(5000 / scale, lateMs);
      assertEquals([timed.closeCount, timed.error], [1, undefined]);
      await timed.finish();
    },
  );

  testEngines(
    `R149: a head that arrives slowly gets 408, ${at}`,
    async (engine) => {
      const timed = engine.timed(ok, scaled(scale));
      timed.clock.advance(14_000 / scale); // headerTimeout counts from the first byte
      const stepMs = 4999 / scale;
      for (const byte of ["G", "E", "T"]) {
        timed.send(byte);
        await timed.settle();
        assertEquals(timed.writtenBytes, 0);
        timed.clock.advance(stepMs);
      }
      await timed.pass(15_000 / scale - 3 * stepMs, lateMs);
      const answer = await timed.response();
      assertEquals(
        [answer.status, answer.headers.get("connection")],
        [408, "close"],
      );
      assertEquals(await timed.finish(), "");
      assertEquals(timed.errorCode, "HEAD_TIMEOUT");
    },
  );

  testEngines(
    `R149: the second head has as much time as the first, ${at}`,
    async (engine) => {
      const timed = engine.timed(ok, scaled(scale));
      timed.send(request("GET /"));
      await timed.response();
      timed.clock.advance(29_000 / scale);
      timed.send("GET / HT");
      await timed.pass(15_000 / scale, lateMs);
      assertEquals((await timed.response()).status, 408);
      assertEquals(await timed.finish(), "");
    },
  );

  testEngines(
    `R150: an idle connection is closed silently, and each response restarts its time, ${at}`,
    async (engine) => {
      const timed = engine.timed(ok, scaled(scale));
      for (let n = 0; n < 3; n++) {
        timed.send(request("GET /"));
        await timed.response();
        timed.clock.advance(94_000 / scale);
      }
      await timed.pass(1000 / scale, lateMs);
      assertEquals(await timed.finish(), "");
      assertEquals(timed.error, undefined);
    },
  );

  testEngines(
    `R151: a body that stalls gets 408, ${at}`,
    async (engine) => {
      const timed = engine.timed(upload, scaled(scale));
      timed.send(request("POST /", "Content-Length: 9\r\n"));
      for (let n = 0; n < 3; n++) {
        timed.send("x");
        await timed.settle();
        timed.clock.advance(29_000 / scale);
      }
      await timed.pass(1000 / scale, lateMs);
      const answer = await timed.response();
      assertEquals(
        [answer.status, answer.headers.get("connection")],
        [408, "close"],
      );
      assertEquals(await timed.finish(), "");
      assertEquals(timed.errorCode, "BODY_TIMEOUT");
    },
  );

  testEngines(
    `R151: a body that arrives slowly gets 408, ${at}`,
    async (engine) => {
      const timed = engine.timed(upload, scaled(scale));
      timed.send(request("POST /", "Content-Length: 999\r\n"));
      await timed.settle();
      for (let n = 0; n < 14; n++) {
        timed.send("x");
        await timed.settle();
        timed.clock.advance(20_000 / scale);
      }
      timed.send("x");
      await timed.pass(20_000 / scale, lateMs);
      assertEquals((await timed.response()).status, 408);
      assertEquals(await timed.finish(), "");
      assertEquals(timed.errorCode, "REQUEST_TIMEOUT");
    },
  );

  testEngines(
    `R152: the connection of a peer that reads nothing is closed, and the source is cancelled, ${at}`,
    async (engine) => {
      const canceled = Promise.withResolvers<void>();
      let pulls = 0;
      const timed = engine.timed((_, res) =>
        res.ok(
          new ReadableStream({
            pull(controller): void {
              pulls++;
              controller.enqueue("x".repeat(10_000));
            },
            cancel: () => canceled.resolve(),
          }),
        ), scaled(scale));
      const release = timed.holdWrites();
      timed.send(request("GET /"));
      await until(() => pulls > 0);
      for (let before = 0; before < pulls;) {
        before = pulls;
        await timed.settle(); // the kernel buffers some
      }
      await timed.pass(30_000 / scale, lateMs);
      assertEquals(timed.closeCount, 1);
      await canceled.promise;
      release();
      await timed.finish();
      assertEquals(timed.errorCode, "TimeoutError");
    },
  );

  testEngines(
    `R99: the rest of an unread body has 2 s, ${at}`,
    async (engine) => {
      const timed = engine.timed(ok, scaled(scale));
      timed.send(request("POST /", "Content-Length: 9\r\n"));
      assertEquals((await timed.response()).headers.has("connection"), false);
      timed.send("x");
      await timed.settle();
      timed.clock.advance(1000 / scale);
      timed.send("y"); // progress does not extend the time
      await timed.pass(1000 / scale, lateMs);
      assertEquals(await timed.toEnd(), "");
      const { writtenBytes } = timed;
      timed.send("z".repeat(7) + request("GET /"));
      await timed.pass(2000 / scale, lateMs); // the lingering close has the same time limit
      assertEquals(await timed.finish(), "");
      assertEquals(timed.writtenBytes, writtenBytes);
    },
  );
}

testEngines(
  "R99: a body that arrives in time keeps the connection open",
  async (engine) => {
    const timed = engine.timed(ok);
    timed.send(request("POST /", "Content-Length: 3\r\n"));
    await timed.response();
    timed.send("a");
    await timed.settle();
    timed.clock.advance(1900);
    timed.send("bc" + request("GET /"));
    assertEquals((await timed.response()).body, "ok");
    timed.clock.advance(10_000);
    await timed.settle();
    assertEquals(timed.closeCount, 0);
    timed.end();
    await timed.finish();
  },
);

testEngines(
  "R151: the pending read rejects, and a handler that catches the error cannot keep the connection",
  async (engine) => {
    let caught: unknown;
    const timed = engine.timed(async (ctx, res) => {
      caught = await assertRejects(() => ctx.body.bytes());
      await assertRejects(() => ctx.body.bytes());
      res.ok("caught");
    });
    timed.send(request("POST /", "Content-Length: 9\r\n", "x"));
    await timed.pass(30_000);
    const answer = await timed.response();
    assertEquals(
      [answer.body, answer.headers.get("connection")],
      ["caught", "close"],
    );
    assertEquals(await timed.finish(), "");
    assert(caught instanceof ProtocolError);
    assertEquals([caught.code, caught.status], ["BODY_TIMEOUT", 408]);
  },
);

testEngines(
  "R151: after the head was sent, a stalled body ends the response without a terminator",
  async (engine) => {
    const timed = engine.timed((ctx, res) =>
      res.ok(ctx.body.stream, { "transfer-encoding": "chunked" })
    );
    const length = 20_000;
    timed.send(request("POST /", `Content-Length: ${length}\r\n`));
    timed.send("x".repeat(length - 1));
    await timed.head();
    await timed.pass(30_000);
    const rest = await timed.finish();
    assert(rest.includes("x") && !rest.includes("0\r\n\r\n"));
    assertEquals(timed.errorCode, "BODY_TIMEOUT");
  },
);

testEngine(
  LISTEN,
  "R152: a peer that reads slowly gets its whole response",
  async () => {
    const size = 300_000;
    const taken: number[] = [];
    let take = (): void => {};
    const timed = new TimedConnection((_, res) => res.ok(new Uint8Array(size)));
    timed.duplex.write = async (bytes) => {
      await new Promise<void>((resolve) => take = resolve);
      taken.push(Math.min(bytes.length, 50_000));
      return Math.min(bytes.length, 50_000);
    };
    timed.send(request("GET /"));
    await timed.settle();
    for (let n = 0; n < 5; n++) {
      timed.clock.advance(29_000);
      take();
      await timed.settle();
      assertEquals(timed.closeCount, 0);
    }
    assertEquals(taken.length, 5);
    await timed.pass(30_000);
    assertEquals(timed.closeCount, 1);
    take();
    await timed.finish();
    assertEquals(timed.errorCode, "TimeoutError");
  },
);

testEngine(
  LISTEN,
  "R152: writeTimeout also ends an error response that the peer does not read",
  async () => {
    const timed = new TimedConnection(ok);
    const release = timed.holdWrites();
    timed.send("x\r\n\r\n");
    await until(() => timed.writes.length > 0);
    await timed.pass(30_000);
    assertEquals(timed.closeCount, 1);
    release();
    await timed.finish();
  },
);

testEngines(
  "R157: a connection older than maxConnectionAge closes after the next response",
  async (engine) => {
    const timed = engine.timed(ok, { maxConnectionAge: 5000 });
    timed.send(request("GET /"));
    assertEquals((await timed.response()).headers.has("connection"), false);
    timed.clock.advance(5000 + SWEEPS_MS);
    timed.send(request("GET /") + request("GET /"));
    assertEquals((await timed.response()).headers.get("connection"), "close");
    assertEquals(await timed.finish(), "");
  },
);
