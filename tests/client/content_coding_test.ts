/** Content codings: only if asked for, and undone only if all are known (RFC 9110 §8.4, §12.5.3). */

import { assertEquals } from "@std/assert";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { head, send } from "../support/hostile_server.ts";
import { fromOctets } from "../support/raw_client.ts";
import {
  EMPTY,
  fails,
  getText,
  isGone,
  pair,
} from "../support/client_exchange.ts";

const TEXT = "hello ".repeat(50_000);
const PLAIN = new TextEncoder().encode(TEXT);
const DECODE = { decodesContent: true };

function response(coding: string, payload: Uint8Array): string {
  return `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${payload.length}\r\n\r\n${
    fromOctets(payload)
  }`;
}

Deno.test("decodesContent asks for codings, and undoes gzip, deflate, br and rows of them", async () => {
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

Deno.test("decodesContent leaves the caller's own Accept-Encoding", async () => {
  await using both = pair([[head, send(EMPTY)]], DECODE);
  await both.client.get("/", { headers: { "Accept-Encoding": "br" } });
  const [first = ""] = (await both.server.peer(0)).heads;
  assertEquals(first.match(/accept-encoding: .*/gi), ["Accept-Encoding: br"]);
});

Deno.test("without decodesContent nothing is asked for and nothing undone", async () => {
  const payload = gzipSync(PLAIN);
  await using both = pair([[head, send(response("gzip", payload))]]);
  const answer = await both.client.get("/");
  assertEquals(await answer.body.bytes(), new Uint8Array(payload));
  const [first = ""] = (await both.server.peer(0)).heads;
  assertEquals(/accept-encoding/i.test(first), false);
});

Deno.test("codings that are unknown, or too many, stay", async () => {
  const payload = gzipSync("hello");
  for (const coding of ["zstd", "gzip, zstd", "gzip, gzip, gzip, gzip, gzip"]) {
    await using both = pair([[head, send(response(coding, payload))]], DECODE);
    const answer = await both.client.get("/");
    assertEquals(await answer.body.bytes(), new Uint8Array(payload), coding);
  }
});

Deno.test("bodies that must be empty are not decoded", async () => {
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

Deno.test("a body that cannot be decoded, or ends too early, fails as PROTOCOL", async () => {
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

Deno.test("an encoded body that is cut or badly framed fails as one that is not", async () => {
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

Deno.test("a bomb ends at maxBufferedBodyBytes", async () => {
  const payload = gzipSync(new Uint8Array(30_000_000));
  await using both = pair([[head, send(response("gzip", payload))]], {
    ...DECODE,
    maxBufferedBodyBytes: 100_000,
  });
  const answer = await both.client.get("/");
  const error = await answer.body.bytes().catch((error) => error);
  assertEquals(error.code, "BODY_TOO_LARGE");
});

Deno.test("close() lets go of an encoded body", async () => {
  for (const isRead of [false, true]) {
    const payload = gzipSync(PLAIN);
    const cut = response("gzip", payload).slice(0, -20);
    await using both = pair([[head, send(cut)]], {
      ...DECODE,
      drainTimeout: 40,
    });
    const answer = await both.client.get("/");
    if (isRead) { for await (const _ of answer.body) break; }
    answer.close();
    await (await both.server.peer(0)).ended;
    assertEquals(both.client.connectionCount, 0);
  }
});

Deno.test("an encoded body that stalls fails as DEADLINE", async () => {
  const payload = gzipSync(PLAIN);
  const cut = response("gzip", payload).slice(0, -20);
  await using both = pair([[head, send(cut)]], { ...DECODE, bodyTimeout: 40 });
  const answer = await both.client.get("/");
  await fails(answer.body.text(), "read", "DEADLINE");
  await isGone(both);
});
