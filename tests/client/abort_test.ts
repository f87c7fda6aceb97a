/** An `AbortSignal` ends an exchange at any point; the exchange rejects with its reason. */

import { assertEquals } from "@std/assert";
import type { ExchangeInit } from "../../mod.ts";
import { head, send, until } from "../support/hostile_server.ts";
import { turn, until as untilSo } from "../support/turns.ts";
import {
  EMPTY,
  failureOf,
  getText,
  HELLO,
  isGone,
  NEVER,
  pair,
  Pieces,
} from "../support/client_exchange.ts";

const PART = "HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\nhell";
const CHUNKED = "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n";

/** Reasons of several types. */
const REASONS: readonly unknown[] = [
  new Error("no"),
  new DOMException("no", "AbortError"),
  "no",
  0,
  null,
];

Deno.test("an exchange with an aborted signal does not connect", async () => {
  await using both = pair([]);
  for (const reason of REASONS) {
    const pieces = new Pieces(["a"]);
    const signal = AbortSignal.abort(reason);
    assertEquals(
      await failureOf(both.client.post("/", { signal, body: pieces })),
      reason,
    );
    await pieces.cancelled;
  }
  assertEquals([both.server.count, both.client.connectionCount], [0, 0]);
});

Deno.test("a signal ends an exchange that is connecting", async () => {
  await using both = pair([]);
  const controller = new AbortController();
  const { signal } = controller;
  const answer = failureOf(both.client.get("/", { signal }));
  controller.abort("no");
  assertEquals(await answer, "no");
  assertEquals(both.client.connectionCount, 0);
});

Deno.test("a signal ends an exchange that waits for a connection", async () => {
  await using both = pair([[head, until(NEVER)]], { maxConnections: 1 });
  const { client, server } = both;
  const controller = new AbortController();
  const running = failureOf(client.get("/"));
  const { signal } = controller;
  const answer = failureOf(client.get("/", { signal }));
  await server.peer(0);
  controller.abort("no");
  assertEquals(await answer, "no");
  assertEquals(client.connectionCount, 1);
  client.close();
  await running;
});

/** Aborts a POST once the server has its head. */
async function abortInside(
  init: ExchangeInit,
  wire = "",
): Promise<void> {
  for (const reason of REASONS) {
    await using both = pair([[head, send(wire), until(NEVER)]]);
    const controller = new AbortController();
    const { signal } = controller;
    const answer = failureOf(both.client.post("/", { ...init, signal }));
    await untilSo(() => both.server.peers[0]?.heads.length === 1);
    await turn();
    controller.abort(reason);
    assertEquals(await answer, reason);
    assertEquals(both.client.connectionCount, 0);
  }
}

Deno.test("a signal ends an exchange that writes", async () => {
  await abortInside({ body: new Uint8Array(50_000_000) });
  await abortInside({ body: new Pieces(["a", NEVER]) });
});

Deno.test("a signal ends an exchange that waits for 100 Continue", async () => {
  await abortInside({ body: "a", expectContinue: true });
});

Deno.test("a signal ends an exchange that waits for a head or the rest of one", async () => {
  await abortInside({});
  await abortInside({}, "HTTP/1.1 200 OK\r\nA");
  await abortInside({}, "HTTP/1.1 100 \r\n\r\n");
});

Deno.test("a signal ends a body that is read", async () => {
  for (const wire of [PART, CHUNKED, "HTTP/1.1 200 \r\n\r\nhell"]) {
    for (const reason of REASONS.slice(0, 4)) {
      await using both = pair([[head, send(wire)]]);
      const controller = new AbortController();
      const { signal } = controller;
      const response = await both.client.get("/", { signal });
      const text = failureOf(response.body.text());
      await turn();
      controller.abort(reason);
      assertEquals(await text, reason);
      await isGone(both);
    }
  }
});

Deno.test("a signal ends a body that is not read", async () => {
  await using both = pair([[head, send(PART)]]);
  const controller = new AbortController();
  const { signal } = controller;
  const response = await both.client.get("/", { signal });
  controller.abort("no");
  await isGone(both);
  assertEquals(await failureOf(response.body.text()), "no");
});

Deno.test("a signal ends a decoded body", async () => {
  const wire = CHUNKED.replace(
    "200 \r\n",
    "200 \r\nContent-Encoding: gzip\r\n",
  );
  await using both = pair([[head, send(wire)]], { decodesContent: true });
  const controller = new AbortController();
  const { signal } = controller;
  const response = await both.client.get("/", { signal });
  const text = failureOf(response.body.text());
  const reason = new Error("no");
  controller.abort(reason);
  assertEquals(await text, reason);
  await isGone(both);
});

Deno.test("a signal ends the requests that follow a redirect", async () => {
  const moved = "HTTP/1.1 302 \r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
  await using both = pair([[head, send(moved), head, until(NEVER)]], {
    maxRedirects: 1,
  });
  const controller = new AbortController();
  const { signal } = controller;
  const answer = failureOf(both.client.get("/", { signal }));
  await untilSo(() => both.server.peers[0]?.heads.length === 2);
  controller.abort("no");
  assertEquals(await answer, "no");
});

Deno.test("a signal that aborts after the body was received has no effect", async () => {
  await using both = pair([
    [head, send(HELLO), head, send(HELLO), head, send(EMPTY)],
  ]);
  const controller = new AbortController();
  const { signal } = controller;
  assertEquals(await getText(both.client, "/", { signal }), [200, "hello"]);
  const unread = await both.client.get("/", { signal });
  controller.abort("no");
  assertEquals(await unread.body.text(), "hello");
  assertEquals(await getText(both.client), [204, ""]);
  assertEquals(both.server.count, 1);
});
