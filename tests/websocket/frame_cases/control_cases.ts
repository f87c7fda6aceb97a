/** Pings, pongs and close frames with their codes (RFC 6455 §5.5, §7.4). */

import {
  close,
  closeWith,
  type FrameCase,
  type FrameSection,
  hex,
  ping,
  pong,
  text,
} from "./case.ts";

const allowedCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011]
  .concat(1012, 1013, 1014, 3000, 3999, 4000, 4999);

const refusedCodes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000]
  .concat(2999, 5000, 65_535);

const closeCodes: readonly FrameCase[] = [
  ...allowedCodes.map((code) => ({
    name: `code ${code}`,
    wire: [close(code, "why")],
    expect: [`close ${code} "why"`],
  })),
  ...refusedCodes.map((code) => ({
    name: `code ${code}`,
    wire: [text("a"), close(code, "why")],
    expect: ['text "a"', "fault 1002 INVALID_CLOSE_CODE"],
  })),
];

/** The tables of RFC 6455 §5.5 and §7.4. */
export const controlSections: readonly FrameSection[] = [
  {
    rfc: "RFC 6455 §5.5 control frames",
    cases: [
      { name: "an empty ping", wire: [ping()], expect: ["ping "] },
      { name: "an empty pong", wire: [pong()], expect: ["pong "] },
      {
        name: "a ping of 125 bytes",
        wire: [ping("a".repeat(125))],
        expect: ["ping 125 × 61"],
      },
      {
        name: "a ping of bytes that are not UTF-8",
        wire: [ping(hex("00fffe"))],
        expect: ["ping 00fffe"],
      },
      {
        name: "a pong that nothing asked for",
        wire: [pong("a"), text("b")],
        expect: ["pong 61", 'text "b"'],
      },
      {
        name: "ten pings",
        wire: Array.from({ length: 10 }, () => ping("a")),
        expect: Array.from({ length: 10 }, () => "ping 61"),
      },
      {
        name: "a ping of 126 bytes",
        wire: [ping("a".repeat(126))],
        expect: ["fault 1002 CONTROL_TOO_LONG"],
      },
      {
        name: "a pong of 126 bytes",
        wire: [pong("a".repeat(126))],
        expect: ["fault 1002 CONTROL_TOO_LONG"],
      },
      {
        name: "a close of 126 bytes",
        wire: [close(1000, "a".repeat(124))],
        expect: ["fault 1002 CONTROL_TOO_LONG"],
      },
      {
        name: "a ping with a length of 64 bits",
        wire: "89 ff 0000000000010000 00000000",
        expect: ["fault 1002 CONTROL_TOO_LONG"],
      },
      {
        name: "a ping in fragments",
        wire: [{ ...ping("a"), isFinal: false }],
        expect: ["fault 1002 FRAGMENTED_CONTROL"],
      },
      {
        name: "a pong in fragments",
        wire: [{ ...pong("a"), isFinal: false }],
        expect: ["fault 1002 FRAGMENTED_CONTROL"],
      },
      {
        name: "a close in fragments",
        wire: [{ ...close(1000), isFinal: false }],
        expect: ["fault 1002 FRAGMENTED_CONTROL"],
      },
      {
        name: "a ping in fragments inside a message",
        wire: [text("a", false), { ...ping("a"), isFinal: false }],
        expect: ["fault 1002 FRAGMENTED_CONTROL"],
      },
    ],
  },
  {
    rfc: "RFC 6455 §5.5.1 close frames",
    cases: [
      {
        name: "no code",
        wire: [closeWith(hex(""))],
        expect: ['close 1005 ""'],
      },
      {
        name: "one byte",
        wire: [closeWith(hex("03"))],
        expect: ["fault 1002 INVALID_CLOSE"],
      },
      {
        name: "no reason",
        wire: [close(1000)],
        expect: ['close 1000 ""'],
      },
      {
        name: "the longest reason",
        wire: [close(1000, "a".repeat(123))],
        expect: [`close 1000 "${"a".repeat(123)}"`],
      },
      {
        name: "a reason in UTF-8",
        wire: [close(4000, "grün €")],
        expect: ['close 4000 "grün €"'],
      },
      {
        name: "a reason that is not UTF-8",
        wire: [close(1000, hex("ff"))],
        expect: ["fault 1007 INVALID_UTF8"],
      },
      {
        name: "a reason that ends inside a character",
        wire: [close(1000, hex("e282"))],
        expect: ["fault 1007 INVALID_UTF8"],
      },
      {
        name: "a refused code before an invalid reason",
        wire: [close(1005, hex("ff"))],
        expect: ["fault 1002 INVALID_CLOSE_CODE"],
      },
      {
        name: "frames after a close are ignored",
        wire: [close(1001), text("a"), ping(), close(1002)],
        expect: ['close 1001 ""'],
      },
      {
        name: "invalid frames after a close are ignored",
        wire: [close(1001), { opcode: 15 }],
        expect: ['close 1001 ""'],
      },
    ],
  },
  { rfc: "RFC 6455 §7.4 status codes", cases: closeCodes },
];
