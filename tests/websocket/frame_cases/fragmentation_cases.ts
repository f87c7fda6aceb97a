/** Messages in several frames, and control frames between them (RFC 6455 §5.4). */

import {
  binary,
  close,
  type FrameSection,
  hex,
  last,
  more,
  ping,
  pong,
  text,
} from "./case.ts";

/** The tables of RFC 6455 §5.4. */
export const fragmentationSections: readonly FrameSection[] = [
  {
    rfc: "RFC 6455 §5.4 fragments",
    cases: [
      {
        name: "a text in two",
        wire: [text("Hel", false), last("lo")],
        expect: ['text "Hello"'],
      },
      {
        name: "a binary message in two",
        wire: [binary(hex("01"), false), last(hex("02"))],
        expect: ["binary 0102"],
      },
      {
        name: "a text in four",
        wire: [text("a", false), more("b"), more("c"), last("d")],
        expect: ['text "abcd"'],
      },
      {
        name: "an empty first frame",
        wire: [text("", false), last("abc")],
        expect: ['text "abc"'],
      },
      {
        name: "an empty last frame",
        wire: [text("abc", false), last("")],
        expect: ['text "abc"'],
      },
      {
        name: "only empty frames",
        wire: [text("", false), more(""), more(""), last("")],
        expect: ['text ""'],
      },
      {
        name: "only empty binary frames",
        wire: [binary("", false), more(""), last("")],
        expect: ["binary "],
      },
      {
        name: "an empty frame in the middle",
        wire: [binary("a", false), more(""), last("b")],
        expect: ["binary 6162"],
      },
      {
        name: "two messages in a row",
        wire: [text("a", false), last("b"), text("c", false), last("d")],
        expect: ['text "ab"', 'text "cd"'],
      },
      {
        name: "a whole message after fragments",
        wire: [text("a", false), last("b"), binary("c"), text("d")],
        expect: ['text "ab"', "binary 63", 'text "d"'],
      },
      {
        name: "300 fragments of one byte",
        wire: [
          binary("a", false),
          ...Array.from({ length: 298 }, () => more("a")),
          last("a"),
        ],
        expect: ["binary 300 × 61"],
      },
      {
        name: "fragments of very different sizes",
        wire: [binary("a", false), more("a".repeat(600)), last("a")],
        expect: ["binary 602 × 61"],
      },
      {
        name: "a message that is never finished",
        wire: [text("a", false), more("b")],
        expect: [],
      },
    ],
  },
  {
    rfc: "RFC 6455 §5.4 control frames between fragments",
    cases: [
      {
        name: "a ping",
        wire: [text("a", false), ping("p"), last("b")],
        expect: ["ping 70", 'text "ab"'],
      },
      {
        name: "a pong",
        wire: [text("a", false), pong(), last("b")],
        expect: ["pong ", 'text "ab"'],
      },
      {
        name: "several pings",
        wire: [
          ...[text("a", false), ping("1"), ping("2"), more("b"), ping("3")],
          last("c"),
        ],
        expect: ["ping 31", "ping 32", "ping 33", 'text "abc"'],
      },
      {
        name: "a ping of the largest size",
        wire: [binary("a", false), ping("p".repeat(125)), last("b")],
        expect: ["ping 125 × 70", "binary 6162"],
      },
      {
        name: "a close ends without the message",
        wire: [text("a", false), close(1000), last("b")],
        expect: ['close 1000 ""'],
      },
    ],
  },
  {
    rfc: "RFC 6455 §5.4 order of fragments",
    cases: [
      {
        name: "a continuation of nothing",
        wire: [last("a")],
        expect: ["fault 1002 CONTINUATION_UNEXPECTED"],
      },
      {
        name: "a continuation of nothing that is not final",
        wire: [more("a"), last("b")],
        expect: ["fault 1002 CONTINUATION_UNEXPECTED"],
      },
      {
        name: "a continuation after a whole message",
        wire: [text("a"), last("b")],
        expect: ['text "a"', "fault 1002 CONTINUATION_UNEXPECTED"],
      },
      {
        name: "a continuation after the last one",
        wire: [text("a", false), last("b"), last("c")],
        expect: ['text "ab"', "fault 1002 CONTINUATION_UNEXPECTED"],
      },
      {
        name: "a continuation after a ping",
        wire: [ping(), last("b")],
        expect: ["ping ", "fault 1002 CONTINUATION_UNEXPECTED"],
      },
      {
        name: "a text inside a text",
        wire: [text("a", false), text("b")],
        expect: ["fault 1002 CONTINUATION_EXPECTED"],
      },
      {
        name: "a binary message inside a text",
        wire: [text("a", false), binary("b", false), last("c")],
        expect: ["fault 1002 CONTINUATION_EXPECTED"],
      },
      {
        name: "a text inside an empty binary message",
        wire: [binary("", false), text("", false)],
        expect: ["fault 1002 CONTINUATION_EXPECTED"],
      },
      {
        name: "a message inside a message, after a ping",
        wire: [text("a", false), ping(), text("b")],
        expect: ["ping ", "fault 1002 CONTINUATION_EXPECTED"],
      },
    ],
  },
];
