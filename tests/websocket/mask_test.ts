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

Deno.test("Mask unmasks texts in the same memory, and tells whether they are ASCII", () => {
  const random = new SeededRandom(54);
  const memory = new Uint8Array(1100);
  const mask = new Mask();
  // Views that begin at any position of a word.
  const windows = [0, 1, 2, 3, 4].map((start) => memory.subarray(start));
  for (let round = 0; round < 4000; round++) {
    const window = windows[random.below(windows.length)]!; // in range
    const size = random.below(random.below(3) === 0 ? 1000 : 60);
    const start = random.below(17);
    const plain = Uint8Array.from({ length: size }, () => random.below(128));
    const isAscii = size === 0 || random.below(2) === 0;
    if (!isAscii) plain[random.below(size)] = 128 + random.below(128);
    const key = Uint8Array.from({ length: 4 }, () => random.below(256));
    window.fill(0xee);
    plain.forEach((byte, at) => window[start + at] = byte ^ (key[at & 3] ?? 0));
    mask.setKey(key, 0);
    const expected = new Uint8Array(window.length).fill(0xee);
    expected.set(plain, start);
    assertEquals(mask.applyToText(window, start, start + size), isAscii);
    assertEquals(window, expected);
  }
});
