/** Section 2, fields that are rejected (R32 to R40, R43, R45). */

import { type ConformanceCase, refuses } from "../support/conformance_case.ts";

/** Cases whose field lines after Host are `text`, without the last CRLF. */
function fields(row: string, list: readonly string[]): ConformanceCase[] {
  return list.map((text) =>
    refuses(
      `${row}: ${JSON.stringify(text)}`,
      `GET / HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n`,
    )
  );
}

/** Cases whose whole head is `text`. */
function heads(row: string, list: readonly string[]): ConformanceCase[] {
  return list.map((text) => refuses(`${row}: ${JSON.stringify(text)}`, text));
}

function repeated(name: string, values: readonly string[]): ConformanceCase[] {
  const isHost = name === "Host";
  return values.map((second) =>
    refuses(
      `R45: two lines of ${name}, ${values[0]} and ${second}`,
      `POST / HTTP/1.1\r\n${isHost ? "" : "Host: a\r\n"}${name}: ${
        values[0]
      }\r\nX: y\r\n${name.toLowerCase()}: ${second}\r\n\r\n`,
    )
  );
}

const CONTROLS = Array.from({ length: 32 }, (_, byte) => byte)
  .filter((byte) => ![0x09, 0x0a, 0x0d].includes(byte)).concat(0x7f);

const CONTROL_FIELDS = [
  "Content-Length",
  "Transfer-Encoding",
  "Connection",
  "Expect",
  "Upgrade",
  "Trailer",
  "TE",
];

export const fieldFaultCases: readonly ConformanceCase[] = [
  ...fields("R32", [
    ": v",
    ":",
    "Content-Length 5",
    "foo",
    "Transfer-\r\nEncoding: chunked",
  ]),
  ...fields("R33", [
    "Content-Length : 5",
    "Content-Length\t: 5",
    "Transfer-Encoding\x0b: chunked",
  ]),
  ...heads("R33", ["GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"]),
  ...fields("R34", [
    "Fo@: x",
    "a[]: x",
    "Fo o: x",
    '"a": x',
    "F\x01: x",
    "F\x00: x",
    "F\xf6: x",
    "Content-Length\xa0: 5",
    "\x85Host: a",
    "Content-Length\x85: 5",
  ]),
  ...heads("R35", [
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "GET / HTTP/1.1\r\n\tContent-Length: 1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n",
  ]),
  ...fields("R36", [
    "A: b\r\n c",
    "A: b\r\n\tc",
    "A:\r\n b",
    "Transfer-Encoding:\r\n chunked",
    "A: b\r\n Content-Length: 9",
    "name\r\n : v",
    "A: b\r\n ",
  ]),
  ...fields("R37", ["A: b\nContent-Length: 5", "A:\n\nGET"]),
  ...heads("R37", [
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n",
    "GET / HTTP/1.1\r\n\nHost: a\r\n\r\n",
  ]),
  ...fields("R38", [
    "A: b\rc",
    "Foo: 1\rBar: 2",
    "x:\rTransfer-Encoding: chunked",
    "Connection\r: x",
    "Content\rLength: 3",
    "A: b\r",
  ]),
  ...heads("R39", [
    "GET / HTTP/1.1\r\nHost: a\r\n\rZGET /evil: HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\rX",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
  ]),
  ...heads("R40", ["GET / HTTP/1.1\r\nHost: a\x00.b\r\n\r\n"]),
  ...fields(
    "R40",
    CONTROLS.map((byte) => `A: b${String.fromCharCode(byte)}c`),
  ),
  ...fields("R43", CONTROL_FIELDS.map((name) => `${name}: \xff`)),
  ...fields("R43", CONTROL_FIELDS.map((name) => `${name}: D\xfcsseldorf`)),
  ...heads("R43", ["GET / HTTP/1.1\r\nHost: D\xfcsseldorf\r\n\r\n"]),
  ...repeated("Host", ["a", "b"]),
  ...repeated("Content-Length", ["5", "6"]),
  ...repeated("Transfer-Encoding", ["chunked", "gzip"]),
  ...repeated("Content-Type", ["text/plain", "text/html"]),
  ...repeated("Authorization", ["Basic YQ==", "Basic Yg=="]),
  ...repeated("Proxy-Authorization", ["Basic YQ==", "Basic Yg=="]),
];
