/** Row R146: a body that waits for `100 Continue`. */

import { assert, assertEquals } from "@std/assert";
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
import { elapse, isPending, timedPair } from "../support/timed_client.ts";
import { until as untilSo } from "../support/turns.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const REFUSAL = "HTTP/1.1 403 \r\nContent-Length: 2\r\n\r\nno";
const FAILED = "HTTP/1.1 417 \r\nContent-Length: 2\r\n\r\nno";
const init = { body: "hello", expectContinue: true };

const NO_TIMEOUT = { continueTimeout: Infinity };

Deno.test("R146: the body is sent after 100 Continue, and the connection is reused", async () => {
  await using both = pair([
    [head, send(CONTINUE), body(5), send(HELLO), head, send(EMPTY)],
  ], NO_TIMEOUT);
  const { client, server } = both;
  const response = await client.post("/", init);
  assertEquals(await response.body.text(), "hello");
  assertEquals(await getText(client), [204, ""]);
  assertEquals(server.count, 1);
});

Deno.test("R146: a streamed body is not read before 100 Continue", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using both = pair([
    [head, until(promise), send(CONTINUE), body(15), send(HELLO)],
  ], NO_TIMEOUT);
  const pieces = new Pieces(["hello"]);
  const response = both.client.post("/", { ...init, body: pieces });
  const peer = await both.server.peer(0);
  await untilSo(() => peer.heads.length === 1);
  assertEquals([pieces.taken, peer.received], [0, peer.heads[0]]);
  resolve();
  assertEquals((await response).status, 200);
  assertEquals(pieces.taken, 1);
});

Deno.test("R146: the body is sent without a 100 after continueTimeout", async () => {
  await using both = timedPair([[head, body(5), send(HELLO)]], {
    continueTimeout: 1000,
  });
  const { client, clock, server } = both;
  const answer = client.post("/", init);
  await untilSo(() => server.peers[0]?.heads.length === 1);
  clock.advance(999);
  assert(await isPending(answer));
  assertEquals(server.peers[0]?.received, server.peers[0]?.heads[0]);
  clock.advance(1);
  assertEquals((await answer).status, 200);
});

Deno.test("R146: after a refusal the body is not sent, and the connection closes", async () => {
  for (const isStream of [false, true]) {
    await using both = pair([[head, send(REFUSAL)]], NO_TIMEOUT);
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
  await using both = pair([[head, send(HELLO)]], NO_TIMEOUT);
  const response = await both.client.post("/", init);
  assertEquals(await response.body.text(), "hello");
  await isGone(both);
});

Deno.test("R146: after 417 the request is sent once more, without Expect", async () => {
  await using both = pair([
    [head, send(FAILED)],
    [head, body(5), send(HELLO)],
  ], NO_TIMEOUT);
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

Deno.test("R146: a second 417 is returned to the caller", async () => {
  await using both = pair([
    [head, send(FAILED)],
    [head, body(5), send(FAILED)],
  ], NO_TIMEOUT);
  const response = await both.client.post("/", init);
  assertEquals([response.status, both.server.count], [417, 2]);
});

Deno.test("R146: 417 is returned to the caller if Expect was not sent or the body is a stream", async () => {
  for (
    const other of [
      { body: "hello" },
      { body: new Pieces(["hello"]), expectContinue: true },
      { expectContinue: true },
    ]
  ) {
    await using both = pair([[head, send(FAILED)]], NO_TIMEOUT);
    const response = await both.client.post("/", other);
    assertEquals(response.status, 417);
    assertEquals(await response.body.text(), "no");
    assertEquals(both.server.count, 1);
  }
});

Deno.test("R146: a connection that ends instead of a 100 fails the exchange", async () => {
  await using both = pair([[head, close]], NO_TIMEOUT);
  await fails(both.client.post("/", init), "read", "CLOSED");
  await isGone(both);
});

Deno.test("R146: bodyTimeout limits the wait even without continueTimeout", async () => {
  await using both = timedPair([[head, until(NEVER)]], {
    ...NO_TIMEOUT,
    bodyTimeout: 1000,
  });
  const failure = fails(both.client.post("/", init), "write", "DEADLINE");
  assert(await elapse(both.clock, failure) >= 1000);
  await failure;
});

Deno.test("R146: timeout covers the request that is sent again after 417", async () => {
  await using both = timedPair([
    [head, send(FAILED)],
    [head, until(NEVER)],
  ], { ...NO_TIMEOUT, timeout: 1000 });
  const { client, clock, server } = both;
  const failure = fails(client.post("/", init), "read", "DEADLINE");
  await untilSo(() => server.peers[1]?.heads.length === 1);
  clock.advance(1000);
  await failure;
});
