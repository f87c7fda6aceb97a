/** Rows R137 and R138: interim responses, and connections that change their protocol. */

import { assert, assertEquals } from "@std/assert";
import {
  body,
  head,
  send,
  sendEach,
  until,
} from "../support/hostile_server.ts";
import {
  EMPTY,
  fails,
  failureOf,
  getText,
  HELLO,
  isGone,
  pair,
} from "../support/client_exchange.ts";
import { timedPair } from "../support/timed_client.ts";

const INTERIM =
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 \r\nContent-Length: 5\r\n\r\nHTTP/1.1 103 \r\nLink: </a>\r\nTransfer-Encoding: chunked\r\n\r\n";

Deno.test("R137: interim responses are skipped, and passed to onInterim", async () => {
  for (const sendAs of [send, sendEach]) {
    await using both = pair([[
      head,
      sendAs(INTERIM + HELLO),
      head,
      send(EMPTY),
    ]]);
    const { client, server } = both;
    const seen: [number, string | null][] = [];
    const outcome = await getText(client, "/", {
      onInterim: (status, fields) => seen.push([status, fields.get("link")]),
    });
    assertEquals(outcome, [200, "hello"]);
    assertEquals(seen, [[100, null], [102, null], [103, "</a>"]]);
    assertEquals(await getText(client), [204, ""]);
    assertEquals(server.count, 1);
  }
});

Deno.test("R137: a 100 that was not requested has no effect", async () => {
  const interim = "HTTP/1.1 100 \r\n\r\n".repeat(8);
  await using both = pair([[head, body(1), send(interim + HELLO)]]);
  const response = await both.client.post("/", { body: "x" });
  assertEquals(await response.body.text(), "hello");
});

Deno.test("R137: the ninth interim response, or 16 KiB of them, is too much", async () => {
  const one = "HTTP/1.1 103 \r\n\r\n";
  const field = `A: ${"x".repeat(9000)}\r\n`;
  for (
    const wire of [
      one.repeat(9),
      one.repeat(100_000),
      `HTTP/1.1 103 \r\n${field}\r\n`.repeat(2),
    ]
  ) {
    await using both = pair([[head, send(wire)]]);
    await fails(
      both.client.get("/"),
      ...["parse", "PROTOCOL", "TOO_MANY_INTERIM_RESPONSES"] as const,
    );
    await isGone(both);
  }
});

Deno.test("R137: maxInterimResponses may be 0", async () => {
  await using both = pair([[head, send(INTERIM)]], { maxInterimResponses: 0 });
  await fails(
    both.client.get("/"),
    ...["parse", "PROTOCOL", "TOO_MANY_INTERIM_RESPONSES"] as const,
  );
});

Deno.test("R137: an error thrown by onInterim fails the exchange", async () => {
  const reason = new Error("no");
  await using both = pair([[head, send(INTERIM)]]);
  const onInterim = (): never => {
    throw reason;
  };
  assertEquals(
    await failureOf(both.client.get("/", { onInterim })),
    reason,
  );
  await isGone(both);
});

const SWITCH =
  "HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n";

Deno.test("R138: a 101 that was not offered, or names another protocol, is refused", async () => {
  for (
    const [upgrade, wire] of [
      [undefined, SWITCH],
      ["foo", SWITCH],
      ["websocket", "HTTP/1.1 101 \r\n\r\n"],
      ["websocket", `HTTP/1.1 101 \r\nUpgrade: websocket, foo\r\n\r\n`],
      ["a/1", "HTTP/1.1 101 \r\nUpgrade: a/2\r\n\r\n"],
    ] as const
  ) {
    await using both = pair([[head, send(wire)]]);
    const init = upgrade === undefined ? {} : { upgrade };
    await fails(
      both.client.get("/", init),
      ...["parse", "PROTOCOL", "UNEXPECTED_UPGRADE"] as const,
    );
    await isGone(both);
  }
});

Deno.test("R138: a 101 hands over the connection and the bytes that came with it", async () => {
  await using both = pair([[head, send(`${SWITCH}\x81\x00HTTP`), body(4)]]);
  const { client, server } = both;
  const response = await client.get("/", { upgrade: "websocket" });
  const { upgraded } = response;
  assert(upgraded !== null);
  using conn = upgraded.conn;
  assertEquals(response.status, 101);
  assertEquals(await response.body.text(), "");
  assertEquals([...upgraded.unread.subarray(0, 2)], [0x81, 0]);
  assertEquals(upgraded.unread.length, 6);
  assertEquals(client.connectionCount, 0);
  client.close();
  await conn.write(new TextEncoder().encode("ping"));
  const peer = await server.peer(0);
  await peer.finished;
  assert(peer.received.endsWith("\r\n\r\nping"));
});

Deno.test("R138: deadlines, signals and the pool ignore an upgraded connection", async () => {
  const options = { maxConnections: 1, headTimeout: 1000, bodyTimeout: 1000 };
  const { promise, resolve } = Promise.withResolvers<void>();
  await using both = timedPair([
    [head, send(SWITCH), until(promise), send("late")],
    [head, send(HELLO)],
  ], options);
  const { client, clock } = both;
  const controller = new AbortController();
  const { signal } = controller;
  const response = await client.get("/", { upgrade: "websocket", signal });
  controller.abort();
  assertEquals(await getText(client), [200, "hello"]); // a slot is free
  clock.advance(60_000); // longer than any deadline
  resolve();
  const buffer = new Uint8Array(4);
  assertEquals(await response.upgraded?.conn.read(buffer), 4);
  response.close();
  await (await both.server.peer(0)).ended;
});

Deno.test("R138: a server may decline an offer and answer in HTTP", async () => {
  await using both = pair([[head, send(HELLO), head, send(EMPTY)]]);
  const response = await both.client.get("/", { upgrade: "websocket" });
  assertEquals(response.upgraded, null);
  assertEquals(await response.body.text(), "hello");
  assertEquals(await getText(both.client), [204, ""]);
  assertEquals(both.server.count, 1);
});
