/** Section 1, targets: the four forms, their bytes and their limits (R16 to R24, R29, R30). */

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
      `${line} HTTP/1.1\r\nHost: a\r\n\r\n`,
      status,
    )
  );
}

function path(row: string, target: string): ConformanceCase {
  return serves(
    `${row}: ${JSON.stringify(target)} stays as it is`,
    `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`,
    { target, path: target, query: null, authority: null },
  );
}

/** A field section of `size` bytes, including CRLFs. */
function section(size: number): string {
  return `Host: a\r\nX: ${"x".repeat(size - 14)}\r\n`;
}

function manyFields(count: number): string {
  let text = "Host: a\r\n";
  for (let i = 1; i < count; i++) text += `X-${i}: ${i}\r\n`;
  return text;
}

const LONGEST = `/${"a".repeat(8191)}`;

export const targetCases: readonly ConformanceCase[] = [
  serves(
    "R16: path and query are split and not decoded",
    "GET /where?q=now&x=%2F HTTP/1.1\r\nHost: a\r\n\r\n",
    { path: "/where", query: "q=now&x=%2F" },
  ),
  serves(
    "R16: a second question mark belongs to the query",
    "GET /a??b?c HTTP/1.1\r\nHost: a\r\n\r\n",
    { path: "/a", query: "?b?c" },
  ),
  path("R17", "//evil.example/x"),
  path("R17", "/a/../b"),
  path("R17", "/%2e%2e/etc"),
  path("R17", "/./a//b/"),
  ...lines("R18", [
    "GET /a\x00",
    "GET /a\x1f",
    "GET /a\x7f",
    "GET /\xc3\xa9",
    "GET /a#f",
    'GET /a"b',
    "GET /<x>",
    "GET /a\\b",
    "GET /%",
    "GET /%zz",
    "GET /%4",
    "GET /%4z",
    "GET /%00",
    "GET /?a#f",
    'GET /?"',
    "GET /?%zz",
    "GET /?\x80",
  ]),
  serves(
    "R18: an escaped NUL and a backslash in the query",
    "GET /a?%00\\ HTTP/1.1\r\nHost: a\r\n\r\n",
    { path: "/a", query: "%00\\" },
  ),
  path("R18", "/[a]^{b|c}`"),
  ...["[", "]", "^", "{", "|", "}", "`"].map((char) =>
    refuses(
      `R18: strictTarget and ${char}`,
      `GET /a${char} HTTP/1.1\r\nHost: a\r\n\r\n`,
      400,
      { options: { strictTarget: true } },
    )
  ),
  refuses(
    "R18: strictTarget and [ in the path of an absolute-form target",
    "GET http://[::1]/[ HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    400,
    { options: { strictTarget: true } },
  ),
  serves(
    "R18: strictTarget and an IPv6 address",
    "GET http://[::1]/a HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    { path: "/a", authority: "[::1]" },
    { options: { strictTarget: true } },
  ),
  ...lines("R19", [
    "GET path",
    "GET a.example:80",
    "GET ?x",
    "GET foo/bar",
    "POST a:80",
  ]),
  serves(
    "R20: the asterisk form",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "*", path: "" },
  ),
  answers(
    "R20: the asterisk form by default",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    200,
    { responseFields: { "content-length": "0" } },
  ),
  ...lines("R20", ["GET *", "OPTIONS *x", "OPTIONS /*x*#"]),
  refuses("R20: no SP", "OPTIONS *HTTP/1.1\r\nHost: a\r\n\r\n"),
  serves(
    "R21: an absolute-form target",
    "GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
    { path: "/x", query: "y", authority: "a" },
  ),
  serves(
    "R21: case and the default port make no difference",
    "GET HTTP://A:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
    { path: "/", query: null, authority: "A:80" },
  ),
  serves(
    "R21: a query without a path",
    "GET http://a?x=1 HTTP/1.1\r\nHost: a:\r\n\r\n",
    { path: "/", query: "x=1", authority: "a" },
  ),
  serves(
    "R21: an absolute-form target of an IPv6 host",
    "GET http://[::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
    { path: "/", query: null, authority: "[::1]:8080" },
  ),
  ...lines("R22", [
    "GET http://u:p@a/",
    "GET u@a/",
    "GET ftp://a/",
    "GET http:///x",
    "GET http://a:x/",
    "GET http:/a",
    "GET http://",
  ]),
  refuses(
    "R22: Host names another authority",
    "GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n",
  ),
  refuses(
    "R22: Host names another port",
    "GET http://a/x HTTP/1.1\r\nHost: a:8080\r\n\r\n",
  ),
  refuses(
    "R23: https on a clear-text connection",
    "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    421,
  ),
  serves(
    "R23: https after a trusted proxy",
    "GET https://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n",
    { path: "/", authority: "a" },
    { options: { trustForwardedScheme: true } },
  ),
  serves(
    "R24: the authority form",
    "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    { method: "CONNECT", authority: "a:443", path: "" },
    { statuses: [300], ending: "closes" },
  ),
  ...lines("R24", [
    "CONNECT a",
    "CONNECT a:",
    "CONNECT a:0",
    "CONNECT a:65536",
    "CONNECT /x",
    "CONNECT http://a/",
    "CONNECT u@a:1",
    "CONNECT *",
  ]),
  serves(
    "R29: a target of 8192 bytes",
    `GET ${LONGEST} HTTP/1.1\r\nHost: a\r\n\r\n`,
    { target: LONGEST },
  ),
  refuses("R29: byte 8193 of a target", `GET ${LONGEST}b`, 414, {
    ending: "closes immediately",
  }),
  refuses(
    "R29: a target of 8193 bytes that ends in an escape",
    `GET ${LONGEST.slice(2)}%20 HTTP/1.1\r\nHost: a\r\n\r\n`,
    414,
  ),
  serves(
    "R30: a field section of 16384 bytes",
    `GET / HTTP/1.1\r\n${section(16_384)}\r\n`,
    { path: "/" },
  ),
  refuses(
    "R30: a field section of 16385 bytes",
    `GET / HTTP/1.1\r\n${section(16_385)}\r\n`,
    431,
  ),
  refuses(
    "R30: byte 16385 of a field section",
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(16_385 - 12)}`,
    431,
    { ending: "closes immediately" },
  ),
  serves(
    "R30: 100 field lines",
    `GET / HTTP/1.1\r\n${manyFields(100)}\r\n`,
    { fields: { "x-1": "1", "x-99": "99" } },
  ),
  refuses(
    "R30: 101 field lines, the last of them Content-Length",
    `POST / HTTP/1.1\r\n${manyFields(100)}Content-Length: 5\r\n\r\nhello`,
    431,
  ),
];
