/** Compression of messages that refer to earlier ones of the connection. */

import { assert, assertEquals } from "@std/assert";
import { deflateMessage, MessageInflater } from "../../websocket/deflate.ts";
import { MessageDeflater } from "../../websocket/message_deflater.ts";
import { SeededRandom } from "../support/random.ts";

const SIZES = [300, 300, 0, 1, 5000, 100_000, 40_000, 300, 0, 0, 16, 300];

/** Random bytes, which deflate does not make smaller. */
function noise(size: number, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  return Uint8Array.from({ length: size }, () => random.below(256));
}

for (let bits = 9; bits <= 15; bits++) {
  Deno.test(`MessageDeflater refers only to its window of ${bits} bits`, () => {
    const deflater = new MessageDeflater(bits);
    // It keeps no more than the window, and fails for references before it.
    const inflater = new MessageInflater({
      noContextTakeover: false,
      maxWindowBits: bits,
    });
    for (const seed of [1, 1, 2]) {
      for (const size of SIZES) {
        const plain = noise(size, seed);
        const payload = deflater.deflate(plain);
        assertEquals(inflater.inflate(payload, size), plain);
      }
    }
    deflater.close();
  });
}

Deno.test("MessageDeflater makes a message that is like the one before much smaller", () => {
  const deflater = new MessageDeflater(15);
  const plain = noise(1000, 3);
  const first = deflater.deflate(plain);
  const second = deflater.deflate(plain);
  assert(first.length >= 1000, `${first.length}`);
  assert(second.length < 50, `${second.length}`);
  assert(deflateMessage(plain, 15).length >= 1000);
  deflater.close();
});

Deno.test("MessageDeflater fills its output to the last byte", () => {
  const deflater = new MessageDeflater(15);
  const inflater = new MessageInflater({
    noContextTakeover: false,
    maxWindowBits: 15,
  });
  for (let size = 1; size < 600; size++) {
    const plain = noise(size, size);
    assertEquals(inflater.inflate(deflater.deflate(plain), size), plain);
  }
  deflater.close();
});

Deno.test("MessageDeflater can be closed twice, and without a message", () => {
  const deflater = new MessageDeflater(12);
  deflater.close();
  deflater.close();
  assertEquals(new MessageDeflater(12).deflate(new Uint8Array(0)).length, 1);
});
