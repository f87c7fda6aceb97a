/** Masks against the definition: byte i with byte i modulo 4 of the key (RFC 6455 §5.3). */

import { assertEquals } from "@std/assert";
import { Mask } from "../../websocket/codec/mask.ts";
import { SeededRandom } from "../support/random.ts";

Deno.test("Mask gives the same for every length, alignment and split", () => {
  const random = new SeededRandom(53);
  for (let round = 0; round < 2000; round++) {
    const size = random.below(random.below(3) === 0 ? 1000 : 40);
    const offset = random.below(17);
    const key = Uint8Array.from({ length: 4 }, () => random.below(256));
    const plain = Uint8Array.from({ length: size }, () => random.below(256));
    const bytes = new Uint8Array(offset + size + 3).fill(0xee);
    bytes.set(plain, offset);
    const mask = new Mask();
    mask.setKey(key, 0);
    for (let at = 0; at < size;) {
      const end = Math.min(size, at + 1 + random.below(size));
      mask.apply(bytes, offset + at, offset + end);
      at = end;
    }
    const expected = new Uint8Array(bytes.length).fill(0xee);
    plain.forEach((byte, at) =>
      expected[offset + at] = byte ^ (key[at & 3] ?? 0)
    );
    assertEquals(bytes, expected);
  }
});
