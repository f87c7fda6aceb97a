/** Rows R144, R145 and R147: when a connection is reused, and when a request is sent a second time. */

import { assertEquals } from "@std/assert";
import { blockThread } from "../support/block_thread.ts";
import {
  body,
  close,
  halfClose,
  head,
  send,
  until,
} from "../support/hostile_server.ts";
import { until as untilSo } from "../support/turns.ts";
import {
  clientFailure,
  EMPTY,
  fails,
  getText,
  HELLO,
  isGone,
  pair,
  Pieces,
} from "../support/client_exchange.ts";

const EVIL = "HTTP/1.1 200 evil\r\nContent-Length: 4\r\n\r\nevil";

Deno.test("R144: bytes after a response close the connection", async () => {
  for (
    const wire of [
      HELLO + EVIL,
      HELLO + "\r\n",
      EMPTY + EVIL,
      `HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${EVIL}`,
    ]
  ) {
    await using both = pair([[head, send(wire)], [head, send(HELLO)]]);
    const [status] = await getText(both.client);
    assertEquals(status, wire.startsWith(EMPTY) ? 204 : 200);
    await isGone(both);
    assertEquals(await getText(both.client), [200, "hello"]);
  }
});

Deno.test("R144: bytes on an idle connection close it, and never become a response", async () => {
  for (const wire of [EVIL, "\r", "HTTP/1.1 408 \r\n\r\n"]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using both = pair([
      [head, send(HELLO), until(promise), send(wire)],
      [head, send(HELLO)],
    ]);
    const { client, server } = both;
    await getText(client);
    assertEquals(client.connectionCount, 1);
    resolve();
    await (await server.peer(0)).ended;
    assertEquals(client.connectionCount, 0);
    assertEquals(await getText(client), [200, "hello"]);
    assertEquals(server.count, 2);
  }
});

Deno.test("R144: an idle connection that the server ends is closed", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using both = pair([[head, send(HELLO), until(promise), halfClose]]);
  await getText(both.client);
  resolve();
  await (await both.server.peer(0)).ended;
  await untilSo(() => both.client.connectionCount === 0);
});

Deno.test("R145: a connection is reused after a complete HTTP/1.1 response", async () => {
  const chunked =
    "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  await using both = pair([[
    ...[head, send(HELLO), head, send(chunked), head, send(EMPTY)],
    ...[head, body(5), send(HELLO), head, send(HELLO)],
  ]]);
  const { client, server } = both;
  assertEquals(await getText(client), [200, "hello"]);
  assertEquals(await getText(client), [200, "hello"]);
  assertEquals(await getText(client), [204, ""]);
  const response = await client.post("/", { body: "12345" });
  assertEquals(await response.body.text(), "hello");
  assertEquals(await getText(client), [200, "hello"]);
  assertEquals([server.count, client.connectionCount], [1, 1]);
});

Deno.test("R145: the connection is closed if in doubt", async () => {
  const hello = "Content-Length: 5\r\n\r\nhello";
  for (
    const wire of [
      `HTTP/1.0 200 \r\n${hello}`,
      `HTTP/1.0 200 \r\nConnection: keep-alive\r\n${hello}`,
      `HTTP/1.1 200 \r\nConnection: close\r\n${hello}`,
      `HTTP/1.1 200 \r\nConnection: x,\tCLOSE , y\r\n${hello}`,
      `HTTP/1.1 200 \r\nConnection: keep-alive\r\nConnection: close\r\n${hello}`,
    ]
  ) {
    await using both = pair([[head, send(wire)]]);
    assertEquals(await getText(both.client), [200, "hello"]);
    await isGone(both);
  }
});

Deno.test("R145: a client that announced close keeps no connection", async () => {
  await using both = pair([[head, send(HELLO)]]);
  const headers = { connection: "close" };
  assertEquals(await getText(both.client, "/", { headers }), [200, "hello"]);
  await isGone(both);
});

Deno.test("R145: the end of a connection is noticed even if it arrived with the response", async () => {
  await using both = pair([[head, send(HELLO), close], [head, send(EMPTY)]]);
  const response = await both.client.get("/");
  await (await both.server.peer(0)).ended;
  assertEquals(await response.body.text(), "hello");
  await untilSo(() => both.client.connectionCount === 0);
  assertEquals(await getText(both.client), [204, ""]);
});

Deno.test("R147: an idempotent request is sent once more if a reused connection is dead", async () => {
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]) {
    await using both = pair([
      [head, send(EMPTY), head, close],
      [head, send(EMPTY)],
    ]);
    const { client, server } = both;
    await client.get("/");
    const init = method === "PUT" ? { body: "x" } : {};
    const response = await client.exchange(method, "/second", init);
    assertEquals([response.status, server.count], [204, 2], method);
    const first = (await server.peer(0)).heads[1];
    assertEquals(first?.startsWith(`${method} /second `), true);
    assertEquals((await server.peer(1)).heads, [first]);
  }
});

Deno.test("R147: a reset is treated like an end", async () => {
  // The body is not read, so that closing resets the connection.
  await using both = pair([
    [head, send(EMPTY), head, close],
    [head, body(5), send(EMPTY)],
  ]);
  const { client, server } = both;
  await client.get("/");
  const response = await client.put("/", { body: "12345" });
  assertEquals([response.status, server.count], [204, 2]);
});

Deno.test("R147: POST, PATCH, unknown methods and streams are never sent twice", async () => {
  for (
    const [method, isStream] of [
      ["POST", false],
      ["PATCH", false],
      ["PURGE", false],
      ["get", false],
      ["PUT", true],
    ] as const
  ) {
    await using both = pair([
      [head, send(EMPTY), head, close],
      [head, send(EMPTY)],
    ]);
    const { client, server } = both;
    await client.get("/");
    const init = { body: isStream ? new Pieces(["x"]) : "x" };
    const failure = await clientFailure(client.exchange(method, "/", init));
    assertEquals(failure, ["read", "CLOSED"], method);
    assertEquals([server.count, client.connectionCount], [1, 0], method);
  }
});

Deno.test("R147: a request is sent again only once, and never after a new connection failed", async () => {
  await using both = pair([[head, send(EMPTY), head, close], [head, close]]);
  await both.client.get("/");
  await fails(both.client.get("/"), "read", "CLOSED");
  assertEquals(both.server.count, 2);
  await using fresh = pair([[head, close]]);
  await fails(fresh.client.get("/"), "read", "CLOSED");
  assertEquals(fresh.server.count, 1);
});

Deno.test("R147: after one byte of the response a request is not sent again", async () => {
  await using both = pair([[head, send(EMPTY), head, send("H"), close]]);
  await both.client.get("/");
  await fails(both.client.get("/"), "read", "INCOMPLETE");
  assertEquals(both.server.count, 1);
});

Deno.test("R147: a retry uses a new connection even if others are idle", async () => {
  const dying = [head, send(EMPTY), head, close];
  await using both = pair([dying, dying, [head, send(HELLO)]]);
  const { client, server } = both;
  await Promise.all([client.get("/a"), client.get("/b")]);
  assertEquals(client.connectionCount, 2);
  assertEquals(await getText(client), [200, "hello"]);
  assertEquals(server.count, 3);
});

Deno.test("R144, R147: before a request that is not idempotent, the end of the connection is noticed", async () => {
  for (const step of [close, halfClose, send(EVIL)]) {
    for (const method of ["POST", "PATCH", "PURGE"]) {
      const { promise, resolve } = Promise.withResolvers<void>();
      await using both = pair([
        [head, send(EMPTY), until(promise), step],
        [head, send(HELLO)],
      ]);
      const { client, server } = both;
      assertEquals(await getText(client), [204, ""]);
      resolve();
      await (await server.peer(0)).finished;
      blockThread(5); // what arrives meanwhile is not noticed
      const response = await client.exchange(method, "/");
      assertEquals(await response.body.text(), "hello");
      assertEquals(server.peers[0]?.heads.length, 1, method);
    }
  }
});

Deno.test("a chunked body of which much arrives with its head is read to its end, also after a long body", async () => {
  const size = 300_000;
  const long = `HTTP/1.1 200 \r\nContent-Length: ${size}\r\n\r\n${
    "x".repeat(size)
  }`;
  const chunk = `7530\r\n${"y".repeat(0x7530)}\r\n`; // 30,000 bytes
  const chunked = `HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`;
  await using both = pair([
    [
      head,
      send(long),
      head,
      send(chunked),
      (peer) => peer.write(`${chunk}0\r\n\r\n`),
    ],
  ]);
  const { client } = both;
  assertEquals((await (await client.get("/")).bytes()).length, size);
  assertEquals((await (await client.get("/")).bytes()).length, 60_000);
  assertEquals(both.server.count, 1);
});
