/** Content codings: decoded only if the option is set and all codings are known (RFC 9110 §8.4, §12.5.3). */

import { assert, assertEquals } from "@std/assert";
import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from "node:zlib";
import { ClientError } from "../../mod.ts";
import { head, send, sendEach } from "../support/hostile_server.ts";
import { decodeLatin1 } from "../support/latin1.ts";
import {
  EMPTY,
  fails,
  failureOf,
  getText,
  isGone,
  pair,
} from "../support/client_exchange.ts";
import { elapse, SWEEP_MS, timedPair } from "../support/timed_client.ts";
import { turn } from "../support/turns.ts";

const TEXT = "hello ".repeat(50_000);
const PLAIN = new TextEncoder().encode(TEXT);
const DECODE = { decodesContent: true };

const TOO_LARGE = ["parse", "PROTOCOL", "BODY_TOO_LARGE"] as const;

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
      ["deflate", deflateRawSync(PLAIN)],
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

Deno.test("a body with an unknown coding, or more than two, is not decoded", async () => {
  const payload = gzipSync("hello");
  for (const coding of ["zstd", "gzip, zstd", "gzip, gzip, gzip"]) {
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

Deno.test("a body that cannot be decoded, or is incomplete, fails with PROTOCOL", async () => {
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

Deno.test("a truncated encoded body fails like any truncated body", async () => {
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
  await fails(answer.body.bytes(), ...TOO_LARGE);
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

Deno.test("every truncation of a body with a coding is noticed", async () => {
  for (
    const [coding, payload] of [
      ["gzip", gzipSync("hello hello")],
      ["deflate", deflateSync("hello hello")],
      ["deflate", deflateRawSync("hello hello")],
      ["br", brotliCompressSync("hello hello")],
    ] as const
  ) {
    for (let size = 1; size < payload.length; size++) {
      const cut = payload.subarray(0, size);
      await using both = pair([[head, send(response(coding, cut))]], DECODE);
      const answer = await both.client.get("/");
      await fails(answer.body.text(), "parse", "PROTOCOL");
    }
  }
});

Deno.test("several gzip members form one body, and bytes after the end of the data are ignored", async () => {
  const members = new Uint8Array([...gzipSync("hel"), ...gzipSync("lo")]);
  const zeros = new Uint8Array(9);
  for (
    const [coding, payload] of [
      ["gzip", members],
      ["gzip", new Uint8Array([...members, ...zeros])],
      ["deflate", new Uint8Array([...deflateSync("hello"), ...zeros])],
      ["deflate", new Uint8Array([...deflateRawSync("hello"), ...zeros])],
      ["br", new Uint8Array([...brotliCompressSync("hello"), ...zeros])],
    ] as const
  ) {
    await using both = pair([
      [head, send(response(coding, payload)), head, send(EMPTY)],
    ], DECODE);
    assertEquals(await getText(both.client), [200, "hello"], coding);
    assertEquals(await getText(both.client), [204, ""]);
    assertEquals(both.server.count, 1);
  }
});

Deno.test("an encoded body arrives in any split", async () => {
  const wire = response("br, gzip", gzipSync(brotliCompressSync("hello")));
  await using both = pair([[head, sendEach(wire)]], DECODE);
  assertEquals(await getText(both.client), [200, "hello"]);
});

Deno.test("an empty body with a coding is empty", async () => {
  for (const coding of ["gzip", "deflate", "br", "gzip, br"]) {
    const fields = `Content-Encoding: ${coding}\r\n`;
    const chunked =
      `HTTP/1.1 200 \r\n${fields}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    await using both = pair([[head, send(chunked), head, send(EMPTY)]], DECODE);
    assertEquals(await getText(both.client), [200, ""]);
    assertEquals(await getText(both.client), [204, ""]);
    assertEquals(both.server.count, 1);
  }
});

Deno.test("a range is requested and returned without decoding", async () => {
  const payload = gzipSync("hello");
  const partial = response("gzip", payload).replace("200 OK", "206 ");
  await using both = pair([[head, send(partial)]], DECODE);
  const answer = await both.client.get("/", { headers: { Range: "bytes=0-" } });
  assertEquals(await answer.body.bytes(), new Uint8Array(payload));
  const [first = ""] = (await both.server.peer(0)).heads;
  assert(first.includes("\r\naccept-encoding: identity\r\n"));
});

/** Zeros, compressed once and twice; 64 MiB each. */
const BOMB_BYTES = 67_108_864;
const ONCE = brotliCompressSync(new Uint8Array(BOMB_BYTES), {
  params: { [constants.BROTLI_PARAM_QUALITY]: 5 },
});
const BOMBS = [
  ["br", ONCE],
  ["br, gzip", gzipSync(ONCE)],
  ["gzip, gzip", gzipSync(gzipSync(new Uint8Array(BOMB_BYTES)))],
] as const;

Deno.test("a decompression bomb is decoded in pieces of at most 64 KiB, with turns of the event loop in between", async () => {
  for (const [coding, payload] of BOMBS) {
    await using both = pair([[head, send(response(coding, payload))]], DECODE);
    const answer = await both.client.get("/");
    let isDone = false;
    let turns = 0;
    const turning = (async () => {
      for (; !isDone; turns++) await new Promise((next) => setImmediate(next));
    })();
    let size = 0;
    for await (const piece of answer.body) {
      assert(piece.length <= 65_536, `${piece.length} bytes`);
      size += piece.length;
    }
    isDone = true;
    await turning;
    assertEquals(size, BOMB_BYTES);
    assert(turns > 50, `${turns} turns`);
  }
});

Deno.test("maxBufferedBodyBytes and maxBodyBytes stop a decompression bomb before all of it is decoded", async () => {
  for (const [coding, payload] of BOMBS) {
    for (
      const options of [
        { maxBufferedBodyBytes: 100_000 },
        { maxBodyBytes: 100_000 },
      ]
    ) {
      await using both = pair([[head, send(response(coding, payload))]], {
        ...DECODE,
        ...options,
      });
      const answer = await both.client.get("/");
      await fails(answer.body.bytes(), ...TOO_LARGE);
    }
  }
});

Deno.test("timeout, bodyTimeout and signal end decoding after the body was received", async () => {
  // Empty members produce no output, so no size limit applies.
  const member = gzipSync("");
  const members = new Uint8Array(member.length * 500_000);
  for (let at = 0; at < members.length; at += member.length) {
    members.set(member, at);
  }
  const wire = response("gzip, gzip", gzipSync(members, { level: 9 }));
  assert(wire.length < 65_536);
  for (const option of ["timeout", "bodyTimeout", "signal"] as const) {
    await using both = timedPair([[head, send(wire)]], {
      ...DECODE,
      ...(option === "signal" ? {} : { [option]: 1000 }),
    });
    const { client, clock } = both;
    const controller = new AbortController();
    const { signal } = controller;
    const answer = await client.get("/", { signal });
    const reason = failureOf(answer.body.text());
    await turn();
    if (option === "signal") controller.abort("no");
    else clock.advance(1001);
    if (option === "signal") assertEquals(await reason, "no");
    else {
      const error = await reason;
      assert(error instanceof ClientError && error.code === "DEADLINE");
      assert(error.message.includes(`(${option})`), error.message);
    }
  }
});
