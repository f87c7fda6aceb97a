/** Compression and decompression of whole messages, against each other and against a zlib stream with a context. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import { WebSocketFault } from "../../websocket/codec/fault.ts";
import { deflateMessage, MessageInflater } from "../../websocket/deflate.ts";
import { SeededRandom } from "../support/random.ts";

/** Bytes with repetitions, as messages have them. */
function message(size: number, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  const words = Array.from({ length: 20 }, () => random.below(256));
  return Uint8Array.from(
    { length: size },
    (_, at) => random.below(4) === 0 ? random.below(256) : words[at % 20] ?? 0,
  );
}

for (const noContextTakeover of [false, true]) {
  Deno.test(
    `MessageInflater inverts deflateMessage() in all windows and sizes${
      noContextTakeover ? ", without context" : ""
    }`,
    () => {
      for (let bits = 9; bits <= 15; bits++) {
        const inflater = new MessageInflater({
          noContextTakeover,
          maxWindowBits: bits,
        });
        for (const size of [0, 1, 100, 511, 513, 20_000, 40_000, 100_000, 10]) {
          const plain = message(size, bits + 1);
          const payload = deflateMessage(plain, bits);
          assertEquals(inflater.inflate(payload, size), plain);
        }
      }
    },
  );
}

Deno.test("MessageInflater keeps the window of a client with a context", async () => {
  for (const bits of [9, 12, 15]) {
    const stream = createDeflateRaw({ windowBits: bits });
    const inflater = new MessageInflater({
      noContextTakeover: false,
      maxWindowBits: bits,
    });
    for (const size of [300, 300, 5000, 40_000, 300, 1, 300]) {
      const plain = message(size, 7);
      const pieces: Uint8Array[] = [];
      const take = (piece: Uint8Array): void => void pieces.push(piece);
      stream.on("data", take);
      stream.write(plain);
      await new Promise<void>((resolve) =>
        stream.flush(constants.Z_SYNC_FLUSH, () => resolve())
      );
      stream.off("data", take);
      const wire = new Uint8Array(
        await new Blob(pieces.map((piece) => new Uint8Array(piece))).bytes(),
      );
      assertEquals(inflater.inflate(wire.subarray(0, -4), size), plain);
    }
    stream.destroy();
  }
});

Deno.test("MessageInflater stops at the limit, however much would follow", () => {
  const bomb = deflateRawSync(new Uint8Array(200_000_000)); // 200 kB
  const inflater = new MessageInflater({
    noContextTakeover: false,
    maxWindowBits: 15,
  });
  const before = Deno.memoryUsage().rss;
  const error = assertThrows(
    () => inflater.inflate(bomb, 100_000),
    WebSocketFault,
  );
  assertEquals(error.code, "MESSAGE_TOO_LARGE");
  assert(Deno.memoryUsage().rss - before < 50_000_000);
});
