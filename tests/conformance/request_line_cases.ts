/** Section 1 without targets: methods, white space, versions (R8 to R15, R25 to R28). */

import {
  answers,
  type ConformanceCase,
  refuses,
  serves,
} from "../support/conformance_case.ts";

/** Cases whose request line is `line`, with a valid rest. */
function lines(
  row: string,
  list: readonly string[],
  status?: number,
): ConformanceCase[] {
  return list.map((line) =>
    refuses(
      `${row}: ${JSON.stringify(line)}`,
      `${line}\r\nHost: a\r\n\r\n`,
      status,
    )
  );
}

const SYMBOLS = "X!#$%&'*+-.^_`|~9";

export const requestLineCases: readonly ConformanceCase[] = [
  serves(
    "R8: a method with a hyphen",
    "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n",
    { method: "M-SEARCH" },
  ),
  serves(
    "R8: a method with every kind of tchar",
    `${SYMBOLS} / HTTP/1.1\r\nHost: a\r\n\r\n`,
    { method: SYMBOLS },
  ),
  serves("R8: a method keeps its case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", {
    method: "get",
  }),
  answers(
    "R9: an unknown method",
    "FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
    501,
  ),
  answers(
    "R9: get is not GET",
    "get / HTTP/1.1\r\nHost: a\r\n\r\n",
    501,
  ),
  answers(
    "R9: a known path with another method",
    "DELETE /known HTTP/1.1\r\nHost: a\r\n\r\n",
    405,
    { responseFields: { allow: "GET, HEAD, OPTIONS" } },
  ),
  ...lines("R10", [
    " / HTTP/1.1",
    "GE(T / HTTP/1.1",
    "G\x00T / HTTP/1.1",
    "G\xffT / HTTP/1.1",
    "GET: / HTTP/1.1",
  ]),
  serves(
    "R11: a method of 32 bytes",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\nHost: a\r\n\r\n",
    { method: "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF" },
  ),
  refuses(
    "R11: a method whose byte 33 is not SP",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG",
    501,
    { ending: "closes immediately" },
  ),
  ...lines("R12", [
    "GET  / HTTP/1.1",
    "GET /  HTTP/1.1",
    " GET / HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET\t/ HTTP/1.1",
    "GET /\tHTTP/1.1",
    "GET /\x0bHTTP/1.1",
    "GET /\x0cHTTP/1.1",
  ]),
  ...lines("R13", ["GET /a b HTTP/1.1", "GET / HTTP/1.1 HTTP/1.1"]),
  refuses(
    "R14: bare LFs",
    "GET / HTTP/1.1\nHost: a\n\n",
  ),
  refuses(
    "R14: a bare CR for a line end",
    "GET / HTTP/1.1\rHost: a\r\n\r\n",
  ),
  refuses(
    "R14: CR CR",
    "GET / HTTP/1.1\r\rHost: a\r\n\r\n",
  ),
  refuses(
    "R14: two other bytes after the version",
    "GET / HTTP/1.1XXHost: a\r\n\r\n",
  ),
  serves(
    "R15: one CRLF before the first request",
    "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    { method: "GET", path: "/a" },
  ),
  serves(
    "R15: one CRLF after a body",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    [{ path: "/a", body: "hello" }, { path: "/b" }],
  ),
  refuses(
    "R15: a second CRLF",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ),
  refuses("R15: a bare LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
  refuses("R15: a bare CR", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
  refuses(
    "R15: a line of white space",
    "   \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ),
  serves("R25: HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", { version: 1 }),
  serves(
    "R25: HTTP/1.0",
    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    { version: 0 },
    { ending: "closes" },
  ),
  ...lines("R26", [
    "GET / HTTP/1.2",
    "GET / HTTP/1.9",
    "GET / HTTP/2.0",
    "GET / HTTP/3.0",
    "GET / HTTP/9.9",
    "GET / HTTP/0.9",
  ], 505),
  refuses(
    "R26: the preface of HTTP/2",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    505,
  ),
  refuses("R26: nothing but the request line", "GET / HTTP/2.0\r\n", 505, {
    ending: "closes immediately",
  }),
  ...lines("R27", [
    "GET / http/1.1",
    "GET / HTTP/1.10",
    "GET / HTTP/01.1",
    "GET / HTTP/1.",
    "GET / HTTP/1",
    "GET / HTTP/1,1",
    "GET / HTTP /1.1",
    "GET / HTTPS/1.1",
    "GET / ICE/1.0",
    "GET / HTTP/1.1\x00",
    "GET / ",
  ]),
  refuses("R28: a request of HTTP/0.9", "GET /\r", 400, {
    ending: "closes immediately",
  }),
  refuses("R28: a request of HTTP/0.9 and an empty line", "GET /\r\n\r\n"),
];
