/** Texts and whether they are UTF-8, in one frame and across frames (RFC 6455 §5.6, §8.1; RFC 3629). */

import {
  bytesOf,
  type FrameCase,
  type FrameSection,
  hex,
  last,
  more,
  ping,
  text,
} from "./case.ts";

const valid: readonly (readonly [name: string, text: string])[] = [
  ["ASCII with control characters", "\0\t\n\x7f"],
  ["two bytes a character", "äöü\u0080\u07ff"],
  ["three bytes a character", "\u0800€\uffff"],
  ["the characters around the surrogates", "\ud7ff\ue000"],
  ["four bytes a character", "\u{10000}😀\u{10ffff}"],
  ["a byte order mark", "\ufeffa"],
  ["only a byte order mark", "\ufeff"],
  ["no characters of Unicode", "\ufffe\ufdd0\u{1fffe}"],
  ["the replacement character", "\ufffd"],
  ["mixed widths", "aä€😀".repeat(20)],
  ["ASCII beyond the short form", "a".repeat(49)],
  [
    "one character of two bytes at the end of the short form",
    "a".repeat(46) + "ä",
  ],
];

const invalid: readonly (readonly [name: string, bytes: string])[] = [
  ["a continuation byte alone", "80"],
  ["the last continuation byte alone", "bf"],
  ["a lead of two bytes alone", "c3"],
  ["a lead of three bytes alone", "e2"],
  ["a lead of four bytes alone", "f0"],
  ["three bytes without the last", "e2 82"],
  ["four bytes without the last", "f0 9f 98"],
  ["an overlong slash", "c0 af"],
  ["an overlong character of one byte", "c1 bf"],
  ["an overlong character of two bytes", "e0 9f bf"],
  ["an overlong character of three bytes", "f0 8f bf bf"],
  ["an overlong zero", "c0 80"],
  ["the first surrogate", "ed a0 80"],
  ["the last surrogate", "ed bf bf"],
  ["a surrogate pair", "ed a0 bd ed b8 80"],
  ["beyond U+10FFFF", "f4 90 80 80"],
  ["a lead of five bytes", "f8 88 80 80 80"],
  ["byte FE", "fe"],
  ["byte FF", "ff"],
  ["a lead before ASCII", "c3 61"],
  ["a lead before a lead", "e2 e2 82 ac"],
  ["a continuation byte too many", "c3 a4 a4"],
  ["an invalid byte after a long text", `${"61".repeat(100)} ff`],
  ["an invalid byte after characters", "e2 82 ac ff"],
];

const wholeCases: readonly FrameCase[] = [
  ...valid.map(([name, value]) => ({
    name,
    wire: [text(value), text("after")],
    expect: [`text ${JSON.stringify(value)}`, 'text "after"'],
  })),
  ...invalid.map(([name, bytes]) => ({
    name,
    wire: [text(hex(bytes)), text("after")],
    expect: ["fault 1007 INVALID_UTF8"],
  })),
];

/** Each text once more with every byte in a frame of its own. */
const bytewiseCases: readonly FrameCase[] = [
  ...valid.map(([name, value]) => ({
    name: `${name}, a byte a frame`,
    wire: bytewise(bytesOf(value)),
    expect: [`text ${JSON.stringify(value)}`],
  })),
  ...invalid.map(([name, bytes]) => ({
    name: `${name}, a byte a frame`,
    wire: bytewise(hex(bytes)),
    expect: ["fault 1007 INVALID_UTF8"],
  })),
];

function bytewise(bytes: Uint8Array): ReturnType<typeof text>[] {
  return Array.from(bytes, (_, index) => {
    const one = bytes.subarray(index, index + 1);
    const isFinal = index === bytes.length - 1;
    return index === 0 ? text(one, isFinal) : more(one, isFinal);
  });
}

/** Beginnings of a text that no further frame can make valid: the fault does not wait for the end. */
const early = ["ff", "c0", "e0 80", "ed a0", "f0 80", "f4 90", "f5", "61 80"]
  .map((bytes): FrameCase => ({
    name: `${bytes} in a first frame`,
    wire: [text(hex(bytes), false)],
    expect: ["fault 1007 INVALID_UTF8"],
  }));

/** The tables of RFC 6455 §5.6 and §8.1. */
export const utf8Sections: readonly FrameSection[] = [
  { rfc: "RFC 6455 §8.1 UTF-8", cases: wholeCases },
  { rfc: "RFC 6455 §8.1 UTF-8 across fragments", cases: bytewiseCases },
  { rfc: "RFC 6455 §8.1 UTF-8 that cannot become valid", cases: early },
  {
    rfc: "RFC 6455 §5.6, §8.1 UTF-8 between frames",
    cases: [
      {
        name: "a ping inside a character",
        wire: [text(hex("e2"), false), ping("x"), last(hex("82ac"))],
        expect: ["ping 78", 'text "€"'],
      },
      {
        name: "an empty frame inside a character",
        wire: [text(hex("f09f"), false), more(""), last(hex("9880"))],
        expect: ['text "😀"'],
      },
      {
        name: "a character may not go on in the next message",
        wire: [text(hex("c3")), text(hex("a4"))],
        expect: ["fault 1007 INVALID_UTF8"],
      },
      {
        name: "valid fragments before an invalid one",
        wire: [text("abc", false), more("def"), last(hex("80"))],
        expect: ["fault 1007 INVALID_UTF8"],
      },
      {
        name: "invalid UTF-8 is a binary message",
        wire: [{ opcode: 2, payload: hex("ff80c0") }],
        expect: ["binary ff80c0"],
      },
      {
        name: "an empty last frame inside a character",
        wire: [text(hex("e282"), false), last("")],
        expect: ["fault 1007 INVALID_UTF8"],
      },
    ],
  },
];
