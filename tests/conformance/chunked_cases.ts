/** Section 3, chunks: sizes, extensions, ends (R66 to R76). */

import {
  breaks,
  type ConformanceCase,
  serves,
} from "../support/conformance_case.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

function decodes(row: string, wire: string, body: string): ConformanceCase {
  return serves(`${row}: ${short(wire)}`, HEAD + wire, { body });
}

function faults(
  row: string,
  list: readonly string[],
  code: string,
): ConformanceCase[] {
  return list.map((wire) =>
    breaks(`${row}: ${short(wire)}`, HEAD + wire, code)
  );
}

/** The wire text for a name, shortened if it is long. */
function short(wire: string): string {
  const text = JSON.stringify(wire);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

const A170 = "x".repeat(170);
const REST = "\r\nhello\r\n0\r\n\r\n";

export const chunkedCases: readonly ConformanceCase[] = [
  decodes("R66", "5\r\nhello\r\n0\r\n\r\n", "hello"),
  decodes("R66", `aA\r\n${A170}\r\n0\r\n\r\n`, A170),
  decodes("R66", "0005\r\nhello\r\n000\r\n\r\n", "hello"),
  decodes("R66", "9\r\n\r\n0\r\n\r\nab\r\n0\r\n\r\n", "\r\n0\r\n\r\nab"),
  decodes("R66", "3\r\nabc\r\n2\r\n\0\xff\r\n0\r\n\r\n", "abc\0\xff"),
  decodes("R66", "0\r\n\r\n", ""),
  ...faults(
    "R67",
    ["", "+5", "-1", " 5", "g", ";a"].map((size) => size + REST),
    "INVALID_CHUNK_SIZE",
  ),
  ...faults(
    "R67",
    ["0x5", "5_0", "5 ", "5\t", "5\x00", "5\xb2"].map((size) => size + REST),
    "INVALID_CHUNK_SIZE",
  ),
  ...faults("R68", [
    `00000000000000005${REST}`,
    `20000000000000${REST}`,
    `FFFFFFFFFFFFFFFF${REST}`,
  ], "INVALID_CHUNK_SIZE"),
  ...faults("R69", [
    "5\nhello\r\n0\r\n\r\n",
    "5\r\r\nhello\r\n0\r\n\r\n",
    "5\rXhello\r\n0\r\n\r\n",
    "0\n\n",
  ], "INVALID_LINE_END"),
  ...faults("R69", ["0\r\n\n"], "INVALID_FIELD_NAME"),
  decodes("R70", "5;a\r\nhello\r\n0\r\n\r\n", "hello"),
  decodes(
    "R70",
    '5;a=b;c="q;\\x"\r\nhello\r\n0;x=y\r\n\r\n',
    "hello",
  ),
  ...faults(
    "R71",
    ["5;\r\n", "5;=b\r\n", "5;a=\r\n", '5;a="x\r\n', "5;\r\r\n", "5;a\x01\r\n"]
      .map((line) => `${line}hello\r\n0\r\n\r\n`),
    "INVALID_CHUNK_EXTENSION",
  ),
  ...faults(
    "R71",
    ["5;a\nb\r\n", "5;a\rb\r\n"].map((line) => `${line}hello\r\n0\r\n\r\n`),
    "INVALID_LINE_END",
  ),
  ...faults(
    "R72",
    ["5 ;a\r\n"].map((line) => `${line}hello\r\n0\r\n\r\n`),
    "INVALID_CHUNK_SIZE",
  ),
  ...faults(
    "R72",
    ["5; a\r\n", "5;a =b\r\n", "5;a= b\r\n"].map((line) =>
      `${line}hello\r\n0\r\n\r\n`
    ),
    "INVALID_CHUNK_EXTENSION",
  ),
  decodes("R73", `5;${"a".repeat(1022)}\r\nhello\r\n0\r\n\r\n`, "hello"),
  ...faults(
    "R73",
    [`5;${"a".repeat(1023)}\r\nhello\r\n0\r\n\r\n`],
    "CHUNK_LINE_TOO_LONG",
  ),
  ...faults(
    "R73",
    [`1;${"a".repeat(900)}\r\nx\r\n`.repeat(20)],
    "CHUNK_OVERHEAD_TOO_LARGE",
  ),
  ...faults("R74", [
    "5\r\nhelloXX0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello\r0\r\n\r\n",
  ], "INVALID_CHUNK_END"),
  ...[
    "",
    "5",
    "5\r",
    "5;a",
    "5\r\n",
    "5\r\nhel",
    "5\r\nhello",
    "5\r\nhello\r\n",
    "5\r\nhello\r\n0\r\n",
    "5\r\nhello\r\n0\r\nX-T: y",
    "5\r\nhello\r\n0\r\nX-T: y\r\n",
    "5\r\nhello\r\n0\r\nX-T: y\r\n\r",
  ].map((wire) =>
    breaks(
      `R75: end after ${short(wire)}`,
      HEAD + wire,
      "TRUNCATED_BODY",
      400,
      {
        ending: "ended by peer",
      },
    )
  ),
  breaks(
    "R75: end in a body with a length",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
    "TRUNCATED_BODY",
    400,
    { ending: "ended by peer" },
  ),
  breaks(
    "R76: a total above maxBodyBytes, at the size line",
    `${HEAD}3\r\nabc\r\n3\r\n`,
    "BODY_TOO_LARGE",
    413,
    { options: { maxBodyBytes: 5 }, ending: "closes immediately" },
  ),
  breaks(
    "R76: one size above maxBodyBytes",
    `${HEAD}100000004\r\n`,
    "BODY_TOO_LARGE",
    413,
    { options: { maxBodyBytes: 4_294_967_299 }, ending: "closes immediately" },
  ),
  serves(
    "R76: a total of maxBodyBytes",
    `${HEAD}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
    { body: "abcde" },
    { options: { maxBodyBytes: 5 } },
  ),
];
