/** The deadline of each phase, options scaled down. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Client, ClientError, type ClientOptions } from "../../mod.ts";
import { Watch } from "../../client/watch.ts";
import {
  body,
  head,
  send,
  sendEach,
  until,
} from "../support/hostile_server.ts";
import { NEVER, pair, Pieces } from "../support/client_exchange.ts";

/** Sees a deadline that names its option. */
async function passes(
  promise: Promise<unknown>,
  phase: string,
  option: string,
): Promise<ClientError> {
  const error = await assertRejects(() => promise, ClientError, `(${option})`);
  assertEquals([error.phase, error.code], [phase, "DEADLINE"]);
  return error;
}

Deno.test("connectTimeout ends an attempt that nobody answers, and leaves nothing", async () => {
  using listener = Deno.listen({
    hostname: "127.0.0.1",
    port: 0,
    tcpBacklog: 1,
  });
  const { port } = listener.addr;
  // The queue is filled, so that the next connection is not completed.
  const queued: Deno.TcpConn[] = [];
  const controller = new AbortController();
  const { signal } = controller;
  for (let isFull = false; !isFull;) {
    const attempt = Deno.connect({ hostname: "127.0.0.1", port, signal });
    const timer = Promise.withResolvers<null>();
    const id = setTimeout(() => timer.resolve(null), 100);
    const conn = await Promise.race([attempt, timer.promise]);
    clearTimeout(id);
    if (conn !== null) queued.push(conn);
    else {
      isFull = true;
      controller.abort();
      await attempt.catch(() => {});
    }
  }
  await using client = new Client(`127.0.0.1:${port}`, { connectTimeout: 40 });
  const error = await passes(client.get("/"), "connect", "connectTimeout");
  assert(error.retryable);
  assertEquals(client.connectionCount, 0);
  const leaves = new AbortController();
  const answer = client.get("/", { signal: leaves.signal });
  leaves.abort("no");
  assertEquals(await answer.catch((reason) => reason), "no");
  for (const conn of queued) conn.close();
});

Deno.test("tlsTimeout ends a handshake that nobody answers", async () => {
  await using both = pair([]);
  const options = { tlsTimeout: 40 };
  await using client = new Client(`https://${both.server.origin}`, options);
  const error = await passes(client.get("/"), "connect", "tlsTimeout");
  assert(error.retryable);
  // The runtime keeps the socket of a handshake until the server acts.
  assertEquals(client.connectionCount, 0);
});

/** Sends a GET that is not answered in time. */
async function gets(
  script: Parameters<typeof pair>[0][number],
  options: Partial<ClientOptions>,
  phase: string,
  option: string,
): Promise<void> {
  await using both = pair([script], options);
  const answer = both.client.get("/").then(({ body }) => body.text());
  const error = await passes(answer, phase, option);
  assertEquals(error.retryable, false);
  assertEquals(both.client.connectionCount, 0);
}

Deno.test("headTimeout ends a wait for a head, whatever comes meanwhile", async () => {
  const options = { headTimeout: 60 };
  await gets([head], options, "read", "headTimeout");
  const drip = sendEach(`HTTP/1.1 200 OK\r\nA: ${"x".repeat(1000)}`);
  await gets([head, drip], options, "read", "headTimeout");
  const interim = "HTTP/1.1 102 \r\n\r\n";
  await gets([head, send(interim)], options, "read", "headTimeout");
});

Deno.test("bodyTimeout ends a body that stalls, and only that", async () => {
  const part = "HTTP/1.1 200 \r\nContent-Length: 400\r\n\r\n";
  const options = { bodyTimeout: 150 };
  await gets([head, send(part + "x")], options, "read", "bodyTimeout");
  const drip = sendEach("x".repeat(400));
  await using both = pair([[head, send(part), drip]], options);
  const response = await both.client.get("/");
  const before = performance.now();
  assertEquals((await response.body.text()).length, 400);
  assert(performance.now() - before > 150, "not slow enough to show anything");
});

Deno.test("bodyTimeout ends a request that nobody reads", async () => {
  await using both = pair([[until(NEVER)]], { bodyTimeout: 60 });
  const large = new Uint8Array(50_000_000);
  const answer = both.client.post("/", { body: large });
  await passes(answer, "write", "bodyTimeout");
});

Deno.test("bodyTimeout ends a request whose own body stalls", async () => {
  await using both = pair([[head, body(6)]], { bodyTimeout: 60 });
  const pieces = new Pieces(["a", NEVER]);
  const answer = both.client.post("/", { body: pieces });
  await passes(answer, "write", "bodyTimeout");
  await pieces.cancelled;
});

Deno.test("timeout ends an exchange until its head, connecting and waiting included", async () => {
  const options = { timeout: 60, maxConnections: 1 };
  await using both = pair([[head, until(NEVER)]], options);
  await Promise.all([
    passes(both.client.get("/"), "read", "timeout"),
    passes(both.client.get("/"), "read", "timeout"),
  ]);
  assertEquals(both.client.connectionCount, 0);
});

Deno.test("timeout counts over redirects, and not for bodies", async () => {
  const moved = "HTTP/1.1 302 \r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
  const options = { timeout: 150, maxRedirects: 1 };
  await using silent = pair([[head, send(moved), head, until(NEVER)]], options);
  await passes(silent.client.get("/"), "read", "timeout");
  assertEquals((await silent.server.peer(0)).heads.length, 2);
  const wire = "HTTP/1.1 200 \r\nContent-Length: 400\r\n\r\n";
  const drip = sendEach("x".repeat(400));
  await using both = pair([[head, send(wire), drip]], options);
  const response = await both.client.get("/");
  const before = performance.now();
  assertEquals((await response.body.text()).length, 400);
  assert(performance.now() - before > 150, "not slow enough to show anything");
});

Deno.test("timeout gives way to the caller's own signal", async () => {
  await using both = pair([[head, until(NEVER)]], { timeout: 10_000 });
  const controller = new AbortController();
  const { signal } = controller;
  const answer = both.client.get("/", { signal }).catch((reason) => reason);
  await both.server.peer(0);
  controller.abort("no");
  assertEquals(await answer, "no");
});

Deno.test("Watch tells each member that is due, and stops without members", async () => {
  const watch = new Watch(8);
  const { promise, resolve } = Promise.withResolvers<void>();
  const told: string[] = [];
  const due = {
    deadlineMs: performance.now() - 1,
    deadlinePassed: (): void => {
      told.push("due");
      watch.remove(due);
    },
  };
  const later = {
    deadlineMs: performance.now() + 50,
    deadlinePassed: (): void => {
      told.push("later");
      watch.remove(later);
      resolve();
    },
  };
  const never = {
    deadlineMs: Infinity,
    deadlinePassed: (): void => void told.push("never"),
  };
  for (const member of [due, later, never]) watch.add(member);
  const alive = setTimeout(() => {}, 10_000); // the watch keeps nothing alive
  await promise;
  clearTimeout(alive);
  assertEquals(told, ["due", "later"]);
  watch.stop();
  watch.stop();
});
