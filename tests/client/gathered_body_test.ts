/** Bodies that are read into one array, directly from the connection where that is possible. */

import { assert, assertEquals } from "@std/assert";
import { BlockPool } from "../../client/block_pool.ts";
import { GatheredBody } from "../../client/gathered_body.ts";
import { ResponseReader } from "../../client/response_reader.ts";
import { BodyDecoder } from "../../codec/body_decoder.ts";
import { createContext } from "../../client/exchange_runner.ts";
import { SYSTEM_CLOCK } from "../../client/clock.ts";
import { resolveClientOptions } from "../../client/options.ts";
import {
  clientFailure,
  getText,
  HELLO,
  isGone,
  NEVER,
  pair,
} from "../support/client_exchange.ts";
import {
  halfClose,
  head,
  send,
  type Step,
  until,
} from "../support/hostile_server.ts";

const OK = "HTTP/1.1 200 OK\r\n";

/** Text in which no two positions of a body look alike. */
function textOf(size: number): string {
  let text = "";
  for (let at = 0; text.length < size; at++) text += `${at},`;
  return text.slice(0, size);
}

function declared(body: string): string {
  return `${OK}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function chunked(body: string, chunkSize: number): string {
  let wire = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
  for (let at = 0; at < body.length; at += chunkSize) {
    const chunk = body.slice(at, at + chunkSize);
    wire += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return `${wire}0\r\n\r\n`;
}

/** Around the sizes of a receive block, a pooled block, and what is trusted at once. */
const SIZES = [
  ...[16_383, 16_384, 16_500, 65_536, 130_000, 130_000, 130_001, 129_999],
  ...[262_143, 262_144, 262_145, 700_000, 20, 70_000, 3_000_000, 131_072],
];

const FRAMINGS: Record<string, (body: string) => string> = {
  "a declared length": declared,
  "one chunk": (body) => chunked(body, body.length),
  "chunks of 16 KiB": (body) => chunked(body, 16_384),
  "chunks of 1,000 bytes": (body) => chunked(body, 1000),
};

for (const [framing, encode] of Object.entries(FRAMINGS)) {
  Deno.test(`bodies of many sizes with ${framing} arrive as they were sent, on one connection`, async () => {
    const bodies = SIZES.map(textOf);
    const steps = bodies.flatMap((body) => [head, send(encode(body))]);
    await using both = pair([steps], { maxBufferedBodyBytes: 4_000_000 });
    const received: Uint8Array<ArrayBuffer>[] = [];
    for (let count = 0; count < bodies.length; count++) {
      received.push(await (await both.client.get("/")).body.bytes());
    }
    for (const [index, bytes] of received.entries()) {
      assertEquals(bytes.byteLength, bytes.buffer.byteLength);
      assert(new TextDecoder().decode(bytes) === bodies[index], `${index}`);
    }
    assertEquals(both.server.count, 1);
  });
}

Deno.test("a long body that ends with its connection is read to the end", async () => {
  const body = textOf(200_000);
  await using both = pair([
    [head, send(`${OK}\r\n${body}`), halfClose],
    [head, send(HELLO)],
  ]);
  assert((await getText(both.client))[1] === body);
  assertEquals(await getText(both.client), [200, "hello"]);
});

Deno.test("a long body that arrives in pieces is read to its end", async () => {
  const body = textOf(150_000);
  for (const wire of [declared(body), chunked(body, 40_000)]) {
    const pieces: Step[] = [head];
    for (let at = 0; at < wire.length; at += 30_011) {
      pieces.push(send(wire.slice(at, at + 30_011)));
      pieces.push(() => new Promise((wake) => setTimeout(wake, 1)));
    }
    await using both = pair([[...pieces, head, send(HELLO)]]);
    assert((await getText(both.client))[1] === body);
    assertEquals(await getText(both.client), [200, "hello"]);
  }
});

Deno.test("R144: bytes after a long body close the connection before another exchange uses it", async () => {
  const evil = "HTTP/1.1 200 evil\r\nContent-Length: 4\r\n\r\nevil";
  const body = textOf(100_000);
  const wires = [declared(body), chunked(body, 30_000)];
  for (const wire of wires) {
    for (const first of [[], [head, send(wire)]]) {
      await using both = pair([
        [...first, head, send(wire + evil), until(NEVER)],
        [head, send(HELLO)],
      ], { maxConnections: 1 });
      if (first.length > 0) await getText(both.client);
      const response = await both.client.get("/");
      const waiting = getText(both.client);
      assert(await response.body.text() === body);
      assertEquals(await waiting, [200, "hello"]);
      assertEquals(both.server.count, 2);
    }
  }
});

Deno.test("R140: a long chunked body fails when it exceeds maxBufferedBodyBytes", async () => {
  const wire = chunked(textOf(300_000), 10_000);
  await using both = pair([[head, send(wire)]], {
    maxBufferedBodyBytes: 100_000,
    drainBytes: 0,
  });
  const response = await both.client.get("/");
  assertEquals(await clientFailure(response.body.bytes()), [
    "parse",
    "PROTOCOL",
    "BODY_TOO_LARGE",
  ]);
  await isGone(both);
});

Deno.test("R143: a long body that is cut fails, in each framing", async () => {
  const body = textOf(100_000);
  for (const wire of [declared(body), chunked(body, 30_000)]) {
    await using both = pair([[head, send(wire.slice(0, 90_000)), halfClose]]);
    const response = await both.client.get("/");
    assertEquals(await clientFailure(response.body.bytes()), [
      "read",
      "INCOMPLETE",
      "TRUNCATED_BODY",
    ]);
    await isGone(both);
  }
});

Deno.test("a response that is closed while its body is read into one array fails that read", async () => {
  const wire = declared(textOf(100_000)).slice(0, 90_000);
  await using both = pair([[head, send(wire)]]);
  const response = await both.client.get("/");
  const failure = response.body.bytes().then(() => null, (error) => error);
  await new Promise((wake) => setTimeout(wake, 5));
  response.close();
  assertEquals(
    (await failure)?.message,
    "Cannot read body: the response was closed",
  );
  await isGone(both);
});

/** Reads from a connection that sends `wire`, and records the room of each read. */
function readerOf(
  wire: Uint8Array,
  mostBytes: number,
): { reader: ResponseReader; rooms: number[] } {
  const rooms: number[] = [];
  let at = 0;
  const read = (room: Uint8Array): Promise<number | null> => {
    rooms.push(room.length);
    const part = wire.subarray(at, at + Math.min(room.length, mostBytes));
    room.set(part);
    at += part.length;
    return Promise.resolve(part.length === 0 ? null : part.length);
  };
  const context = createContext(resolveClientOptions({}), SYSTEM_CLOCK);
  return { reader: new ResponseReader({ read }, context, () => {}), rooms };
}

Deno.test("GatheredBody: memory depends on what has arrived, not what the server declares", async () => {
  const declaredBytes = 8_000_000;
  const { reader, rooms } = readerOf(new Uint8Array(declaredBytes), 10_000);
  const body = new GatheredBody({
    ...{ reader, declaredBytes, blocks: new BlockPool(), expectedBytes: 0 },
    decoder: new BodyDecoder(declaredBytes),
  });
  while (body.size < declaredBytes) {
    const before = body.size;
    await body.read();
    assert((rooms.at(-1) ?? 0) <= Math.max(262_144, 8 * before));
  }
  assertEquals(body.take().length, declaredBytes);
});

Deno.test("GatheredBody: a wrong expected size changes only the reads", async () => {
  const encoder = new TextEncoder();
  const text = textOf(100_000);
  const framed = chunked(text, 9000);
  const wire = encoder.encode(framed.slice(framed.indexOf("\r\n\r\n") + 4));
  for (const expectedBytes of [0, 1, 4096, 99_999, 100_000, 100_001, 1e9]) {
    for (const mostBytes of [1e9, 5000, 7]) {
      const { reader, rooms } = readerOf(wire, mostBytes);
      const decoder = new BodyDecoder(-1);
      const body = new GatheredBody({
        ...{ reader, decoder, blocks: new BlockPool() },
        ...{ declaredBytes: -1, expectedBytes },
      });
      while (!decoder.done) await body.read();
      assert(new TextDecoder().decode(body.take()) === text);
      assert(Math.max(...rooms) <= 262_144);
    }
  }
});

Deno.test("BlockPool reuses returned blocks, and keeps at most 64 whole ones", () => {
  const pool = new BlockPool();
  const block = pool.take();
  pool.give(block);
  pool.give(new Uint8Array(10));
  assert(pool.take() === block);
  const blocks = Array.from({ length: 80 }, () => new Uint8Array(block.length));
  for (const each of blocks) pool.give(each);
  const kept = Array.from({ length: 80 }, () => pool.take())
    .filter((each) => blocks.includes(each));
  assertEquals(kept.length, 64);
});
