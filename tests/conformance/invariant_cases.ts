/** Section 0, the invariants. The runner itself checks R1; R7 and R57 have their own file. */

import {
  type ConformanceCase,
  refuses,
  serves,
} from "../support/conformance_case.ts";

export const invariantCases: readonly ConformanceCase[] = [
  serves(
    "R1: a split absolute-form target reads like a whole one",
    "GET http://example.com/a HTTP/1.1\r\nHost: example.com\r\n\r\n",
    { target: "http://example.com/a", path: "/a" },
  ),
  serves(
    "R2: bytes of a value become the same code units",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9 \x85 \xa0 \xe2\x84\xaa \x80\x9f\r\n\r\n",
    { fields: { x: "\xc3\xa9 \x85 \xa0 \xe2\x84\xaa \x80\x9f" } },
  ),
  refuses(
    "R2: UTF-8 in a name",
    "GET / HTTP/1.1\r\nHost: a\r\nX-\xe2\x84\xaa: x\r\n\r\n",
  ),
  refuses(
    "R2: UTF-8 in a method",
    "\xe2\x84\xaaGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ),
  refuses(
    "R3: an invalid line gets one response, and nothing after it is read",
    "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n",
  ),
  refuses("R4: the first byte of a TLS hello", "\x16", 400, {
    ending: "closes immediately",
  }),
  refuses("R4: a TLS hello", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
  refuses("R4: an SSH banner", "SSH-2.0-x\r", 400, {
    ending: "closes immediately",
  }),
  refuses("R4: 9 KiB without SP or CRLF", "A".repeat(9216), 501, {
    ending: "closes immediately",
  }),
  refuses("R4: the first 33 bytes of them", "A".repeat(33), 501, {
    ending: "closes immediately",
  }),
  refuses(
    "R5: the response repeats no byte of the request",
    "GET /<script> HTTP/1.1\r\nHost: a\r\n\r\n",
  ),
  refuses(
    "R5: the response repeats no byte of a field",
    "GET / HTTP/1.1\r\nHost: a\r\nX: <script>\r\n<script>: x\r\n\r\n",
  ),
  serves(
    "R6: names of an object's members are plain data",
    "POST /?__proto__=1 HTTP/1.1\r\nHost: a\r\n__proto__: p\r\nconstructor: c\r\nhasOwnProperty: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n__proto__: t\r\nconstructor: u\r\n\r\n",
    {
      query: "__proto__=1",
      lines: [
        ["Host", "a"],
        ["__proto__", "p"],
        ["constructor", "c"],
        ["hasOwnProperty", "h"],
        ["Transfer-Encoding", "chunked"],
      ],
      fields: { __proto__: "p", constructor: "c", hasownproperty: "h" },
      trailers: [["__proto__", "t"], ["constructor", "u"]],
    },
  ),
];
