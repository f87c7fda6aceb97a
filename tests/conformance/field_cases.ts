/** Section 2, fields that are accepted, and their values (R31, R41, R42, R44, R46). */

import { type ConformanceCase, serves } from "../support/conformance_case.ts";

const HEAD = "GET / HTTP/1.1\r\nHost: a\r\n";
const SYMBOLS = "x!#$%&'*+-.^_`|~9";

function reads(
  row: string,
  line: string,
  fields: Readonly<Record<string, string>>,
): ConformanceCase {
  return serves(
    `${row}: ${JSON.stringify(line)}`,
    `${HEAD}${line}\r\n\r\n`,
    { fields, body: "" },
  );
}

export const fieldCases: readonly ConformanceCase[] = [
  reads("R31", `${SYMBOLS}: v`, { [SYMBOLS]: "v" }),
  serves(
    "R31: a name in any case, kept as sent",
    "GET / HTTP/1.1\r\nhOsT:\ta\r\n\r\n",
    { lines: [["hOsT", "a"]], fields: { host: "a" } },
  ),
  reads("R41", "A:b:c", { a: "b:c" }),
  reads("R41", "A: a\tb", { a: "a\tb" }),
  reads("R41", "Foo: a a a", { foo: "a a a" }),
  reads("R41", "A:", { a: "" }),
  reads("R41", "A: \t", { a: "" }),
  reads("R42", "A:\t b \t", { a: "b" }),
  reads("R42", "A: \xa0b\x85", { a: "\xa0b\x85" }),
  serves(
    "R42: Connection with white space after it",
    `${HEAD}Connection: close \t\r\n\r\n`,
    { fields: { connection: "close" } },
    { ending: "closes" },
  ),
  serves(
    "R42: Transfer-Encoding with white space after it",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked \r\n\r\n1\r\nx\r\n0\r\n\r\n",
    { body: "x" },
  ),
  reads("R43", "X: D\xfcsseldorf", { x: "D\xfcsseldorf" }),
  reads("R43", "X: \xff", { x: "\xff" }),
  serves(
    "R44: lines of one name are joined, and also available separately",
    `${HEAD}X: one\r\nY: \r\nx: two\r\n\r\n`,
    {
      lines: [["Host", "a"], ["X", "one"], ["Y", ""], ["x", "two"]],
      fields: { x: "one, two" },
    },
  ),
  serves(
    "R44: Cookie lines are joined with a semicolon",
    `${HEAD}Cookie: a=1\r\ncookie: b=2\r\n\r\n`,
    { fields: { cookie: "a=1; b=2" } },
  ),
  reads("R46", "Content_Length: 5", { content_length: "5" }),
  reads("R46", "Transfer_Encoding: chunked", { transfer_encoding: "chunked" }),
  reads("R46", "Content-Length-X: 0", { "content-length-x": "0" }),
  reads("R46", "X-Content-Length: 5", { "x-content-length": "5" }),
  reads("R46", "Close: 1", { close: "1" }),
];
