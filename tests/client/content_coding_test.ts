/** Content codings: decoded only if the option is set and all codings are known (RFC 9110 §8.4, §12.5.3). */

import { assert, assertEquals } from "@std/assert";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { head, send } from "../support/hostile_server.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import {
  EMPTY,
  fails,
  getText,
  isGone,
  pair,
} from "../support/client_exchange.ts";
import { elapse, SWEEP_MS, timedPair } from "../support/timed_client.ts";

const TEXT = "hello ".repeat(50_000);
const PLAIN = new TextEncoder().encode(TEXT);
const DECODE = { decodesContent: true };

function response(coding: string, payload: Uint8Array): string {
  return `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${payload.length}\r\n\r\n${
    decodeLatin1(payload)
  }`;
}

Deno.test("decodesContent requests and decodes gzip, deflate, br and combinations", async () => {
  for (
    const [coding, payload] of [
      ["gzip", gzipSync(PLAIN)],
      ["x-gzip", gzipSync(PLAIN)],
      ["GZIP", gzipSync(PLAIN)],
      ["deflate", deflateSync(PLAIN)],
      ["br", brotliCompressSync(PLAIN)],
      ["deflate, gzip", gzipSync(deflateSync(PLAIN))],
      ["identity, gzip ,", gzipSync(PLAIN)],
      ["identity", PLAIN],
    ] as const
  ) {
    await using both = pair([
      [head, send(response(coding, payload)), head, send(EMPTY)],
    ], DECODE);
    const { client, server } = both;
    assertEquals(await getText(client), [200, TEXT], coding);
    assertEquals(await getText(client), [204, ""]);
    assertEquals(server.count, 1, coding);
    const [first = ""] = (await server.peer(0)).heads;
    assertEquals(
      first.includes("\r\naccept-encoding: gzip, deflate, br\r\n"),
      true,
    );
  }
});

Deno.test("decodesContent keeps the caller's own Accept-Encoding", async () => {
  await using both = pair([[head, send(EMPTY)]], DECODE);
  await both.client.get("/", { headers: { "Accept-Encoding": "br" } });
  const [first = ""] = (await both.server.peer(0)).heads;
  assertEquals(first.match(/accept-encoding: .*/gi), ["Accept-Encoding: br"]);
});

Deno.test("without decodesContent no coding is requested or decoded", async () => {
  const payload = gzipSync(PLAIN);
  await using both = pair([[head, send(response("gzip", payload))]]);
  const answer = await both.client.get("/");
  assertEquals(await answer.body.bytes(), new Uint8Array(payload));
  const [first = ""] = (await both.server.peer(0)).heads;
  assertEquals(/accept-encoding/i.test(first), false);
});

Deno.test("a body with unknown or too many codings is not decoded", async () => {
  const payload = gzipSync("hello");
  for (const coding of ["zstd", "gzip, zstd", "gzip, gzip, gzip, gzip, gzip"]) {
    await using both = pair([[head, send(response(coding, payload))]], DECODE);
    const answer = await both.client.get("/");
    assertEquals(await answer.body.bytes(), new Uint8Array(payload), coding);
  }
});

Deno.test("a body that must be empty is not decoded", async () => {
  const fields = "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n";
  for (
    const [method, wire] of [
      ["HEAD", `HTTP/1.1 200 OK\r\n${fields}`],
      ["GET", `HTTP/1.1 304 \r\n${fields}`],
      [
        "GET",
        "HTTP/1.1 200 \r\nContent-Encoding: br\r\nContent-Length: 0\r\n\r\n",
      ],
    ] as const
  ) {
    await using both = pair([[head, send(wire)]], DECODE);
    const answer = await both.client.exchange(method, "/");
    assertEquals(await answer.body.text(), "");
    assertEquals(both.client.connectionCount, 1);
  }
});

Deno.test("a body that cannot be decoded, or ends too early, fails with PROTOCOL", async () => {
  for (
    const payload of [
      new TextEncoder().encode("no gzip at all"),
      gzipSync(PLAIN).subarray(0, 100),
      gzipSync(PLAIN).subarray(0, -1),
    ]
  ) {
    await using both = pair([[head, send(response("gzip", payload))]], DECODE);
    const answer = await both.client.get("/");
    await fails(answer.body.text(), "parse", "PROTOCOL");
  }
});

Deno.test("a truncated encoded body fails as any truncated body", async () => {
  const payload = gzipSync(PLAIN);
  const cut = response("gzip", payload).slice(0, -1);
  await using both = pair([
    [head, send(cut), (peer) => peer.closeWrite()],
  ], DECODE);
  const answer = await both.client.get("/");
  const code = "TRUNCATED_BODY";
  await fails(answer.body.text(), "read", "INCOMPLETE", code);
  await isGone(both);
});

Deno.test("maxBufferedBodyBytes limits the decoded size", async () => {
  const payload = gzipSync(new Uint8Array(30_000_000));
  await using both = pair([[head, send(response("gzip", payload))]], {
    ...DECODE,
    maxBufferedBodyBytes: 100_000,
  });
  const answer = await both.client.get("/");
  const error = await answer.body.bytes().catch((error) => error);
  assertEquals(error.code, "BODY_TOO_LARGE");
});

Deno.test("close() closes an encoded body", async () => {
  for (const isRead of [false, true]) {
    const payload = gzipSync(PLAIN);
    const cut = response("gzip", payload).slice(0, -20);
    await using both = timedPair([[head, send(cut)]], {
      ...DECODE,
      drainTimeout: 1000,
    });
    const answer = await both.client.get("/");
    if (isRead) { for await (const _ of answer.body) break; }
    answer.close();
    both.clock.advance(1000 + SWEEP_MS);
    await (await both.server.peer(0)).ended;
    assertEquals(both.client.connectionCount, 0);
  }
});

Deno.test("an encoded body that stalls fails with DEADLINE", async () => {
  const payload = gzipSync(PLAIN);
  const cut = response("gzip", payload).slice(0, -20);
  await using both = timedPair([[head, send(cut)]], {
    ...DECODE,
    bodyTimeout: 1000,
  });
  const answer = await both.client.get("/");
  const failure = fails(answer.body.text(), "read", "DEADLINE");
  assert(await elapse(both.clock, failure) >= 1000);
  await failure;
  await isGone(both);
});
