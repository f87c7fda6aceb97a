/** Compressed messages, in hexadecimal as RFC 7692 §7.2.3 shows them, and their faults. */

import {
  binary,
  type FrameCase,
  type FrameSection,
  hex,
  last,
  more,
  ping,
  text,
} from "./case.ts";

const RSV1 = 0x40;

/** "Hello", compressed with a window that is empty. */
const HELLO = "f2 48 cd c9 c9 07 00";
/** "Hello" again, as a reference to the message before. */
const AGAIN = "f2 00 11 00 00";
/** The same as a block that ends the DEFLATE stream. */
const HELLO_FINAL = "f3 48 cd c9 c9 07 00 00";
/** "Hello" in a block without compression. */
const HELLO_STORED = "00 05 00 fa ff 48 65 6c 6c 6f 00";

const zipped = (bytes: string, isFinal = true): ReturnType<typeof text> =>
  text(hex(bytes), isFinal, RSV1);

const contextCases: readonly FrameCase[] = [
  {
    name: "one message",
    wire: [zipped(HELLO)],
    expect: ['text "Hello"'],
  },
  {
    name: "a binary message",
    wire: [binary(hex(HELLO), true, RSV1)],
    expect: ["binary 48656c6c6f"],
  },
  {
    name: "the same message again",
    wire: [zipped(HELLO), zipped(HELLO)],
    expect: ['text "Hello"', 'text "Hello"'],
  },
  {
    name: "a reference to the message before",
    wire: [zipped(HELLO), zipped(AGAIN)],
    expect: ['text "Hello"', 'text "Hello"'],
  },
  {
    name: "a block without compression",
    wire: [zipped(HELLO_STORED)],
    expect: ['text "Hello"'],
  },
  {
    name: "a final block",
    wire: [zipped(HELLO_FINAL)],
    expect: ['text "Hello"'],
  },
  {
    name: "messages after a final block",
    wire: [zipped(HELLO_FINAL), zipped(HELLO), zipped(AGAIN)],
    expect: ['text "Hello"', 'text "Hello"', 'text "Hello"'],
  },
  {
    name: "two blocks in a message",
    wire: [zipped("f2 48 05 00 00 00 ff ff ca c9 c9 07 00")],
    expect: ['text "Hello"'],
  },
  {
    name: "an empty message",
    wire: [zipped("00"), zipped(HELLO)],
    expect: ['text ""', 'text "Hello"'],
  },
  {
    name: "an empty message in the longer form",
    wire: [zipped("02 00")],
    expect: ['text ""'],
  },
  {
    name: "a payload of no bytes",
    wire: [zipped("")],
    expect: ['text ""'],
  },
  {
    name: "a message that is not compressed between others",
    wire: [zipped(HELLO), text("plain"), zipped(AGAIN)],
    expect: ['text "Hello"', 'text "plain"', 'text "Hello"'],
  },
];

const fragmentCases: readonly FrameCase[] = [
  {
    name: "a message in two",
    wire: [zipped("f2 48 cd", false), last(hex("c9 c9 07 00"))],
    expect: ['text "Hello"'],
  },
  {
    name: "a ping between",
    wire: [zipped("f2", false), ping("x"), last(hex("48 cd c9 c9 07 00"))],
    expect: ["ping 78", 'text "Hello"'],
  },
  {
    name: "an empty first frame tells that it is compressed",
    wire: [zipped("", false), last(hex(HELLO))],
    expect: ['text "Hello"'],
  },
  {
    name: "a continuation with the bit",
    wire: [zipped("f2 48 cd", false), more(hex("c9 c9 07 00"), true, RSV1)],
    expect: ["fault 1002 RESERVED_BIT"],
  },
  {
    name: "a continuation of a plain message with the bit",
    wire: [text("a", false), more("b", true, RSV1)],
    expect: ["fault 1002 RESERVED_BIT"],
  },
  {
    name: "a ping with the bit",
    wire: [{ ...ping("a"), reserved: RSV1 }],
    expect: ["fault 1002 RESERVED_BIT"],
  },
  {
    name: "a text with another reserved bit",
    wire: [text("a", true, 0x60)],
    expect: ["fault 1002 RESERVED_BIT"],
  },
];

const faultCases: readonly FrameCase[] = [
  {
    name: "a reserved type of block",
    wire: [zipped("07")],
    expect: ["fault 1007 INVALID_DEFLATE"],
  },
  {
    name: "lengths that do not agree",
    wire: [zipped("00 05 00 ff ff 48")],
    expect: ["fault 1007 INVALID_DEFLATE"],
  },
  {
    name: "a reference to before the first message",
    wire: [zipped(AGAIN)],
    expect: ["fault 1007 INVALID_DEFLATE"],
  },
  {
    name: "compressed bytes that are not UTF-8",
    wire: [zipped("00 01 00 fe ff ff 00")],
    expect: ["fault 1007 INVALID_UTF8"],
  },
  {
    name: "compressed bytes that are not UTF-8 in a binary message",
    wire: [binary(hex("00 01 00 fe ff ff 00"), true, RSV1)],
    expect: ["binary ff"],
  },
  {
    name: "a message of the limit",
    wire: [zipped(HELLO)],
    expect: ['text "Hello"'],
    maxMessageBytes: 5,
  },
  {
    name: "a message beyond the limit",
    wire: [zipped(HELLO)],
    expect: ["fault 1009 MESSAGE_TOO_LARGE"],
    maxMessageBytes: 4,
  },
  {
    name: "a message of the limit in several streams",
    wire: [zipped("f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 00")],
    expect: ['text "HelloHello"'],
    maxMessageBytes: 10,
  },
  {
    name: "a message beyond the limit in several streams",
    wire: [zipped("f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 00")],
    expect: ["fault 1009 MESSAGE_TOO_LARGE"],
    maxMessageBytes: 9,
  },
  {
    name: "100 empty streams",
    wire: [zipped("03 00".repeat(100))],
    expect: ["fault 1007 INVALID_DEFLATE"],
  },
  {
    name: "more compressed bytes than any message of the limit has",
    wire: [zipped("00 00 00 ff ff".repeat(40), false), more("")],
    expect: ["fault 1009 MESSAGE_TOO_LARGE"],
    maxMessageBytes: 10,
  },
];

const aloneCases: readonly FrameCase[] = [
  {
    name: "each message on its own",
    wire: [zipped(HELLO), zipped(HELLO)],
    expect: ['text "Hello"', 'text "Hello"'],
  },
  {
    name: "a reference to the message before",
    wire: [zipped(HELLO), zipped(AGAIN)],
    expect: ['text "Hello"', "fault 1007 INVALID_DEFLATE"],
  },
];

const withDeflate = (
  deflate: "context" | "alone",
  cases: readonly FrameCase[],
): FrameCase[] => cases.map((one) => ({ ...one, deflate }));

/** The tables of RFC 7692. */
export const deflateSections: readonly FrameSection[] = [
  { rfc: "RFC 7692 §7.2.3", cases: withDeflate("context", contextCases) },
  {
    rfc: "RFC 7692 §6.1, §7.2.1",
    cases: withDeflate("context", fragmentCases),
  },
  { rfc: "RFC 7692 §7.2.2, §8", cases: withDeflate("context", faultCases) },
  { rfc: "RFC 7692 §7.1.1", cases: withDeflate("alone", aloneCases) },
];
