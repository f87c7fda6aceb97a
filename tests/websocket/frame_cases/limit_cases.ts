/** The largest message, as one frame and as fragments (RFC 6455 §7.4.1, §10.4). */

import { binary, type FrameSection, last, more, ping, text } from "./case.ts";

/** The table of limits. */
export const limitSections: readonly FrameSection[] = [
  {
    rfc: "RFC 6455 §10.4 limits",
    cases: [
      {
        name: "a message of the limit",
        wire: [binary("a".repeat(100)), text("b")],
        expect: ["binary 100 × 61", 'text "b"'],
        maxMessageBytes: 100,
      },
      {
        name: "a byte more",
        wire: [binary("a".repeat(101))],
        expect: ["fault 1009 MESSAGE_TOO_LARGE"],
        maxMessageBytes: 100,
      },
      {
        name: "the head is enough",
        wire: "82 fe 03e9 00000000",
        expect: ["fault 1009 MESSAGE_TOO_LARGE"],
      },
      {
        name: "fragments of the limit",
        wire: [binary("a".repeat(60), false), last("a".repeat(40))],
        expect: ["binary 100 × 61"],
        maxMessageBytes: 100,
      },
      {
        name: "fragments of a byte more",
        wire: [binary("a".repeat(60), false), last("a".repeat(41))],
        expect: ["fault 1009 MESSAGE_TOO_LARGE"],
        maxMessageBytes: 100,
      },
      {
        name: "the sum of many fragments",
        wire: [
          text("a", false),
          ...Array.from({ length: 20 }, () => more("aaaaaaaaaa")),
        ],
        expect: ["fault 1009 MESSAGE_TOO_LARGE"],
        maxMessageBytes: 100,
      },
      {
        name: "bytes count, not characters",
        wire: [text("€".repeat(34))],
        expect: ["fault 1009 MESSAGE_TOO_LARGE"],
        maxMessageBytes: 100,
      },
      {
        name: "each message has the limit for itself",
        wire: [
          ...[binary("a".repeat(50), false), last("a".repeat(50))],
          ...[binary("b".repeat(50), false), last("b".repeat(50))],
        ],
        expect: ["binary 100 × 61", "binary 100 × 62"],
        maxMessageBytes: 100,
      },
      {
        name: "control frames do not count",
        wire: [
          binary("a".repeat(100), false),
          ping("p".repeat(125)),
          last(""),
        ],
        expect: ["ping 125 × 70", "binary 100 × 61"],
        maxMessageBytes: 100,
      },
      {
        name: "a limit of no bytes lets empty messages pass",
        wire: [text(""), binary(""), text("a")],
        expect: ['text ""', "binary ", "fault 1009 MESSAGE_TOO_LARGE"],
        maxMessageBytes: 0,
      },
      {
        name: "an empty frame after the limit",
        wire: [binary("a".repeat(100), false), more(""), last("")],
        expect: ["binary 100 × 61"],
        maxMessageBytes: 100,
      },
    ],
  },
];
