/** Frames of one message each: heads, lengths, masks, reserved bits and opcodes. */

import {
  binary,
  type FrameCase,
  type FrameSection,
  hex,
  ping,
  text,
} from "./case.ts";

/** Messages around the lengths at which the form of the head changes (RFC 6455 §5.2). */
const lengths: readonly FrameCase[] = [0, 1, 2, 7, 8, 9, 63, 64, 65, 124]
  .concat(125, 126, 127, 128, 255, 256, 257, 65_535, 65_536, 65_537)
  .map((size) => ({
    name: `a binary message of ${size} bytes`,
    wire: [binary(new Uint8Array(size).fill(0xa7)), text("after")],
    expect: [
      size < 5 ? `binary ${"a7".repeat(size)}` : `binary ${size} × a7`,
      'text "after"',
    ],
    maxMessageBytes: 70_000,
  }));

const reservedOpcodes: readonly FrameCase[] = [3, 4, 5, 6, 7, 11, 12, 13, 14]
  .concat(15).map((opcode) => ({
    name: `opcode ${opcode}`,
    wire: [text("a"), { opcode }, text("ignored")],
    expect: ['text "a"', "fault 1002 RESERVED_OPCODE"],
  }));

const reservedBits: readonly FrameCase[] = [0x10, 0x20, 0x30, 0x40, 0x50]
  .concat(0x60, 0x70).flatMap((reserved) => [
    {
      name: `reserved bits ${reserved.toString(16)} on a text`,
      wire: [text("a"), text("b", true, reserved)],
      expect: ['text "a"', "fault 1002 RESERVED_BIT"],
    },
    {
      name: `reserved bits ${reserved.toString(16)} on a ping`,
      wire: [{ ...ping("a"), reserved }],
      expect: ["fault 1002 RESERVED_BIT"],
    },
  ]);

/** The tables of RFC 6455 §5.2, §5.3 and §5.7. */
export const framingSections: readonly FrameSection[] = [
  { rfc: "RFC 6455 §5.2 payload length", cases: lengths },
  {
    rfc: "RFC 6455 §5.2 minimal length",
    cases: [
      {
        name: "16 bits for 125",
        wire: "82 fe 007d 00000000",
        expect: ["fault 1002 LENGTH_NOT_MINIMAL"],
      },
      {
        name: "16 bits for 0",
        wire: "82 fe 0000 00000000",
        expect: ["fault 1002 LENGTH_NOT_MINIMAL"],
      },
      {
        name: "64 bits for 65535",
        wire: "82 ff 000000000000ffff 00000000",
        expect: ["fault 1002 LENGTH_NOT_MINIMAL"],
      },
      {
        name: "64 bits for 1",
        wire: "82 ff 0000000000000001 00000000 61",
        expect: ["fault 1002 LENGTH_NOT_MINIMAL"],
      },
      {
        name: "the highest bit",
        wire: "82 ff 8000000000000000 00000000",
        expect: ["fault 1002 LENGTH_TOO_LARGE"],
      },
      {
        name: "all bits",
        wire: "82 ff ffffffffffffffff 00000000",
        expect: ["fault 1002 LENGTH_TOO_LARGE"],
      },
      {
        name: "63 bits",
        wire: "82 ff 7fffffffffffffff 00000000",
        expect: ["fault 1009 MESSAGE_TOO_LARGE"],
      },
      {
        name: "2 to the 53",
        wire: "82 ff 0020000000000000 00000000",
        expect: ["fault 1009 MESSAGE_TOO_LARGE"],
      },
    ],
  },
  { rfc: "RFC 6455 §5.2 opcode", cases: reservedOpcodes },
  { rfc: "RFC 6455 §5.2 RSV1, RSV2, RSV3", cases: reservedBits },
  {
    rfc: "RFC 6455 §5.1, §5.3 masking",
    cases: [
      {
        name: "a text without a mask",
        wire: "81 01 61",
        expect: ["fault 1002 MASK_MISSING"],
      },
      {
        name: "a ping without a mask",
        wire: "89 00",
        expect: ["fault 1002 MASK_MISSING"],
      },
      {
        name: "a close without a mask",
        wire: "88 02 03e8",
        expect: ["fault 1002 MASK_MISSING"],
      },
      {
        name: "an unmasked frame after a masked one",
        wire: "81 81 00000000 61 81 01 62",
        expect: ['text "a"', "fault 1002 MASK_MISSING"],
      },
      {
        name: "a key of zeros",
        wire: "82 83 00000000 010203",
        expect: ["binary 010203"],
      },
      {
        name: "a payload that the key turns to zeros",
        wire: "82 85 01020304 01 02 03 04 01",
        expect: ["binary 5 × 00"],
      },
      {
        name: "each frame has its own key",
        wire: "82 84 01020304 00000000 82 84 f0f1f2f3 00000000",
        expect: ["binary 01020304", "binary f0f1f2f3"],
      },
      {
        name: "a fragment begins with the first byte of its key",
        wire: "02 83 01020304 000000 80 83 01020304 000000",
        expect: ["binary 010203010203"],
      },
      {
        name: "a close after an empty payload",
        wire: "81 80 01020304 88 82 00000000 03e8",
        expect: ['text ""', 'close 1000 ""'],
      },
    ],
  },
  {
    rfc: "RFC 6455 §5.7 examples",
    cases: [
      {
        name: "a masked text",
        wire: "81 85 37fa213d 7f9f4d5158",
        expect: ['text "Hello"'],
      },
      {
        name: "a masked pong",
        wire: "8a 85 37fa213d 7f9f4d5158",
        expect: ["pong 48656c6c6f"],
      },
      {
        name: "256 bytes",
        wire: [binary(new Uint8Array(256))],
        expect: ["binary 256 × 00"],
      },
      {
        name: "64 KiB",
        wire: [binary(new Uint8Array(65_536))],
        expect: ["binary 65536 × 00"],
        maxMessageBytes: 65_536,
      },
    ],
  },
  {
    rfc: "RFC 6455 §5.2 other protocols",
    cases: [
      {
        name: "an HTTP request",
        wire: hexOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        expect: ["fault 1002 RESERVED_BIT"],
      },
      {
        name: "a TLS record",
        wire: "16 03 01 00 05",
        expect: ["fault 1002 RESERVED_BIT"],
      },
      { name: "the beginning of a head", wire: "82", expect: [] },
      { name: "a head without its key", wire: "82 81 00", expect: [] },
      {
        name: "a part of a payload",
        wire: "82 84 00000000 0102",
        expect: [],
      },
      { name: "no bytes", wire: "", expect: [] },
      {
        name: "a thousand empty messages",
        wire: Array.from({ length: 1000 }, () => binary(hex(""))),
        expect: Array.from({ length: 1000 }, () => "binary "),
      },
    ],
  },
];

function hexOf(latin1: string): string {
  return Array.from(
    latin1,
    (char) => char.charCodeAt(0).toString(16).padStart(2, "0"),
  ).join(" ");
}
