/** Every deadline of a connection, on a fake clock. */

import { assert, assertEquals } from "@std/assert";
import { ConnectionSetupAction, type Handler } from "../../../mod.ts";
import { request } from "../../support/serve.ts";
import type { Hooks } from "../../../server/hooks.ts";
import { TimedConnection } from "../../support/timed_connection.ts";
import { codeOf, SWEEPS_MS } from "../../support/timed_peer.ts";
import { turn, until } from "../../support/turns.ts";

const ok: Handler = (_, res) => res.ok("ok");
const upload: Handler = async (ctx, res) => res.ok(await ctx.body.text());

Deno.test("headerTimeout closes a new connection that sends nothing, silently", async () => {
  const timed = new TimedConnection(ok);
  await timed.pass(15_000);
  assertEquals(await timed.finish(), "");
  assertEquals(timed.error, undefined);
});

Deno.test("an incomplete head gets 408 at headerTimeout, whatever its progress", async () => {
  const timed = new TimedConnection(ok, { headerTimeout: 10_000 });
  const wire = request("GET /", "X: y\r\n");
  for (const byte of wire.slice(0, 20)) {
    timed.send(byte);
    await turn();
    timed.clock.advance(490);
  }
  await timed.pass(200);
  const answer = await timed.response();
  assertEquals([answer.status, answer.headers.get("connection")], [
    408,
    "close",
  ]);
  assertEquals(await timed.finish(), "");
  assertEquals(codeOf(timed.error), "HEAD_TIMEOUT");
});

Deno.test("idleTimeout closes a connection between requests, silently", async () => {
  const timed = new TimedConnection(ok);
  for (let n = 0; n < 3; n++) {
    timed.send(request("GET /"));
    await timed.response();
    timed.clock.advance(94_000);
  }
  await timed.pass(1000);
  assertEquals(await timed.finish(), "");
  assertEquals(timed.error, undefined);
});

Deno.test("a body that stalls gets 408 at bodyTimeout; progress restarts it", async () => {
  const timed = new TimedConnection(upload);
  timed.send(request("POST /", "Content-Length: 9\r\n"));
  for (let n = 0; n < 5; n++) {
    timed.send("x");
    await turn();
    timed.clock.advance(29_000);
  }
  await timed.pass(1000);
  assertEquals((await timed.response()).status, 408);
  assertEquals(await timed.finish(), "");
  assertEquals(codeOf(timed.error), "BODY_TIMEOUT");
});

Deno.test("requestTimeout limits a body that arrives slowly", async () => {
  const timed = new TimedConnection(upload, { requestTimeout: 60_000 });
  timed.send(request("POST /", "Content-Length: 999\r\n"));
  await turn();
  for (let n = 0; n < 6; n++) {
    timed.send("x");
    await turn();
    timed.clock.advance(9990);
  }
  await timed.pass(60);
  assertEquals((await timed.response()).status, 408);
  assertEquals(await timed.finish(), "");
  assertEquals(codeOf(timed.error), "REQUEST_TIMEOUT");
});

Deno.test("no deadline runs while a handler runs", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timed = new TimedConnection(async (_, res) => {
    await promise;
    res.ok("late");
  });
  timed.send(request("GET /"));
  await turn();
  timed.clock.advance(3_600_000);
  await turn();
  assertEquals([timed.closeCount, timed.writes], [0, []]);
  resolve();
  assertEquals((await timed.response()).body, "late");
  timed.end();
  assertEquals(await timed.finish(), "");
});

Deno.test("bodyTimeout does not run while no read of the body is pending", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timed = new TimedConnection(async (ctx, res) => {
    const buffer = new Uint8Array(1);
    await ctx.body.read(buffer);
    await promise;
    await ctx.body.read(buffer);
    res.ok(buffer);
  });
  timed.send(request("POST /", "Content-Length: 2\r\n"));
  await turn();
  timed.send("a");
  await turn();
  timed.clock.advance(60_000);
  resolve();
  await turn();
  timed.send("b");
  assertEquals((await timed.response()).body, "b");
  timed.end();
  await timed.finish();
});

Deno.test("writeTimeout closes a connection whose peer reads nothing, and cancels the source", async () => {
  const canceled = Promise.withResolvers<void>();
  const timed = new TimedConnection((_, res) =>
    res.ok(
      new ReadableStream({
        pull: (controller) => controller.enqueue("x".repeat(10_000)),
        cancel: () => canceled.resolve(),
      }),
    )
  );
  const release = timed.holdWrites();
  timed.send(request("GET /"));
  await until(() => timed.writes.length > 0);
  await timed.pass(30_000);
  await canceled.promise;
  assertEquals(timed.closeCount, 1);
  release();
  await timed.finish();
  assertEquals(codeOf(timed.error), "TimeoutError");
});

Deno.test("drainTimeout limits the time to drain an unread body", async () => {
  const timed = new TimedConnection(ok);
  timed.send(request("POST /", "Content-Length: 9\r\n"));
  const answer = await timed.response();
  assertEquals(answer.headers.has("connection"), false);
  await timed.pass(2000);
  assertEquals(await timed.finish(), "");
});

Deno.test("lingerTimeout limits the lingering close if the peer does not close", async () => {
  const timed = new TimedConnection(ok);
  timed.send(request("GET /", "Connection: close\r\n"));
  await timed.response();
  assertEquals(await timed.toEnd(), ""); // the server closes its direction immediately
  await timed.pass(5000);
  assertEquals(timed.closeCount, 1);
  await timed.finish();
  assertEquals(timed.error, undefined);
});

Deno.test("readTimeoutMs of the setup hook replaces the read deadlines", async () => {
  const hooks: Partial<Hooks> = {
    connectionSetup: (accepted) => {
      assert(accepted.ok);
      return ConnectionSetupAction.proceed(accepted.conn, {
        readTimeoutMs: 3000,
      });
    },
  };
  const silent = new TimedConnection(ok, {}, hooks);
  await silent.pass(3000);
  assertEquals(await silent.finish(), "");
  const idle = new TimedConnection(ok, {}, hooks);
  idle.send(request("GET /"));
  await idle.response();
  await idle.pass(3000);
  assertEquals(await idle.finish(), "");
  const stalled = new TimedConnection(upload, {}, hooks);
  stalled.send(request("POST /", "Content-Length: 9\r\n"));
  await stalled.pass(3000);
  assertEquals((await stalled.response()).status, 408);
  assertEquals(await stalled.finish(), "");
});

Deno.test("maxConnectionAge closes a connection after the next response", async () => {
  const timed = new TimedConnection(ok, { maxConnectionAge: 5000 });
  timed.send(request("GET /"));
  assertEquals((await timed.response()).headers.has("connection"), false);
  timed.clock.advance(5000 + SWEEPS_MS);
  timed.send(request("GET /"));
  assertEquals((await timed.response()).headers.get("connection"), "close");
  assertEquals(await timed.finish(), "");
});

Deno.test("the Date line follows the clock second by second", async () => {
  const timed = new TimedConnection(ok);
  const dates: (string | undefined)[] = [];
  for (const durationMs of [0, 400, 1600]) {
    timed.clock.advance(durationMs);
    timed.send(request("GET /"));
    dates.push((await timed.response()).headers.get("date"));
  }
  assertEquals(dates, [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:39 GMT",
  ]);
  timed.end();
  await timed.finish();
});
