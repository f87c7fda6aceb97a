/** How connections are shared: the limit, waiting exchanges, and which connections stay open. */

import { assert, assertEquals } from "@std/assert";
import { idleTimeOf } from "../../client/idle_time.ts";
import { Client, type ClientOptions, Headers } from "../../mod.ts";
import {
  close,
  halfClose,
  head,
  HostileServer,
  send,
  sendEach,
  type Step,
  until,
} from "../support/hostile_server.ts";
import { isPending, SWEEP_MS, timedPair } from "../support/timed_client.ts";
import { turn, until as untilSo } from "../support/turns.ts";
import {
  EMPTY,
  fails,
  getText,
  HELLO,
  NEVER,
  type Pair,
  pair,
} from "../support/client_exchange.ts";

/** A connection that answers every request. */
const ALWAYS: readonly Step[] = Array.from(
  { length: 20 },
  () => [head, send(HELLO)],
).flat();

/** A server whose connections answer only when the test says so. */
function held(
  count: number,
  options: Partial<ClientOptions>,
): Pair & { readonly go: (() => void)[] } {
  const gates = Array.from(
    { length: count },
    () => Promise.withResolvers<void>(),
  );
  const both = pair(
    gates.map(({ promise }) => [head, until(promise), send(HELLO), ...ALWAYS]),
    options,
  );
  return { ...both, go: gates.map(({ resolve }) => resolve) };
}

Deno.test("Pool opens at most maxConnections; further exchanges wait in order", async () => {
  await using both = held(2, { maxConnections: 2 });
  const { client, server, go } = both;
  const order: number[] = [];
  const exchanges = [0, 1, 2, 3, 4].map(async (number) => {
    assertEquals(await getText(client, `/${number}`), [200, "hello"]);
    order.push(number);
  });
  await server.peer(1);
  await untilSo(() => server.peers.every((peer) => peer.heads.length === 1));
  assertEquals([server.count, client.connectionCount], [2, 2]);
  for (const answer of go) answer();
  await Promise.all(exchanges);
  assertEquals(server.count, 2);
  assertEquals(order.filter((number) => number > 1), [2, 3, 4]);
});

Deno.test("Pool prefers the connection that was used last", async () => {
  await using both = held(3, {});
  const { client, server, go } = both;
  const answers = ["/a", "/b", "/c"].map((target) => client.get(target));
  await untilSo(() =>
    server.peers.filter((peer) => peer.heads.length === 1).length === 3
  );
  const indexOf = (target: string): number =>
    server.peers.findIndex((peer) =>
      peer.heads[0]?.startsWith(`GET ${target}`)
    );
  for (const at of [0, 2, 1]) {
    go[indexOf(["/a", "/b", "/c"][at]!)]?.(); // three targets
    await answers[at];
  }
  for (let count = 0; count < 3; count++) await getText(client, "/again");
  const again = server.peers.filter((peer) =>
    peer.heads.some((text) => text.startsWith("GET /again "))
  );
  assertEquals(again.length, 1);
  assert(again[0]?.heads[0]?.startsWith("GET /b "));
  assertEquals(client.connectionCount, 3);
});

Deno.test("Pool wakes a waiting exchange when a connection fails", async () => {
  await using both = pair([[head, close], ALWAYS], { maxConnections: 1 });
  const { client, server } = both;
  const first = fails(client.get("/"), "read", "CLOSED");
  const second = getText(client);
  await first;
  assertEquals(await second, [200, "hello"]);
  assertEquals(server.count, 2);
});

Deno.test("Pool wakes a waiting exchange when connecting fails", async () => {
  const server = new HostileServer([]);
  const { origin } = server;
  await server[Symbol.asyncDispose]();
  await using client = new Client(origin, { maxConnections: 1 });
  await Promise.all(
    [1, 2, 3].map(() => fails(client.get("/"), "connect", "CONNECT_FAILED")),
  );
  assertEquals(client.connectionCount, 0);
});

Deno.test("Pool closes a connection that was idle for idleTimeout", async () => {
  await using both = timedPair([ALWAYS, ALWAYS], { idleTimeout: 1000 });
  const { client, clock, server } = both;
  await getText(client);
  clock.advance(1000);
  assertEquals(client.connectionCount, 1);
  clock.advance(SWEEP_MS);
  await (await server.peer(0)).ended;
  assertEquals(client.connectionCount, 0);
  await getText(client);
  assertEquals(server.count, 2);
});

Deno.test("Pool does not reuse a connection that its server will soon close", async () => {
  const hinted = "HTTP/1.1 204 \r\nKeep-Alive: timeout=2, max=100\r\n\r\n";
  await using both = pair([[head, send(hinted)], ALWAYS]);
  const { client, server } = both;
  assertEquals(await getText(client), [204, ""]);
  assertEquals(await getText(client), [200, "hello"]);
  assertEquals(server.count, 2);
  await (await server.peer(0)).ended;
});

Deno.test("idleTimeOf() is the server's hint minus two seconds, at most a minute", () => {
  for (
    const [hint, expected] of [
      [null, 4000],
      ["timeout=5", 3000],
      ["Timeout=7, max=100", 5000],
      ["max=100,timeout=30", 28_000],
      ["timeout=2", 0],
      ["timeout=0", 0],
      ["timeout=999999", 60_000],
      ["timeout=9999999999999999999", 60_000],
      ["timeout=x", 4000],
      ["timeout=-5", 4000],
      ["xtimeout=5", 4000],
      ["max=5", 4000],
      ["", 4000],
    ] as const
  ) {
    const headers = new Headers(hint === null ? [] : [["Keep-Alive", hint]]);
    assertEquals(idleTimeOf(headers, 4000), expected, `${hint}`);
  }
});

Deno.test("Pool closes a connection whose response is not read for bodyTimeout", async () => {
  const part = "HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\nhell";
  await using both = timedPair([[head, send(part)], ALWAYS], {
    maxConnections: 1,
    bodyTimeout: 1000,
  });
  const { client, clock, server } = both;
  const forgotten = await client.get("/");
  const next = getText(client);
  clock.advance(1000);
  assert(await isPending(next));
  clock.advance(SWEEP_MS);
  assertEquals(await next, [200, "hello"]);
  assertEquals(server.count, 2);
  await (await server.peer(0)).ended;
  await fails(forgotten.body.text(), "read", "DEADLINE");
});

Deno.test("Pool is not stalled by responses that are never read", async () => {
  const chunked =
    "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const length = "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n";
  for (
    const answer of [
      [send(HELLO)],
      [send(chunked)],
      [send(length), until(turn()), send("hello")],
      [sendEach(chunked)],
      [send("HTTP/1.1 200 \r\n\r\nhello"), halfClose],
    ]
  ) {
    const isClosed = answer.includes(halfClose);
    const script = [head, ...answer];
    const scripts = isClosed
      ? Array.from({ length: 5 }, () => script)
      : [Array.from({ length: 5 }, () => script).flat()];
    await using both = pair(scripts, { maxConnections: 1 });
    const { client, server } = both;
    const unread = [];
    for (let count = 0; count < 5; count++) unread.push(await client.get("/"));
    assertEquals(server.count, isClosed ? 5 : 1);
    for (const response of unread) {
      assertEquals(await response.body.text(), "hello");
    }
  }
});

Deno.test("Pool keeps the connection of a long response that is not read", async () => {
  const long = `HTTP/1.1 200 \r\nContent-Length: 100000\r\n\r\n${
    "x".repeat(100_000)
  }`;
  await using both = pair([[head, send(long), ...ALWAYS]], {
    maxConnections: 1,
  });
  const { client, server } = both;
  const unread = await client.get("/");
  const next = getText(client);
  assert(await isPending(next));
  assertEquals((await unread.body.text()).length, 100_000);
  assertEquals(await next, [200, "hello"]);
  assertEquals(server.count, 1);
});

Deno.test("Pool loses no free connection when waiting exchanges are aborted", async () => {
  await using both = held(1, { maxConnections: 1 });
  const { client, server, go } = both;
  const first = getText(client);
  const controllers = [0, 1, 2].map(() => new AbortController());
  const waiting = controllers.map(({ signal }, at) =>
    getText(client, `/${at}`, { signal })
  );
  const left = [waiting[0], waiting[2]].map((promise) =>
    promise?.catch((reason) => reason)
  );
  await server.peer(0);
  controllers[0]?.abort("no");
  controllers[2]?.abort("no");
  assertEquals(await Promise.all(left), ["no", "no"]);
  go[0]?.();
  assertEquals(await first, [200, "hello"]);
  assertEquals(await waiting[1], [200, "hello"]);
  assertEquals((await server.peer(0)).heads.length, 2);
});

Deno.test("Pool wakes the next exchange when a woken one was aborted", async () => {
  const part = "HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\nhell";
  await using both = pair([[head, send(part)], ALWAYS], {
    maxConnections: 1,
    drainBytes: 0,
  });
  const { client } = both;
  const response = await client.get("/");
  const controller = new AbortController();
  const { signal } = controller;
  const leave = [1, 2, 3].map(() =>
    client.get("/", { signal }).catch((reason) => reason)
  );
  const stays = getText(client);
  await turn();
  response.close();
  controller.abort("no");
  assertEquals(await Promise.all(leave), ["no", "no", "no"]);
  assertEquals(await stays, [200, "hello"]);
});

Deno.test("Pool runs a hundred exchanges over two connections", async () => {
  const answers = Array.from({ length: 120 }, () => [head, send(EMPTY)]).flat();
  await using both = pair([answers, answers], { maxConnections: 2 });
  const { client, server } = both;
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, at) => getText(client, `/${at}`)),
  );
  assert(outcomes.every(([status]) => status === 204));
  assertEquals(server.count, 2);
});

Deno.test("close() fails all exchanges: running, waiting, connecting, later", async () => {
  await using both = pair([[head, until(NEVER)]], { maxConnections: 1 });
  const { client, server } = both;
  const running = fails(client.get("/"), "read", "CLIENT_CLOSED");
  const waiting = fails(client.get("/"), "connect", "CLIENT_CLOSED");
  await untilSo(() => server.peers[0]?.heads.length === 1);
  client.close();
  client.close();
  await Promise.all([running, waiting]);
  await fails(client.get("/"), "connect", "CLIENT_CLOSED");
  assertEquals(client.connectionCount, 0);
  await using other = pair([]);
  const connecting = other.client.get("/");
  other.client.close();
  await fails(connecting, "connect", "CLIENT_CLOSED");
});

Deno.test("close() fails unfinished bodies and closes idle connections", async () => {
  const part = "HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\nhell";
  await using both = pair([[head, send(part)], ALWAYS]);
  const { client, server } = both;
  const response = await client.get("/");
  await getText(client);
  assertEquals(client.connectionCount, 2);
  const text = response.body.text();
  {
    await using _disposed = client;
  }
  await fails(text, "read", "CLIENT_CLOSED");
  assertEquals(client.connectionCount, 0);
  await Promise.all(server.peers.map((peer) => peer.ended));
});

Deno.test("Pool gives a retry a connection before waiting exchanges", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using both = pair([
    [head, send(EMPTY), head, until(promise), close],
    ALWAYS,
    ALWAYS,
  ], { maxConnections: 1 });
  const { client, server } = both;
  await client.get("/");
  const dying = getText(client);
  const others = [getText(client), getText(client)];
  await untilSo(() => server.peers[0]?.heads.length === 2);
  resolve();
  assertEquals(await dying, [200, "hello"]);
  assertEquals(await Promise.all(others), [[200, "hello"], [200, "hello"]]);
});
