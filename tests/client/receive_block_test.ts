/** Bodies that are streamed through the blocks that a client's connections share. */

import { assert, assertEquals } from "@std/assert";
import { BlockPool } from "../../client/block_pool.ts";
import { ReceiveBlock } from "../../client/receive_block.ts";
import { pair } from "../support/client_exchange.ts";
import { head, send } from "../support/hostile_server.ts";

const SIZE_BYTES = 300_000;
const CONNECTIONS = 4;
const ROUNDS = 3;

/** A body that is different for each number. */
function textOf(number: number): string {
  return `${number},`.repeat(SIZE_BYTES).slice(0, SIZE_BYTES);
}

Deno.test("bodies that are streamed at the same time do not share memory, and heads stay as they were", async () => {
  const steps = Array.from(
    { length: CONNECTIONS },
    (_, connection) =>
      Array.from({ length: ROUNDS }, (_, round) => {
        const number = connection * 100 + round;
        const body = textOf(number);
        const isChunked = number % 2 === 1;
        const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
        return [
          head,
          send(
            `HTTP/1.1 200 OK\r\nNumber: ${number}\r\n${
              isChunked
                ? `Transfer-Encoding: chunked\r\n\r\n${chunk}`
                : `Content-Length: ${body.length}\r\n\r\n${body}`
            }`,
          ),
        ];
      }).flat(),
  );
  await using both = pair(steps, { maxConnections: CONNECTIONS });
  const seen: {
    number: string;
    headers: { get(name: string): string | null };
  }[] = [];
  const stream = async (): Promise<void> => {
    const { headers, body } = await both.client.get("/");
    const decoder = new TextDecoder();
    let text = "";
    for await (const view of body.views()) {
      await null; // the others continue while this one uses the view
      text += decoder.decode(view, { stream: true });
    }
    const number = headers.get("number") ?? "";
    assert(text === textOf(Number(number)), number);
    seen.push({ number, headers });
  };
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(Array.from({ length: CONNECTIONS }, stream));
  }
  assertEquals(new Set(seen.map(({ number }) => number)).size, seen.length);
  for (const { number, headers } of seen) {
    assertEquals(headers.get("number"), number);
  }
  assertEquals(both.server.count, CONNECTIONS);
});

/** Fills the room of a block completely, as a read does when more has arrived. */
function fill(block: ReceiveBlock): void {
  block.received(block.takeRoom().length);
}

Deno.test("ReceiveBlock uses a larger block after a full read, and returns to its own when it shrinks", () => {
  const block = new ReceiveBlock(new BlockPool());
  const own = block.bytes;
  fill(block);
  block.consume(100);
  block.keep();
  block.consume(block.length);
  fill(block);
  assert(block.bytes !== own && block.bytes.length > own.length);
  block.consume(block.length);
  const large = block.bytes;
  assert(block.maybeTakeLarge() === large);
  assert(block.bytes === own);
  block.shrink();
  assertEquals(block.takeRoom().byteOffset, 100);
  assertEquals(block.maybeTakeLarge(), null);
});

Deno.test("ReceiveBlock does not give away a larger block that something refers to", () => {
  const block = new ReceiveBlock(new BlockPool());
  fill(block);
  block.consume(block.length);
  fill(block);
  block.consume(10);
  assertEquals(block.maybeTakeLarge(), null); // bytes are not used yet
  block.keep();
  block.consume(block.length);
  assertEquals(block.maybeTakeLarge(), null); // a head refers to it
  const large = block.bytes;
  block.shrink();
  assert(block.bytes !== large);
});
