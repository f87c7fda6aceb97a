/** Section 4, the order of requests on one connection: the option of R90, and R96 to R98. */

import { assert, assertEquals } from "@std/assert";
import type { Handler, ResponseHandle } from "../mod.ts";
import { LISTEN, testEngine, testEngines } from "./support/engines.ts";
import { request } from "./support/serve.ts";
import { TimedConnection } from "./support/timed_connection.ts";
import { turn } from "./support/turns.ts";

testEngines(
  "R96: responses and handler calls follow the order of the requests",
  async (engine) => {
    const events: string[] = [];
    const slow = Promise.withResolvers<void>();
    const peer = engine.timed(async (ctx, res) => {
      const { path } = ctx.uri;
      events.push(`begin ${path}`);
      if (path === "/1") await slow.promise;
      events.push(`answer ${path}`);
      res.ok(path);
    });
    peer.send(request("GET /1") + request("GET /2") + request("GET /3"));
    await peer.settle();
    assertEquals(events, ["begin /1"]);
    slow.resolve();
    for (const path of ["/1", "/2", "/3"]) {
      assertEquals((await peer.response()).body, path);
    }
    assertEquals(events, [
      ...["begin /1", "answer /1", "begin /2"],
      ...["answer /2", "begin /3", "answer /3"],
    ]);
    peer.end();
    await peer.finish();
  },
);

testEngines(
  "R96: no handler starts before a streamed response has ended",
  async (engine) => {
    const events: string[] = [];
    const more = Promise.withResolvers<void>();
    async function* pieces(): AsyncGenerator<string> {
      yield "x".repeat(10_000);
      await more.promise;
      events.push("last piece");
      yield "end";
    }
    const peer = engine.timed((ctx, res) => {
      events.push(ctx.uri.path);
      res.ok(ctx.uri.path === "/1" ? pieces() : "fast");
    });
    peer.send(request("GET /1") + request("GET /2"));
    await peer.head();
    assertEquals((await peer.chunk()).length, 10_000);
    await peer.settle();
    assertEquals(events, ["/1"]);
    more.resolve();
    assertEquals([await peer.chunk(), await peer.chunk()], ["end", ""]);
    await peer.take(2);
    assertEquals((await peer.response()).body, "fast");
    assertEquals(events, ["/1", "last piece", "/2"]);
    peer.end();
    await peer.finish();
  },
);

testEngine(
  LISTEN,
  "R96: no handler starts while more than 64 KiB of responses wait to be sent",
  async () => {
    let calls = 0;
    const peer = new TimedConnection((_, res) => {
      calls++;
      res.ok(new Uint8Array(100_000));
    });
    const release = peer.holdWrites();
    peer.send(request("GET /").repeat(3));
    await peer.settle();
    assertEquals(calls, 1);
    release();
    for (let n = 0; n < 3; n++) {
      assertEquals((await peer.response()).body.length, 100_000);
    }
    peer.end();
    await peer.finish();
  },
);

testEngines(
  "R97: bytes that were read ahead survive handlers of any speed",
  async (engine) => {
    const wire = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nAAA" +
      "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nBBBB" +
      "PATCH /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nCCCCC";
    const speeds: readonly Handler[] = [
      async (ctx, res) => res.ok(ctx.method + await ctx.body.text()),
      async (ctx, res) => {
        await turn();
        res.ok(ctx.method + await ctx.body.text());
      },
      (ctx, res) => {
        const { method } = ctx;
        return ctx.body.text().then((text) => res.ok(method + text));
      },
    ];
    for (const handler of speeds) {
      for (let cut = 0; cut < wire.length; cut += 7) {
        const peer = engine.timed(handler);
        peer.send(wire.slice(0, cut));
        await Promise.resolve();
        peer.send(wire.slice(cut));
        for (const body of ["POSTAAA", "PUTBBBB", "PATCHCCCCC"]) {
          assertEquals((await peer.response()).body, body);
        }
        peer.end();
        assertEquals(await peer.finish(), "");
      }
    }
  },
);

testEngine(
  LISTEN,
  "R98: 10,000 pipelined requests stay in the socket while the first is handled",
  async () => {
    const count = 10_000;
    const first = Promise.withResolvers<void>();
    let calls = 0;
    const peer = new TimedConnection(async (ctx, res) => {
      calls++;
      const { path } = ctx.uri;
      if (path === "/0") await first.promise;
      res.ok(path);
    });
    const requests = Array.from({ length: count }, (_, n) => {
      return request(`GET /${n}`, "X: some more bytes\r\n");
    });
    peer.send(requests.join(""));
    await peer.settle();
    const most = 65_536 + (requests[0]?.length ?? 0);
    assert(
      peer.readBytes > 0 && peer.readBytes <= most,
      `${peer.readBytes} were read`,
    );
    assertEquals(calls, 1);
    first.resolve();
    for (let n = 0; n < count; n++) {
      assertEquals((await peer.response()).body, `/${n}`);
    }
    assertEquals(calls, count);
    peer.end();
    await peer.finish();
  },
);

testEngine(
  LISTEN,
  "R98: the server stops reading requests while the peer does not read responses",
  async () => {
    let calls = 0;
    const body = "x".repeat(1000);
    const peer = new TimedConnection((_, res) => {
      calls++;
      res.ok(body);
    });
    const release = peer.holdWrites();
    const count = 10_000;
    peer.send(request("GET /").repeat(count));
    await peer.settle();
    // 64 KiB of responses, and the one that exceeds it
    assert(calls <= 65_536 / body.length + 1, `${calls} calls`);
    const most = 65_536 + calls * request("GET /").length;
    assert(peer.readBytes <= most, `${peer.readBytes} were read`);
    release();
    for (let n = 0; n < count; n++) await peer.response();
    peer.end();
    assertEquals(await peer.finish(), "");
  },
);

testEngines(
  "R3, R45: a rejected head leaves no state for the next connection",
  async (engine) => {
    const refused = [
      "Content-Length: 7\r\nContent-Length: 7\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Connection: close\r\nHost: a\r\n",
      "Expect: 100-continue\r\nHost: a\r\n",
    ];
    await using server = engine.serve((app) =>
      app.get("/", (ctx, res) => res.ok(ctx.headers.get("x-id")))
    );
    for (const fields of refused) {
      using attacker = await server.connect();
      using victim = await server.connect();
      assertEquals((await attacker.ask(request("GET /", fields))).status, 400);
      for (const id of ["7", "8"]) {
        const wire = request("GET /", `X-Id: ${id}\r\nUser-Agent: v\r\n`);
        const answer = await victim.ask(wire);
        assertEquals([answer.status, answer.body], [200, id]);
      }
    }
  },
);

testEngines(
  "a handler that responds to another connection's request keeps its own request head",
  async (engine) => {
    const waiting = Promise.withResolvers<ResponseHandle>();
    const released = Promise.withResolvers<void>();
    await using server = engine.serve((app) => {
      app.get("/wait", async (_, res) => {
        waiting.resolve(res);
        await released.promise;
      });
      app.get("/other", (ctx, res) => res.ok(ctx.headers.get("x-own")));
      app.get("/publish", (ctx, res) => {
        parked.ok("event");
        released.resolve();
        res.ok(`${ctx.method} ${ctx.uri} ${ctx.headers.get("x-own")}`);
      });
    });
    using subscriber = await server.connect();
    await subscriber.send(
      request("GET /wait") + request("GET /other", "X-Own: theirs\r\n"),
    );
    const parked = await waiting.promise;
    using publisher = await server.connect();
    const answer = await publisher.ask(
      request("GET /publish", "X-Own: mine\r\n"),
    );
    assertEquals(answer.body, "GET /publish mine");
    assertEquals((await subscriber.response()).body, "event");
    assertEquals((await subscriber.response()).body, "theirs");
  },
);
