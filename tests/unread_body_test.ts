/**
 * Section 4, bodies that the handler does not read to their end (R99 to R103):
 * the server drains the rest within limits or closes the connection; it never
 * reads the rest as a request.
 */

import { assert, assertEquals } from "@std/assert";
import type { Handler } from "../mod.ts";
import { type TestEngine, testEngines } from "./support/engines.ts";
import type { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";
import { turn } from "./support/turns.ts";
import { SWEEPS_MS, type TimedPeer } from "./support/timed_peer.ts";

const CHUNKED = "Transfer-Encoding: chunked\r\n";
const DRAIN_BYTES = 65_536;

/** A chunked body with that many bytes of payload. */
function chunked(size: number, chunkSize: number): string {
  const chunk = `${chunkSize.toString(16)}\r\n${"x".repeat(chunkSize)}\r\n`;
  const rest = size % chunkSize;
  const last = rest === 0
    ? ""
    : `${rest.toString(16)}\r\n${"x".repeat(rest)}\r\n`;
  return `${chunk.repeat(Math.floor(size / chunkSize))}${last}0\r\n\r\n`;
}

/** A request with a body of declared length. */
function post(size: number): string {
  return request("POST /first", "", "x".repeat(size));
}

/** Handlers that read nothing or only a part of the body. */
const IGNORING: Readonly<Record<string, Handler>> = {
  "answers synchronously": (_, res) => res.ok("ok"),
  "answers later": async (_, res) => {
    await Promise.resolve();
    res.ok("ok");
  },
  "streams its answer": (_, res) => res.ok(ReadableStream.from(["ok"])),
};

const READING: Readonly<Record<string, Handler>> = {
  "reads a piece by an iterator": async (ctx, res) => {
    for await (const piece of ctx.body) {
      assert(piece.length > 0);
      break;
    }
    res.ok("ok");
  },
  "reads a byte": async (ctx, res) => {
    await ctx.body.read(new Uint8Array(1));
    res.ok("ok");
  },
  "cancels the stream": async (ctx, res) => {
    await ctx.body.stream.cancel();
    res.ok("ok");
  },
  "buffers too much": async (ctx, res) => {
    await ctx.body.bytes().catch(() => {});
    res.ok("ok");
  },
};

/** Serves `/first` with the handler; answers every other request with its path. */
function serveFirst(engine: TestEngine, handler: Handler): TimedPeer {
  return engine.timed(
    (ctx, res) =>
      ctx.uri.path === "/first" ? handler(ctx, res) : res.ok(ctx.uri.path),
    {
      maxBufferedBodyBytes: 10,
    },
  );
}

const kept: readonly (readonly [string, string])[] = [
  ["a body of 64 KiB", post(DRAIN_BYTES)],
  [
    "chunks of 64 KiB",
    request("POST /first", CHUNKED, chunked(DRAIN_BYTES, 8192)),
  ],
  ["an empty chunked body", request("POST /first", CHUNKED, "0\r\n\r\n")],
];

for (const [name, handler] of Object.entries({ ...IGNORING, ...READING })) {
  testEngines(
    `R99: a short rest is drained after a handler that ${name}`,
    async (engine) => {
      for (const [what, wire] of kept) {
        const peer = serveFirst(engine, handler);
        peer.send(wire + request("GET /second"));
        const first = await peer.response();
        assertEquals(first.body, "ok", what);
        assertEquals(first.headers.has("connection"), false, what);
        assertEquals((await peer.response()).body, "/second", what);
        peer.end();
        await peer.finish();
      }
    },
  );
}

for (const [name, handler] of Object.entries(IGNORING)) {
  testEngines(
    `R99: a body with too large a length closes the connection after a handler that ${name}`,
    async (engine) => {
      const peer = serveFirst(engine, handler);
      peer.send(post(DRAIN_BYTES + 1) + request("GET /second"));
      const first = await peer.response();
      assertEquals(
        [first.body, first.headers.get("connection")],
        ["ok", "close"],
      );
      assertEquals(await peer.finish(), "");
    },
  );
}

for (const [name, handler] of Object.entries(READING)) {
  testEngines(
    `R99: a rest with too large a length closes the connection after a handler that ${name}`,
    async (engine) => {
      const peer = serveFirst(engine, handler);
      peer.send(request("POST /first", "Content-Length: 1000000\r\n"));
      peer.send("x".repeat(10_000));
      const first = await peer.response();
      assertEquals(
        [first.body, first.headers.get("connection")],
        ["ok", "close"],
      );
      peer.send("x".repeat(10_000) + request("GET /second"));
      assertEquals(await peer.finish(), "");
    },
  );
}

const endless: readonly (readonly [string, string])[] = [
  ["one byte over 64 KiB", chunked(DRAIN_BYTES + 1, 8192)],
  ["much payload", chunked(10 * DRAIN_BYTES, 65_536)],
  ["little payload and much framing", chunked(30_000, 1)],
];

for (const [what, body] of endless) {
  testEngines(
    `R99: a chunked body with ${what} closes the connection`,
    async (engine) => {
      for (const handler of Object.values(IGNORING)) {
        const peer = serveFirst(engine, handler);
        peer.send(
          request("POST /first", CHUNKED, body) + request("GET /second"),
        );
        assertEquals((await peer.response()).body, "ok");
        assertEquals(await peer.finish(), "");
      }
    },
  );
}

testEngines(
  "R100: a body that arrives after its response is not a request",
  async (engine) => {
    const paths: string[] = [];
    const smuggled = request("GET /smuggled");
    for (const isAsync of [false, true]) {
      const peer = engine.timed((ctx, res) => {
        paths.push(ctx.uri.path);
        if (!isAsync) return res.ok("ok");
        return Promise.resolve().then(() => res.ok("ok"));
      });
      peer.send(
        request("POST /first", `Content-Length: ${smuggled.length}\r\n`),
      );
      assertEquals((await peer.response()).body, "ok");
      peer.send(smuggled);
      peer.send(request("GET /second"));
      assertEquals((await peer.response()).body, "ok");
      peer.end();
      assertEquals(await peer.finish(), "");
    }
    assertEquals(paths, ["/first", "/second", "/first", "/second"]);
  },
);

testEngines(
  "R100: a body that arrives byte by byte after its response is not a request",
  async (engine) => {
    const smuggled = request("GET /smuggled");
    const peer = serveFirst(engine, (_, res) => res.ok("ok"));
    peer.send(request("POST /first", `Content-Length: ${smuggled.length}\r\n`));
    assertEquals((await peer.response()).body, "ok");
    for (const byte of smuggled) peer.send(byte);
    peer.send(request("GET /second"));
    assertEquals((await peer.response()).body, "/second");
    peer.end();
    await peer.finish();
  },
);

for (const form of ["length", "chunks"]) {
  testEngines(
    `R101: the connection stays open after 100 KiB by ${form} were read`,
    async (engine) => {
      const size = 102_400;
      const peer = engine.timed(async (ctx, res) => {
        res.ok(String((await ctx.body.bytes()).length));
      });
      const wire = form === "length"
        ? post(size)
        : request("POST /first", CHUNKED, chunked(size, 5000));
      for (let n = 0; n < 3; n++) {
        peer.send(wire);
        const answer = await peer.response();
        assertEquals(answer.body, String(size));
        assertEquals(answer.headers.has("connection"), false);
      }
      peer.end();
      await peer.finish();
    },
  );
}

const BAD_CHUNK = "3\r\nabcX\r\n";

testEngines(
  "R102: a handler that catches the error of a body cannot keep the connection",
  async (engine) => {
    for (const body of [BAD_CHUNK, "5\r\nabc", "x\r\n"]) {
      const peer = engine.timed(async (ctx, res) => {
        await ctx.body.bytes().catch(() => {});
        res.ok("caught");
      });
      peer.send(request("POST /first", CHUNKED, body));
      peer.send(request("GET /second"));
      if (body === "5\r\nabc") peer.end();
      const answer = await peer.response();
      assertEquals(
        [answer.body, answer.headers.get("connection")],
        ["caught", "close"],
      );
      assertEquals(await peer.finish(), "");
      assertEquals(peer.error?.name, "ProtocolError");
    }
  },
);

testEngines(
  "R102: an invalid body that the handler does not read closes the connection",
  async (engine) => {
    for (const handler of Object.values(IGNORING)) {
      const peer = serveFirst(engine, handler);
      peer.send(request("POST /first", CHUNKED, BAD_CHUNK));
      peer.send(request("GET /second"));
      assertEquals((await peer.response()).body, "ok");
      assertEquals(await peer.finish(), "");
      assertEquals(peer.error?.name, "ProtocolError");
    }
  },
);

/** More than the kernel buffers, so that a server that stops reading is noticed. */
const TWENTY_MIB = 20_971_520;

/** Sends a large part of a body; rejects if the server cuts the connection meanwhile. */
async function sendOn(client: RawClient): Promise<void> {
  const piece = "x".repeat(65_536);
  for (let sent = 0; sent < TWENTY_MIB; sent += piece.length) {
    await client.send(piece);
  }
}

const HUNDRED_MIB = 104_857_600;

const REFUSED = new Error("refused");

const early: Readonly<Record<string, Handler>> = {
  "without reading": (_, res) => res.send(401, "who are you"),
  "after one byte": async (ctx, res) => {
    await ctx.body.read(new Uint8Array(1));
    res.send(401, "who are you");
  },
  "by throwing": () => {
    throw REFUSED;
  },
};

for (const [how, handler] of Object.entries(early)) {
  testEngines(
    `R103: an early response ${how} reaches a client that continues to send`,
    async (engine) => {
      await using server = engine.serve((app) => app.fallbackRoute(handler));
      for (let n = 0; n < 2; n++) {
        using client = await server.connect();
        const fields = `Content-Length: ${HUNDRED_MIB}\r\n`;
        await client.send(request("POST /", fields) + "x");
        const sending = sendOn(client);
        const answer = await client.response();
        assertEquals(
          [answer.status, answer.body],
          how === "by throwing"
            ? [500, "Internal Server Error"]
            : [401, "who are you"],
        );
        assertEquals(answer.headers.get("connection"), "close");
        await sending; // without an error: some clients read only after they have sent
      }
      const reported = how === "by throwing" ? [REFUSED, REFUSED] : [];
      assertEquals(server.errors, reported);
    },
  );
}

testEngines(
  "R103: the rejection of a head reaches a client that continues to send",
  async (engine) => {
    await using server = engine.serve((app) =>
      app.fallbackRoute((_, res) => res.ok())
    );
    using client = await server.connect();
    await client.send("GET / HTTP/9.9\r\n");
    const sending = sendOn(client);
    const answer = await client.response();
    assertEquals(
      [answer.status, answer.headers.get("connection")],
      [505, "close"],
    );
    await sending; // without an error: some clients read only after they have sent
  },
);

/** The rest of a large body, which the client sends even though it was refused. */
const REST_PARTS = 100;
const PART = "x".repeat(10_000);

testEngines(
  "R103: bytes after the last response are read and dropped without a size limit",
  async (engine) => {
    for (const isHeld of [false, true]) {
      const peer = engine.timed((_, res) => res.send(401));
      const release = isHeld ? peer.holdWrites() : (): void => {};
      peer.send(request("POST /", `Content-Length: ${HUNDRED_MIB}\r\n`));
      for (let n = 0; n < REST_PARTS; n++) peer.send(PART);
      await peer.settle(); // all of it was sent, so the server read nearly all
      assertEquals(peer.closeCount, 0);
      release();
      assertEquals((await peer.response()).status, 401);
      assertEquals(await peer.toEnd(), "");
      peer.end();
      await peer.ended;
      assertEquals([peer.closeCount, peer.error], [1, undefined]);
      assertEquals(peer.clock.tickerCount, 0);
    }
  },
);

testEngines(
  "R103: a client that sends forever is cut after six times lingerTimeout",
  async (engine) => {
    const peer = engine.timed((_, res) => res.send(401));
    peer.send(request("POST /", `Content-Length: ${HUNDRED_MIB}\r\n`));
    assertEquals((await peer.response()).status, 401);
    assertEquals(await peer.toEnd(), "");
    for (let passedMs = 0; passedMs < 28_000; passedMs += 4000) {
      peer.send(PART);
      await peer.settle();
      peer.clock.advance(4000);
      await peer.settle();
      assertEquals(peer.closeCount, 0, `${passedMs}`);
    }
    peer.send(PART);
    await peer.settle();
    peer.clock.advance(2000 + SWEEPS_MS);
    await peer.ended;
    assertEquals([peer.closeCount, peer.error], [1, undefined]);
  },
);

testEngines(
  "R103: after the last response, only the write direction is closed at first",
  async (engine) => {
    const ends: Readonly<Record<string, (peer: TimedPeer) => void>> = {
      "the peer's end": (peer) => peer.end(),
      "lingerTimeout": (peer) => peer.clock.advance(5000 + SWEEPS_MS),
    };
    for (const [what, end] of Object.entries(ends)) {
      const peer = engine.timed((_, res) => res.send(401));
      peer.send(request("POST /", `Content-Length: ${HUNDRED_MIB}\r\n`));
      assertEquals((await peer.response()).status, 401);
      assertEquals(await peer.toEnd(), "", what);
      for (let n = 0; n < 6; n++) peer.send("x".repeat(10_000));
      await turn(); // all microtasks ran
      assertEquals(peer.closeCount, 0, what);
      end(peer);
      await peer.ended;
      assertEquals([peer.closeCount, peer.error], [1, undefined], what);
    }
  },
);
