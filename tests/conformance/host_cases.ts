/** Section 2, Host (R47 to R50). */

import {
  type ConformanceCase,
  refuses,
  serves,
} from "../support/conformance_case.ts";

function hosts(
  row: string,
  list: readonly string[],
  make: (name: string, wire: string, host: string) => ConformanceCase,
): ConformanceCase[] {
  return list.map((host) =>
    make(
      `${row}: Host ${JSON.stringify(host)}`,
      `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      host,
    )
  );
}

export const hostCases: readonly ConformanceCase[] = [
  refuses("R47: no Host", "GET / HTTP/1.1\r\n\r\n"),
  refuses("R47: no Host among others", "POST / HTTP/1.1\r\nHosts: a\r\n\r\n"),
  refuses(
    "R47: an absolute-form target does not replace Host",
    "GET http://a/ HTTP/1.1\r\n\r\n",
  ),
  refuses(
    "R47: an authority-form target does not replace Host",
    "CONNECT a:443 HTTP/1.1\r\n\r\n",
  ),
  refuses("R47: no Host for an asterisk", "OPTIONS * HTTP/1.1\r\n\r\n"),
  serves(
    "R47: HTTP/1.0 without Host",
    "GET / HTTP/1.0\r\n\r\n",
    { version: 0, lines: [] },
    { ending: "closes" },
  ),
  refuses("R48: two lines", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
  refuses(
    "R48: two lines in HTTP/1.0",
    "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n",
  ),
  refuses("R48: a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
  refuses(
    "R48: a list in HTTP/1.0",
    "GET / HTTP/1.0\r\nHost: a,b\r\n\r\n",
  ),
  ...hosts("R49", [
    "",
    "a b",
    "a/b",
    "a?x",
    "a#f",
    "u@a",
    "http://a",
    "a:b",
    "a:65536",
    "a:99999",
    "a:-1",
    "a:80:80",
    ":80",
    "[::1",
    "[::1]x",
    "[]",
    "[::g]",
    "[1::2::3]",
    "[::1.2.3]",
    "%41",
    "a\\b",
    '"a"',
    "a\x80",
  ], (name, wire) => refuses(name, wire)),
  ...hosts("R50", [
    "a",
    "A.Example:8080",
    "a:",
    "127.0.0.1",
    "[::1]:80",
    "[2001:DB8::1.2.3.4]",
    "a_b",
    "a:65535",
  ], (name, wire, host) => serves(name, wire, { fields: { host } })),
  serves(
    "R50: a target and Host are compared without case and default port",
    "GET http://A.Example/x HTTP/1.1\r\nHost: a.eXample:80\r\n\r\n",
    { path: "/x", authority: "A.Example" },
  ),
  serves(
    "R50: an empty port is the default one",
    "GET http://a:/x HTTP/1.1\r\nHost: a:80\r\n\r\n",
    { path: "/x" },
  ),
];
