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
