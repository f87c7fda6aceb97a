/** Row R146: a body that waits for `100 Continue`. */

import { assertEquals } from "@std/assert";
import { body, close, head, send, until } from "../support/hostile_server.ts";
import {
  EMPTY,
  fails,
  getText,
  HELLO,
  isGone,
  NEVER,
  pair,
  Pieces,
} from "../support/client_exchange.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const REFUSAL = "HTTP/1.1 403 \r\nContent-Length: 2\r\n\r\nno";
const FAILED = "HTTP/1.1 417 \r\nContent-Length: 2\r\n\r\nno";
const init = { body: "hello", expectContinue: true };

/** A time that no test waits for. */
const LONG = { continueTimeout: Infinity };

Deno.test("R146: 100 Continue lets the body go, and the connection stays", async () => {
  await using both = pair([
    [head, send(CONTINUE), body(5), send(HELLO), head, send(EMPTY)],
  ], LONG);
  const { client, server } = both;
  const response = await client.post("/", init);
  assertEquals(await response.body.text(), "hello");
  assertEquals(await getText(client), [204, ""]);
  assertEquals(server.count, 1);
});

Deno.test("R146: a streamed body is not touched before 100 Continue", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using both = pair([
    [head, until(promise), send(CONTINUE), body(15), send(HELLO)],
  ], LONG);
  const pieces = new Pieces(["hello"]);
  const response = both.client.post("/", { ...init, body: pieces });
  const peer = await both.server.peer(0);
  while (peer.heads.length === 0) await new Promise((wake) => setTimeout(wake));
  assertEquals([pieces.taken, peer.received], [0, peer.heads[0]]);
  resolve();
  assertEquals((await response).status, 200);
  assertEquals(pieces.taken, 1);
});

Deno.test("R146: the body goes without a 100 after continueTimeout", async () => {
  await using both = pair([[head, body(5), send(HELLO)]], {
    continueTimeout: 30,
  });
  const before = performance.now();
  const response = await both.client.post("/", init);
  assertEquals(response.status, 200);
  assertEquals(performance.now() - before >= 29, true);
});

Deno.test("R146: a refusal keeps the body back, and closes the connection", async () => {
  for (const isStream of [false, true]) {
    await using both = pair([[head, send(REFUSAL)]], LONG);
    const pieces = new Pieces(["hello"]);
    const response = await both.client.post(
      "/",
      isStream ? { ...init, body: pieces } : init,
    );
    assertEquals([response.status, await response.body.text()], [403, "no"]);
    await isGone(both);
    const peer = await both.server.peer(0);
    assertEquals(peer.received, peer.heads[0]);
    if (isStream) await pieces.cancelled;
    assertEquals(pieces.taken, 0);
  }
});

Deno.test("R146: a final 2xx without a 100 closes the connection once it was read", async () => {
  await using both = pair([[head, send(HELLO)]], LONG);
  const response = await both.client.post("/", init);
  assertEquals(await response.body.text(), "hello");
  await isGone(both);
});

Deno.test("R146: 417 sends the request once more, without Expect", async () => {
  await using both = pair([
    [head, send(FAILED)],
    [head, body(5), send(HELLO)],
  ], LONG);
  const { client, server } = both;
  const response = await client.post("/", init);
  assertEquals([response.status, await response.body.text()], [200, "hello"]);
  const [first = "", second] = [
    ...(await server.peer(0)).heads,
    ...(await server.peer(1)).heads,
  ];
  assertEquals(first.replace("expect: 100-continue\r\n", ""), second);
  await (await server.peer(0)).ended;
});

Deno.test("R146: a second 417 is an answer like any other", async () => {
  await using both = pair([
    [head, send(FAILED)],
    [head, body(5), send(FAILED)],
  ], LONG);
  const response = await both.client.post("/", init);
  assertEquals([response.status, both.server.count], [417, 2]);
});

Deno.test("R146: 417 goes to the caller if nothing was expected, or the body is a stream", async () => {
  for (
    const other of [
      { body: "hello" },
      { body: new Pieces(["hello"]), expectContinue: true },
      { expectContinue: true },
    ]
  ) {
    await using both = pair([[head, send(FAILED)]], LONG);
    const response = await both.client.post("/", other);
    assertEquals(response.status, 417);
    assertEquals(await response.body.text(), "no");
    assertEquals(both.server.count, 1);
  }
});

Deno.test("R146: a connection that ends instead of a 100 fails the exchange", async () => {
  await using both = pair([[head, close]], LONG);
  await fails(both.client.post("/", init), "read", "CLOSED");
  await isGone(both);
});

Deno.test("R146: a server that says nothing runs into a deadline in any case", async () => {
  await using both = pair([[head, until(NEVER)]], { ...LONG, bodyTimeout: 40 });
  await fails(both.client.post("/", init), "write", "DEADLINE");
});
