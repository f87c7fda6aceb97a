/**
 * Row R148: responses that arrive before the request was sent, and responses
 * that are closed unread.
 *
 * The client is more lenient than the row in one point: a final HTTP/1.1
 * response with a status below 300 does not stop the request's body, because a
 * server that echoes the body responds while it reads (RFC 9112 §9.5 asks
 * clients only to watch for errors). Such a response may even contain `close`,
 * since the server does not know yet how the body will end.
 */

import { assertEquals, assertRejects } from "@std/assert";
import type { ClientResponse } from "../../mod.ts";
import {
  body,
  halfClose,
  head,
  send,
  until,
} from "../support/hostile_server.ts";
import {
  EMPTY,
  getText,
  HELLO,
  isGone,
  NEVER,
  pair,
  Pieces,
} from "../support/client_exchange.ts";
import { SWEEP_MS, timedPair } from "../support/timed_client.ts";

const HELLO_BODY = "Content-Length: 5\r\n\r\nhello";

Deno.test("R148: a status of 300 or more, or HTTP/1.0, stops the body", async () => {
  for (
    const line of [
      "HTTP/1.1 413 \r\n",
      "HTTP/1.1 500 \r\n",
      "HTTP/1.1 303 \r\n",
      "HTTP/1.0 200 \r\n",
    ]
  ) {
    const pieces = new Pieces(["a", NEVER]);
    await using both = pair([[head, body(6), send(line + HELLO_BODY)]]);
    const response = await both.client.post("/", { body: pieces });
    await pieces.cancelled;
    assertEquals(await response.body.text(), "hello", line);
    await isGone(both);
    const peer = await both.server.peer(0);
    assertEquals(peer.received, `${peer.heads[0]}1\r\na\r\n`);
  }
});

Deno.test("R148: a connection is not reused after half a body of bytes", async () => {
  const refusal = `HTTP/1.1 413 \r\n${HELLO_BODY}`;
  await using both = pair([
    [head, send(refusal), until(NEVER)],
    [head, send(EMPTY)],
  ]);
  const { client, server } = both;
  const large = new Uint8Array(50_000_000);
  const response = await client.post("/", { body: large });
  assertEquals([response.status, await response.body.text()], [413, "hello"]);
  assertEquals(client.connectionCount, 0);
  assertEquals(await getText(client), [204, ""]);
  assertEquals(server.count, 2);
});

Deno.test("R148: an echoed body streams in both directions, and the connection stays open unless the response says close", async () => {
  for (const closes of ["", "Connection: close\r\n"]) {
    const second = Promise.withResolvers<string>();
    const line = `HTTP/1.1 200 \r\n${closes}Transfer-Encoding: chunked\r\n\r\n`;
    await using both = pair([[
      ...[head, body(6), send(`${line}1\r\na\r\n`), body(11)],
      ...[send("1\r\nb\r\n0\r\n\r\n"), head, send(EMPTY)],
    ]]);
    const { client, server } = both;
    const response = await client.post("/", {
      body: new Pieces(["a", second.promise]),
    });
    const buffer = new Uint8Array(9);
    assertEquals([await response.body.read(buffer), buffer[0]], [1, 0x61]);
    second.resolve("b");
    assertEquals([await response.body.read(buffer), buffer[0]], [1, 0x62]);
    assertEquals(await response.body.read(buffer), null);
    if (closes !== "") {
      await isGone(both);
      continue;
    }
    assertEquals(await getText(client), [204, ""]);
    assertEquals(server.count, 1);
  }
});

Deno.test("R148: a response that ends before the request does closes the connection", async () => {
  for (
    const wire of [
      HELLO,
      EMPTY,
      `HTTP/1.1 200 \r\nConnection: close\r\n${HELLO_BODY}`,
    ]
  ) {
    const pieces = new Pieces(["a", NEVER]);
    await using both = pair([[head, body(6), send(wire)]]);
    const response = await both.client.post("/", { body: pieces });
    assertEquals(await response.body.text(), wire === EMPTY ? "" : "hello");
    await pieces.cancelled;
    await isGone(both);
  }
});

Deno.test("R148: the response of a server that stops reading is received", async () => {
  await using both = pair([[
    head,
    send(`HTTP/1.1 200 \r\nConnection: close\r\n${HELLO_BODY}`),
    until(NEVER),
  ]]);
  const large = new Pieces(
    Array.from({ length: 800 }, () => "x".repeat(65_536)),
  );
  const response = await both.client.post("/", { body: large });
  assertEquals(await response.body.text(), "hello");
  assertEquals(both.client.connectionCount, 0);
});

const PART = "HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\nhell";

Deno.test("R148: close() drains a short rest without waiting, and keeps the connection", async () => {
  const chunked = "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n";
  for (
    const [first, rest] of [
      [PART, "o day"],
      [
        "HTTP/1.1 200 \r\nContent-Length: 65536\r\n\r\n",
        "x".repeat(65_536),
      ],
      [`${chunked}4\r\nhell\r\n`, "0\r\nA: b\r\n\r\n"],
    ] as const
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using both = pair([
      [head, send(first), until(promise), send(rest), head, send(EMPTY)],
    ], { maxConnections: 1 });
    const { client, server } = both;
    const response = await client.get("/");
    response.close();
    response.close();
    await assertRejects(() => response.body.text(), TypeError, "was closed");
    const next = getText(client); // it waits for the connection
    resolve();
    assertEquals(await next, [204, ""]);
    assertEquals(server.count, 1);
  }
});

Deno.test("R148: close() closes a connection whose rest is too long or that cannot be reused", async () => {
  for (
    const [fields, options] of [
      ["Content-Length: 65537", {}],
      ["Content-Length: 9", { drainBytes: 8 }],
      ["Transfer-Encoding: chunked", { drainBytes: 0 }],
      ["Content-Length: 9\r\nConnection: close", {}],
      ["A: until the end", {}],
    ] as const
  ) {
    const wire = `HTTP/1.1 200 \r\n${fields}\r\n\r\n`;
    await using both = pair([[head, send(wire)]], options);
    const response = await both.client.get("/");
    response.close();
    await isGone(both);
    await assertRejects(() => response.body.text(), TypeError, "was closed");
  }
});

Deno.test("R148: draining ends at drainBytes", async () => {
  for (const [drainBytes, count] of [[2000, 1], [1999, 2]] as const) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const chunk = `7d0\r\n${"x".repeat(2000)}\r\n0\r\n\r\n`;
    const line = "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n";
    await using both = pair([
      [head, send(line), until(promise), send(chunk), head, send(EMPTY)],
      [head, send(EMPTY)],
    ], { drainBytes, maxConnections: 1 });
    const { client, server } = both;
    (await client.get("/")).close();
    assertEquals(client.connectionCount, 1);
    const next = getText(client); // it waits for room
    resolve();
    assertEquals(await next, [204, ""]);
    assertEquals(server.count, count);
  }
});

Deno.test("R148: draining ends at drainTimeout", async () => {
  await using both = timedPair([[head, send(PART)]], { drainTimeout: 1000 });
  (await both.client.get("/")).close();
  both.clock.advance(1000);
  assertEquals(both.client.connectionCount, 1);
  both.clock.advance(SWEEP_MS);
  await (await both.server.peer(0)).ended;
  assertEquals(both.client.connectionCount, 0);
});

Deno.test("R148: a body cut while it is drained closes the connection", async () => {
  await using both = pair([[head, send(PART), halfClose]]);
  (await both.client.get("/")).close();
  await (await both.server.peer(0)).ended;
  assertEquals(both.client.connectionCount, 0);
});

Deno.test("R148: `using`, leaving an iteration and cancelling a stream close a response", async () => {
  const wire = "HTTP/1.1 200 \r\nContent-Length: 99999\r\n\r\nhello";
  for (
    const close of [
      (response: ClientResponse) => response[Symbol.dispose](),
      (response: ClientResponse) => response.body.stream.cancel(),
      async (response: ClientResponse) => {
        for await (const _ of response.body) break;
      },
    ]
  ) {
    await using both = pair([[head, send(wire)]]);
    await close(await both.client.get("/"));
    await isGone(both);
  }
});

Deno.test("R148: close() fails a pending read", async () => {
  await using both = pair([[head, send(PART)]]);
  const response = await both.client.get("/");
  const text = assertRejects(
    () => response.body.text(),
    TypeError,
    "the response was closed",
  );
  response.close();
  await text;
  await isGone(both);
});

Deno.test("R148: close() after the end of a body has no effect", async () => {
  await using both = pair([[head, send(HELLO), head, send(EMPTY)]]);
  const { client, server } = both;
  const response = await client.get("/");
  assertEquals(await response.body.text(), "hello");
  response.close();
  assertEquals(await getText(client), [204, ""]);
  assertEquals(server.count, 1);
});
