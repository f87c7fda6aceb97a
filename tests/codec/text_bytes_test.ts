import { assert, assertEquals } from "@std/assert";
import { TextBytes } from "../../codec/text_bytes.ts";

const LONG = 65_536;

Deno.test("TextBytes.encode() encodes strings of any length as UTF-8", () => {
  const texts = new TextBytes();
  for (const text of ["", "é", "\ud800", "x".repeat(LONG), "é".repeat(LONG)]) {
    assertEquals(texts.encode(text), new TextEncoder().encode(text));
  }
});

Deno.test("TextBytes.encode() gives the same bytes for a long string that is encoded again", () => {
  const texts = new TextBytes();
  const first = texts.encode("x".repeat(LONG));
  assert(texts.encode("x".repeat(LONG)) === first);
  assert(texts.encode("x".repeat(LONG) + "y") !== first);
  assert(texts.encode("x".repeat(LONG)) !== first); // only the last one is kept
});

Deno.test("TextBytes.clear() drops the bytes", () => {
  const texts = new TextBytes();
  const first = texts.encode("x".repeat(LONG));
  texts.clear();
  assert(texts.encode("x".repeat(LONG)) !== first);
  assertEquals(first.length, LONG);
});
