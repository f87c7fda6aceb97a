import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  ALPHANUMERIC,
  decodeLatin1,
  encodeLatin1,
  equalsIgnoringCase,
  equalsLatin1,
  FIELD_VALUE,
  HEX_VALUE,
  isNamed,
  isToken,
  lowerCaseAscii,
  mark,
  NOT_HEX,
  quoteBytes,
  TOKEN,
  writeLatin1,
} from "../../codec/ascii.ts";

/** The bytes whose class in a table is not 0. */
function members(table: Uint8Array): string {
  let text = "";
  table.forEach((value, byte) => {
    if (value !== 0) text += String.fromCharCode(byte);
  });
  return text;
}

const ALL_BYTES = Array.from(
  { length: 256 },
  (_, byte) => String.fromCharCode(byte),
).join("");

Deno.test("TOKEN contains the tchars, ALPHANUMERIC the letters and digits", () => {
  const letters =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  assertEquals(members(ALPHANUMERIC), letters);
  assertEquals(
    members(TOKEN),
    [...letters, ..."!#$%&'*+-.^_`|~"].sort().join(""),
  );
});

Deno.test("FIELD_VALUE R40: excludes all control characters except HTAB", () => {
  const allowed = ALL_BYTES.slice(0x20, 0x7f) + ALL_BYTES.slice(0x80);
  assertEquals(members(FIELD_VALUE), `\t${allowed}`);
});

Deno.test("HEX_VALUE contains the value of each digit in either case", () => {
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    const value = /[0-9a-f]/i.test(character) ? parseInt(character, 16) : -1;
    assertEquals(HEX_VALUE[byte], value === -1 ? NOT_HEX : value);
  }
});

Deno.test("mark() adds characters to a class", () => {
  const table = new Uint8Array(256);
  mark(table, "ac", 2);
  mark(table, "bz", 3);
  assertEquals([...table.subarray(0x60, 0x65), table[0x7a]], [
    ...[0, 2, 3, 2, 0],
    3,
  ]);
});

Deno.test("isToken() accepts one or more tchars and nothing else", () => {
  for (const token of ["a", "!#$%&'*+-.^_`|~", "0"]) {
    assertEquals(isToken(token), true, token);
  }
  for (const text of ["", " ", "a b", "a\r", "\xe9", "\u212a", "a:", "\0"]) {
    assertEquals(isToken(text), false, text);
  }
});

Deno.test("equalsIgnoringCase() R65: ignores the case of A to Z only", () => {
  for (
    const [text, lower, expected] of [
      ["cHuNkEd", "chunked", true],
      ["chunke", "chunked", false],
      ["chunkedx", "chunked", false],
      ["", "", true],
      ["@[`{", "`{`{", false],
      ["chun\xe2\x84\xaaed", "chunked", false],
    ] as const
  ) {
    const bytes = encodeLatin1(`..${text}..`);
    const end = 2 + text.length;
    assertEquals(equalsIgnoringCase(bytes, 2, end, lower), expected, text);
  }
});

Deno.test("equalsLatin1() compares each byte with one code unit", () => {
  const bytes = encodeLatin1("xGET\xffx");
  assertEquals(equalsLatin1(bytes, 1, 4, "GET"), true);
  assertEquals(equalsLatin1(bytes, 1, 5, "GET\xff"), true);
  assertEquals(equalsLatin1(bytes, 1, 4, "get"), false);
  assertEquals(equalsLatin1(bytes, 1, 3, "GET"), false);
});

Deno.test("lowerCaseAscii() R2: does not change the Kelvin sign or umlauts", () => {
  assertEquals(lowerCaseAscii("Content-LENGTH"), "content-length");
  assertEquals(lowerCaseAscii("\u212aELVIN \xc4"), "\u212aelvin \xc4");
  assertEquals(lowerCaseAscii(""), "");
});

Deno.test("decodeLatin1() R2: turns each byte into one code unit, in short and long runs", () => {
  for (const count of [0, 1, 8, 9, 256, 4096, 4097, 10_000]) {
    const text = ALL_BYTES.repeat(Math.ceil(count / 256)).slice(0, count);
    const bytes = encodeLatin1(`<${text}>`);
    assertEquals(decodeLatin1(bytes, 1, 1 + count), text);
  }
});

Deno.test("decodeLatin1() gives the same before and after the runtime's decoder is loaded", () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => index);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  for (let calls = 0; calls < 1100; calls++) {
    assertEquals(decodeLatin1(bytes, 3, 300), text.slice(3, 300));
    if (calls % 100 === 0) assertEquals(decodeLatin1(bytes, 0, 10_000), text);
  }
});

Deno.test("writeLatin1() returns the offset after the string", () => {
  const bytes = new Uint8Array(5);
  assertStrictEquals(writeLatin1(bytes, 1, "a\xff"), 3);
  assertEquals([...bytes], [0, 0x61, 0xff, 0, 0]);
});

Deno.test("quoteBytes() escapes, and shows at most 64 bytes", () => {
  assertEquals(
    quoteBytes(encodeLatin1('x"\r\n\0\x7f\xffy'), 1, 7),
    '"\\"\\r\\n\\u0000\\x7f\\xff"',
  );
  const long = encodeLatin1("a".repeat(65));
  assertEquals(quoteBytes(long, 0, 64), `"${"a".repeat(64)}"`);
  assertEquals(quoteBytes(long, 0, 65), `"${"a".repeat(64)}"…`);
});

Deno.test("isNamed() ignores the case of ASCII letters only, in bytes and name", () => {
  const bytes = encodeLatin1("xUser-Agent^_`[{@\x80");
  assertEquals(isNamed(bytes, 1, "user-agent"), true);
  assertEquals(isNamed(bytes, 1, "USER-AGENT"), true);
  assertEquals(isNamed(bytes, 1, "user-agenT^"), true);
  assertEquals(isNamed(bytes, 1, "user-agend"), false);
  assertEquals(isNamed(bytes, 1, "user\x0dagent"), false); // differs by 0x20
  assertEquals(isNamed(bytes, 11, "^_`"), true);
  assertEquals(isNamed(bytes, 11, "~"), false); // differs by 0x20
  assertEquals(isNamed(bytes, 13, "@"), false); // as above
  assertEquals(isNamed(bytes, 14, "{"), false); // as above
  assertEquals(isNamed(bytes, 17, "\xa0"), false); // as above
  assertEquals(isNamed(encodeLatin1("k"), 0, "\u212a"), false); // the Kelvin sign
});
