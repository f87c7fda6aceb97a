import { assert, assertEquals } from "@std/assert";
import { SeededRandom } from "../support/random.ts";
import { frameRanges, parseRanges } from "../../files/ranges.ts";

const KIB = 1024;
const SIZE = 10;

const cases: readonly (readonly [
  field: string | null,
  expect: string | null,
])[] = [
  [null, null],
  ["", null],
  ["bytes=0-3", "0-4"],
  ["bytes=4-4", "4-5"],
  ["bytes=7-", "7-10"],
  ["bytes=0-", "0-10"],
  ["bytes=7-99999999999999999999", "7-10"],
  ["bytes=-3", "7-10"],
  ["bytes=-10", "0-10"],
  ["bytes=-11", "0-10"],
  ["bytes=-99999999999999999999", "0-10"],
  ["BYTES=-1", "9-10"],
  ["bytes=10-", ""],
  ["bytes=99-100", ""],
  ["bytes=99999999999999999999-", ""],
  ["bytes=-0", ""],
  ["bytes=-0,3-4", "3-5"],
  ["bytes=0-1,20-", "0-2"],
  ["bytes=0-1,3-4", "0-2 3-5"],
  ["bytes=0-1, 3-4 ,\t6-6", "0-2 3-5 6-7"],
  ["bytes=,0-1,,3-4,", "0-2 3-5"],
  ["bytes=6-7,0-1", "6-8 0-2"],
  ["bytes=0-4,2-6", "0-7"],
  ["bytes=0-4,5-6", "0-7"],
  ["bytes=0-1,8-9,1-8", "0-10"],
  ["bytes=0-,0-,0-,-10", "0-10"],
  ["bytes=4-3", null],
  ["bytes=0-1,4-3", null],
  ["bytes=-", null],
  ["bytes=,", null],
  ["bytes=", null],
  ["bytes=--1", null],
  ["bytes=1-0x2", null],
  ["bytes=+1-2", null],
  ["bytes=1 -2", null],
  ["bytes 1-2", null],
  ["bytes =1-2", null],
  ["items=1-2", null],
];

Deno.test("parseRanges() reads single, suffix and several ranges, and ignores what is not valid", () => {
  for (const [field, expect] of cases) {
    const ranges = parseRanges(field, SIZE);
    const shown = ranges === null
      ? null
      : ranges.map(({ start, end }) => `${start}-${end}`).join(" ");
    assertEquals([field, shown], [field, expect]);
  }
});

Deno.test("parseRanges() of an empty file ignores a range from the first byte", () => {
  for (const field of ["bytes=0-", "bytes=0-0", "bytes=0-9", "bytes=-5"]) {
    assertEquals([field, parseRanges(field, 0)], [field, null]);
  }
  for (const field of ["bytes=1-", "bytes=-0"]) {
    assertEquals([field, parseRanges(field, 0)], [field, []]);
  }
});

Deno.test("parseRanges() ignores more than 32 ranges", () => {
  const field = (count: number): string =>
    `bytes=${Array.from({ length: count }, (_, i) => `${i * 2}-${i * 2}`)}`;
  assertEquals(parseRanges(field(32), KIB)?.length, 32);
  assertEquals(parseRanges(field(33), KIB), null);
  assertEquals(parseRanges(`bytes=${"0-,".repeat(10_000)}`, KIB), null);
});

Deno.test("parseRanges() keeps ranges past 4 GiB exact", () => {
  const size = 6 * KIB ** 3 + 1;
  assertEquals(parseRanges(`bytes=${size - 1}-`, size), [
    { start: size - 1, end: size },
  ]);
  assertEquals(parseRanges("bytes=4294967296-4294967297", size), [
    { start: 4294967296, end: 4294967298 },
  ]);
});

Deno.test("parseRanges() never returns ranges that overlap or are longer than the file", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 2000; round++) {
    const specs = Array.from({ length: 1 + random.below(12) }, () => {
      const start = random.below(60);
      return `${start}-${start + random.below(20)}`;
    });
    const ranges = parseRanges(`bytes=${specs}`, 50) ?? [];
    const asked = new Set<number>();
    for (const spec of specs) {
      const [first = 0, last = 0] = spec.split("-").map(Number);
      for (let at = first; at <= last && at < 50; at++) asked.add(at);
    }
    const sent = ranges.flatMap(({ start, end }) =>
      Array.from({ length: end - start }, (_, i) => start + i)
    );
    assertEquals(
      sent.toSorted((a, b) => a - b),
      [...asked].sort((a, b) => a - b),
    );
  }
});

Deno.test("frameRanges() frames the parts as multipart/byteranges", () => {
  const ranges = [{ start: 0, end: 2 }, { start: 8, end: 10 }];
  const { contentType, parts, length } = frameRanges(ranges, 10, "a/b", "XX");
  assertEquals(contentType, "multipart/byteranges; boundary=XX");
  const text = parts.map((part) =>
    part instanceof Uint8Array
      ? new TextDecoder().decode(part)
      : "#".repeat(part.end - part.start)
  ).join("");
  assertEquals(
    text,
    "--XX\r\nContent-Type: a/b\r\nContent-Range: bytes 0-1/10\r\n\r\n##\r\n" +
      "--XX\r\nContent-Type: a/b\r\nContent-Range: bytes 8-9/10\r\n\r\n##\r\n" +
      "--XX--\r\n",
  );
  assert(length === text.length);
});
