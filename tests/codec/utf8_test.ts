import { assertEquals } from "@std/assert";
import { decodeUtf8 } from "../../codec/utf8.ts";

Deno.test("decodeUtf8() decodes a range as TextDecoder does", () => {
  const texts = [
    ...["", "a", '{"values":[10,20,30]}', "größe", "\u{1f600}", "\u0080\u07ff"],
    ...["a".repeat(511), "a".repeat(512), "a".repeat(513), "ü".repeat(300)],
    "\ufeffmark",
  ];
  for (const text of texts) {
    const bytes = new TextEncoder().encode(`<<${text}>>`);
    const want = new TextDecoder().decode(bytes.subarray(2, -2));
    assertEquals(decodeUtf8(bytes, 2, bytes.length - 2), want);
  }
});

Deno.test("decodeUtf8() replaces malformed sequences", () => {
  const malformed = [[0xff], [0xc3], [0x61, 0xe2, 0x82], [0xed, 0xa0, 0x80]];
  for (const units of malformed) {
    const bytes = new Uint8Array(units);
    assertEquals(
      decodeUtf8(bytes, 0, bytes.length),
      new TextDecoder().decode(bytes),
    );
  }
});

/** Bytes at the edges of what may follow each other. */
const EDGES = [
  ...[0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbb, 0xbf, 0xc0, 0xc1],
  ...[0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff],
];

Deno.test("decodeUtf8() decodes all sequences of three edge bytes as TextDecoder does, also with the runtime's decoder", () => {
  const decoder = new TextDecoder();
  // The runtime's decoder is loaded after 1,000 of the 13,824 sequences.
  for (const first of EDGES) {
    for (const second of EDGES) {
      for (const third of EDGES) {
        const bytes = new Uint8Array([0x3c, first, second, third, 0x3e]);
        assertEquals(
          decodeUtf8(bytes, 1, 4),
          decoder.decode(bytes.subarray(1, 4)),
        );
      }
    }
  }
});
