/** Frames that wait to be sent: what is taken decodes to what was added, whatever the sizes. */

import { assert, assertEquals } from "@std/assert";
import {
  FrameDecoder,
  FrameEvent,
} from "../../websocket/codec/frame_decoder.ts";
import { FIN, Opcode } from "../../websocket/codec/frame_encoder.ts";
import { FrameOutput } from "../../websocket/frame_output.ts";
import { SeededRandom } from "../support/random.ts";

function reader(): FrameDecoder {
  return new FrameDecoder({
    isMasked: false,
    maxMessageBytes: 1_000_000,
    inflate: null,
  });
}

/** Takes everything, and decodes it as a client does. */
function drain(output: FrameOutput, decoder: FrameDecoder): unknown[] {
  const messages: unknown[] = [];
  for (let bytes = output.take(); bytes !== null; bytes = output.take()) {
    decoder.feed(bytes.slice(0, output.takenBytes));
    while (decoder.next() === FrameEvent.MESSAGE) {
      messages.push(decoder.message);
    }
    output.sent(output.takenBytes);
  }
  return messages;
}

Deno.test("FrameOutput gives the frames in order, with heads of the shortest form", () => {
  const output = new FrameOutput();
  const decoder = reader();
  const texts = [0, 1, 41, 42, 125, 126, 1024, 1025, 2048, 21_845, 21_846]
    .concat(65_535, 65_536, 200_000)
    .flatMap((size) => ["a".repeat(size), "€".repeat(size)]);
  for (const text of texts) {
    output.addText(text);
    output.addFrame(FIN | Opcode.BINARY, new TextEncoder().encode(text));
  }
  const messages = drain(output, decoder);
  assertEquals(messages.length, 2 * texts.length);
  for (const [index, text] of texts.entries()) {
    assert(messages[2 * index] === text, `text ${index}`);
    const bytes = messages[2 * index + 1];
    assert(bytes instanceof Uint8Array);
    assert(
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) === text,
    );
  }
  assertEquals(output.pendingBytes, 0);
});

Deno.test("FrameOutput replaces halves of surrogate pairs, as UTF-8 has none", () => {
  const output = new FrameOutput();
  output.addText("a\ud800b");
  output.addText("\udfff".repeat(2000));
  assertEquals(drain(output, reader()), ["a\ufffdb", "\ufffd".repeat(2000)]);
});

Deno.test("FrameOutput leaves taken bytes unchanged until the next take", () => {
  const output = new FrameOutput();
  output.addText("first");
  const taken = output.take();
  const copy = taken?.slice();
  for (let i = 0; i < 100; i++) output.addText("other".repeat(100));
  assertEquals(taken, copy);
});

Deno.test("FrameOutput with random sizes and takes in between loses nothing", () => {
  const random = new SeededRandom(1);
  const output = new FrameOutput();
  const decoder = reader();
  const added: string[] = [];
  const got: unknown[] = [];
  for (let round = 0; round < 2000; round++) {
    const size = random.below(10) === 0
      ? random.below(150_000)
      : random.below(300);
    const text = String(round).padEnd(size, random.below(5) === 0 ? "ä" : "x");
    output.addText(text);
    added.push(text);
    if (random.below(3) === 0) got.push(...drain(output, decoder));
  }
  got.push(...drain(output, decoder));
  assert(
    got.length === added.length && got.every((one, at) => one === added[at]),
  );
});

Deno.test("FrameOutput fills the same memory again for messages of the same size", () => {
  for (const size of [16, 600, 700, 1024, 2038, 3000, 60_000]) {
    for (const letter of ["a", "é"]) {
      const output = new FrameOutput();
      const buffers = new Set<ArrayBufferLike>();
      for (let count = 0; count < 300; count++) {
        output.addText(letter.repeat(size));
        for (
          let chunk = output.take();
          chunk !== null;
          chunk = output.take()
        ) {
          buffers.add(chunk.buffer);
          output.sent(output.takenBytes);
        }
      }
      // Small uses of a large chunk give it up once.
      assert(buffers.size <= 3, `${size} of ${letter}: ${buffers.size}`);
    }
  }
});

Deno.test("FrameOutput.takeView() shows only the output, in chunks of any memory", () => {
  const random = new SeededRandom(7);
  const output = new FrameOutput();
  const decoder = reader();
  const sizes = [0, 16, 16, 16, 17, 3000, 3000, 50_000, 200_000];
  for (let round = 0; round < 2000; round++) {
    const sent: string[] = [];
    for (let count = random.below(3); count >= 0; count--) {
      const size = sizes[random.below(sizes.length)]!; // in range
      sent.push(String.fromCharCode(97 + random.below(26)).repeat(size));
    }
    for (const text of sent) output.addText(text);
    const messages: unknown[] = [];
    for (let view = output.takeView(); view !== null;) {
      assertEquals(view.length, output.takenBytes);
      decoder.feed(view.slice());
      while (decoder.next() === FrameEvent.MESSAGE) {
        messages.push(decoder.takeMessage());
      }
      output.sent(view.length);
      view = output.takeView();
    }
    assert(messages.every((text, at) => text === sent[at]), `round ${round}`);
    assertEquals(messages.length, sent.length);
  }
  assertEquals(output.pendingBytes, 0);
});
