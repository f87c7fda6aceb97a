/**
 * Decodes every frame table whole, byte by byte and in two at each byte, in the
 * client's direction with masks and in the server's without; the events must be
 * the same each time.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  FrameDecoder,
  FrameEvent,
} from "../../websocket/codec/frame_decoder.ts";
import { WebSocketFault } from "../../websocket/codec/fault.ts";
import { MessageInflater } from "../../websocket/deflate.ts";
import { everySplit, seededSplits } from "../support/splits.ts";
import { SeededRandom } from "../support/random.ts";
import {
  binary,
  encodeMasked,
  encodePlain,
  type FrameCase,
  type FrameSection,
  hex,
  text,
} from "./frame_cases/case.ts";
import { controlSections } from "./frame_cases/control_cases.ts";
import { deflateSections } from "./frame_cases/deflate_cases.ts";
import { fragmentationSections } from "./frame_cases/fragmentation_cases.ts";
import { framingSections } from "./frame_cases/framing_cases.ts";
import { limitSections } from "./frame_cases/limit_cases.ts";
import { utf8Sections } from "./frame_cases/utf8_cases.ts";

/** Longer inputs are cut at some positions only, or the tests would take minutes. */
const MAX_EVERY_SPLIT_BYTES = 3000;

const sections: readonly FrameSection[] = [
  ...framingSections,
  ...fragmentationSections,
  ...controlSections,
  ...utf8Sections,
  ...limitSections,
  ...deflateSections,
];

type DecoderSettings = Pick<FrameCase, "maxMessageBytes" | "deflate">;

function decoderOf(settings: DecoderSettings, isMasked: boolean): FrameDecoder {
  const { maxMessageBytes = 1000, deflate } = settings;
  const inflater = deflate && new MessageInflater({
    noContextTakeover: deflate === "alone",
    maxWindowBits: 15,
  });
  return new FrameDecoder({
    isMasked,
    maxMessageBytes,
    inflate: inflater
      ? (bytes, maxBytes) => inflater.inflate(bytes, maxBytes)
      : null,
  });
}

/** Decodes pieces; each event is a string, and a fault is the last one. */
function decode(
  pieces: readonly Uint8Array[],
  settings: DecoderSettings,
  isMasked: boolean,
): string[] {
  const decoder = decoderOf(settings, isMasked);
  const events: string[] = [];
  try {
    for (const piece of pieces) {
      decoder.feed(piece.slice()); // the decoder changes what it is given
      for (;;) {
        const event = decoder.next();
        if (event === FrameEvent.NEED_DATA) break;
        events.push(describe(decoder, event));
      }
      assert(decoder.isDrained);
    }
  } catch (error) {
    if (!(error instanceof WebSocketFault)) throw error;
    assert(error.message.length <= 123, error.message);
    events.push(`fault ${error.closeCode} ${error.code}`);
    decoder.feed(hex("81 80 00000000"));
    assertEquals(decoder.next(), FrameEvent.NEED_DATA);
  }
  return events;
}

function describe(decoder: FrameDecoder, event: FrameEvent): string {
  if (event === FrameEvent.PING) {
    return `ping ${describeBytes(decoder.payload)}`;
  }
  if (event === FrameEvent.PONG) {
    return `pong ${describeBytes(decoder.payload)}`;
  }
  if (event === FrameEvent.CLOSE) {
    return `close ${decoder.closeCode} ${JSON.stringify(decoder.closeReason)}`;
  }
  const { message } = decoder;
  if (typeof message === "string") return `text ${JSON.stringify(message)}`;
  // The message belongs to the program, with all memory behind it.
  assertEquals(message.buffer.byteLength, message.length);
  return `binary ${describeBytes(message)}`;
}

/** Bytes in hexadecimal; equal ones are counted. */
function describeBytes(bytes: Uint8Array): string {
  const [first = 0] = bytes;
  const one = first.toString(16).padStart(2, "0");
  const isUniform = bytes.length > 4 && bytes.every((byte) => byte === first);
  return isUniform ? `${bytes.length} × ${one}` : bytes.toHex();
}

function splitsOf(bytes: Uint8Array): Iterable<Uint8Array[]> {
  return bytes.length <= MAX_EVERY_SPLIT_BYTES
    ? everySplit(bytes)
    : seededSplits(bytes, 20, 1);
}

for (const { rfc, cases } of sections) {
  for (const one of cases) {
    Deno.test(`FrameDecoder, ${rfc}: ${one.name}`, () => {
      const { wire } = one;
      const masked = typeof wire === "string" ? hex(wire) : encodeMasked(wire);
      for (const pieces of splitsOf(masked)) {
        assertEquals(decode(pieces, one, true), one.expect);
      }
      if (typeof wire === "string") return;
      for (const pieces of splitsOf(encodePlain(wire))) {
        assertEquals(decode(pieces, one, false), one.expect);
      }
    });
  }
}

Deno.test("the frame tables hold at least 150 cases, each with its own name", () => {
  const names = sections.flatMap(({ rfc, cases }) =>
    cases.map(({ name }) => `${rfc}: ${name}`)
  );
  assert(names.length >= 150, String(names.length));
  assertEquals(new Set(names).size, names.length);
});

Deno.test("FrameDecoder for a client refuses a masked frame", () => {
  const wire = hex("81 81 00000000 61");
  assertEquals(decode([wire], {}, false), ["fault 1002 MASK_UNEXPECTED"]);
});

Deno.test("FrameDecoder.feed() refuses bytes while earlier ones are unused", () => {
  const decoder = decoderOf({}, true);
  decoder.feed(hex("81 80 00000000"));
  assertThrows(() => decoder.feed(hex("00")), TypeError, "are unused");
});

Deno.test("FrameDecoder reads from the given range alone", () => {
  const decoder = decoderOf({}, true);
  decoder.feed(hex("ff 81 81 00000000 61 ff"), 1, 8);
  assertEquals(decoder.next(), FrameEvent.MESSAGE);
  assertEquals(decoder.message, "a");
  assertEquals(decoder.next(), FrameEvent.NEED_DATA);
});

Deno.test("FrameDecoder: any bytes, in any split, give the same events or the same fault", () => {
  const random = new SeededRandom(6455);
  for (let round = 0; round < 3000; round++) {
    const bytes = randomFrames(random);
    const whole = decode([bytes], { deflate: "context" }, true);
    const cut = random.below(bytes.length + 1);
    const parts = [bytes.subarray(0, cut), bytes.subarray(cut)];
    assertEquals(decode(parts, { deflate: "context" }, true), whole);
  }
});

/** Frames with mostly valid heads, some bytes of which are changed. */
function randomFrames(random: SeededRandom): Uint8Array {
  const opcodes = [0, 0, 1, 2, 8, 9, 10, random.below(16)];
  const count = 1 + random.below(5);
  const bytes = encodeMasked(Array.from({ length: count }, () => ({
    opcode: opcodes[random.below(opcodes.length)] ?? 0,
    isFinal: random.below(3) > 0,
    reserved: random.below(4) === 0 ? 0x40 : 0,
    payload: Uint8Array.from(
      { length: random.below(40) },
      () => random.below(256) & (random.below(4) === 0 ? 0xff : 0x7f),
    ),
  })));
  if (random.below(2) === 0) {
    bytes[random.below(bytes.length)] = random.below(256);
  }
  return bytes;
}

Deno.test("FrameDecoder reuses the buffer of a text, and never that of a binary message", () => {
  const random = new SeededRandom(66);
  const decoder = decoderOf({ maxMessageBytes: 100_000 }, true);
  const given: [Uint8Array, string][] = [];
  for (let round = 0; round < 300; round++) {
    const isText = random.below(2) === 0;
    const letter = String.fromCharCode(97 + random.below(26));
    const expected = letter.repeat(random.below(5000));
    const wire = encodeMasked([isText ? text(expected) : binary(expected)]);
    const pieces = random.below(4) === 0 ? 1 : 3;
    const messages: unknown[] = [];
    for (let piece = 0; piece < pieces; piece++) {
      decoder.feed(wire.slice(
        Math.floor(wire.length * piece / pieces),
        Math.floor(wire.length * (piece + 1) / pieces),
      ));
      while (decoder.next() === FrameEvent.MESSAGE) {
        messages.push(decoder.message);
      }
    }
    assertEquals(messages.length, 1);
    const [message] = messages;
    if (message instanceof Uint8Array) given.push([message, expected]);
    else assertEquals(message, expected);
  }
  for (const [bytes, expected] of given) {
    assertEquals(new TextDecoder().decode(bytes), expected);
  }
});
