import { assertEquals, assertThrows } from "@std/assert";
import { decodeLatin1 } from "../../codec/ascii.ts";
import {
  checkFieldName,
  checkFieldValue,
  encodeFieldLines,
  encodeStatusLine,
  fieldLineSize,
  requestLineSize,
  trimOptionalWhiteSpace,
  writeDecimal,
  writeFieldLine,
  writeLineEnd,
  writeRequestLine,
} from "../../codec/head_encoder.ts";

function textOf(bytes: Uint8Array, end = bytes.length): string {
  return decodeLatin1(bytes, 0, end);
}

Deno.test("checkFieldName() R124: returns a token and refuses anything else", () => {
  assertEquals(checkFieldName("X-!#$%&'*+.^_`|~9"), "X-!#$%&'*+.^_`|~9");
  for (const name of ["", "a b", "a:", "a\r\n", "\xe9", "\u0141", "a\0"]) {
    assertThrows(
      () => checkFieldName(name),
      TypeError,
      `Cannot use field name ${JSON.stringify(name)}: it is not a token`,
    );
  }
});

Deno.test("checkFieldValue() R124: trims, and refuses characters that a value must not contain", () => {
  assertEquals(checkFieldValue("a", "\t b\tc \xff "), "b\tc \xff");
  assertEquals(checkFieldValue("a", " \t"), "");
  for (
    const [value, at, code] of [
      ["a\r\nb: c", 1, "000D"],
      ["\n", 0, "000A"],
      ["a\0", 1, "0000"],
      ["\x7f", 0, "007F"],
      ["ab\u010d\u010a", 2, "010D"], // truncated to bytes, this would be CRLF
      ["\u{1f600}", 0, "D83D"],
    ] as const
  ) {
    assertThrows(
      () => checkFieldValue("x", value),
      TypeError,
      `Cannot use value of field "x": character ${at} is U+${code}`,
    );
  }
});

Deno.test("trimOptionalWhiteSpace() R42: removes SP and HTAB only", () => {
  for (
    const [text, expected] of [
      ["", ""],
      ["a", "a"],
      [" \ta b\t ", "a b"],
      ["\t", ""],
      ["\xa0a\x85", "\xa0a\x85"],
      ["\x0ba\x0c", "\x0ba\x0c"],
    ] as const
  ) assertEquals(trimOptionalWhiteSpace(text), expected);
});

Deno.test("writeFieldLine() fills exactly fieldLineSize() bytes", () => {
  const bytes = new Uint8Array(20).fill(0x2e);
  assertEquals(writeFieldLine(bytes, 2, "Ab", "c\xff"), 2 + 8);
  assertEquals(fieldLineSize("Ab", "c\xff"), 8);
  assertEquals(textOf(bytes, 12), "..Ab: c\xff\r\n..");
  assertEquals(writeLineEnd(bytes, 0), 2);
  assertEquals(textOf(bytes, 4), "\r\nAb");
});

Deno.test("writeDecimal() writes every body length", () => {
  for (
    const value of [
      ...[0, 9, 10, 99, 100, 12_345, 999_999, 1_000_000],
      ...[2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1],
    ]
  ) {
    const bytes = new Uint8Array(20);
    const end = writeDecimal(bytes, 0, value);
    assertEquals(textOf(bytes, end), String(value));
  }
});

Deno.test("encodeStatusLine() keeps the SP before an empty reason", () => {
  assertEquals(textOf(encodeStatusLine(200, "OK")), "HTTP/1.1 200 OK\r\n");
  assertEquals(textOf(encodeStatusLine(299, "")), "HTTP/1.1 299 \r\n");
});

Deno.test("writeRequestLine() writes its parts unchanged, in the size announced", () => {
  const line = "M-SEARCH /a?b HTTP/1.1\r\n";
  assertEquals(requestLineSize("M-SEARCH", "/a?b"), line.length);
  const bytes = new Uint8Array(line.length + 1);
  assertEquals(writeRequestLine(bytes, 1, "M-SEARCH", "/a?b"), bytes.length);
  assertEquals(textOf(bytes), `\0${line}`);
});

Deno.test("encodeFieldLines() writes the selected lines in order", () => {
  const names = ["A", "B", "C"];
  const values = ["1", "2", ""];
  assertEquals(
    textOf(encodeFieldLines(names, values, (index) => index !== 1)),
    "A: 1\r\nC: \r\n",
  );
  assertEquals(encodeFieldLines(names, values, () => false).length, 0);
  assertEquals(encodeFieldLines([], [], () => true).length, 0);
});
