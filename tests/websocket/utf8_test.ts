/** Decodes texts around the sizes at which another check for ASCII begins, against the runtime's decoder. */

import { assertEquals, assertThrows } from "@std/assert";
import { WebSocketFault } from "../../websocket/codec/fault.ts";
import { decodeUtf8, LONG_TEXT_BYTES } from "../../websocket/codec/utf8.ts";
import { SeededRandom } from "../support/random.ts";

const SIZES = [0, 1, 3, 31, 32, 33, 63, 100, 1024].concat(
  [-4, -1, 0, 1, 5].map((more) => LONG_TEXT_BYTES + more),
);

Deno.test("decodeUtf8() gives the same as the runtime's decoder in every size and alignment", () => {
  const random = new SeededRandom(8);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (const size of SIZES) {
    for (let start = 0; start < 9; start++) {
      const bytes = new Uint8Array(start + size + 8).fill(0xff);
      for (let at = start; at < start + size; at++) {
        bytes[at] = random.below(128);
      }
      const text = (): string => decodeUtf8(bytes, start, start + size);
      const view = bytes.subarray(start, start + size);
      assertEquals(text() === decoder.decode(view), true, `${size}`);
      if (size < 2) continue;
      const at = start + random.below(size - 1);
      bytes.set([0xc3, 0xa9], at); // é
      assertEquals(text() === decoder.decode(view), true, `${size}`);
      bytes[at + 1] = 0x20;
      assertEquals(assertThrows(text, WebSocketFault).code, "INVALID_UTF8");
    }
  }
});
