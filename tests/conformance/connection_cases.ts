/** Section 4, connection management, where bytes and outcome show it (R89 to R109). */

import {
  breaks,
  type CaseExtras,
  type ConformanceCase,
  refuses,
  serves,
} from "../support/conformance_case.ts";

/** A request for `/a` with these field lines. */
function get(fields: string, version = "1.1"): string {
  return `GET /a HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;
}

const CLOSES: CaseExtras = { ending: "closes" };

const closing: readonly string[] = [
  "Connection: close\r\n",
  "Connection: foo, Close , bar\r\n",
  "Connection: keep-alive, close\r\n",
  "Connection: , close,\r\n",
  "Connection: close\t\r\n",
  "Connection:\tCLOSE\r\n",
  "Connection: keep-alive\r\nConnection: close\r\n",
  "Connection: close\r\nX: y\r\nConnection: keep-alive\r\n",
];

const meaningless: readonly string[] = [
  "Connection: xclose\r\n",
  "Connection: closed\r\n",
  "Connection: clos, e\r\n",
  "Proxy-Connection: close\r\n",
  "Keep-Alive: timeout=1\r\n",
  "Close: close\r\n",
];

const garbled: readonly string[] = [
  "Connection: cl ose\r\n",
  "Connection: (x)\r\n",
  "Connection: close; x\r\n",
  'Connection: "close"\r\n',
  "Connection: keep-alive\r\nConnection: cl ose\r\n",
];

const expectations: readonly string[] = [
  "foo",
  "100-continue, foo",
  "100-continue;x=1",
  "100-continue=1",
  "100",
];

export const connectionCases: readonly ConformanceCase[] = [
  serves("R89: HTTP/1.1 persists by itself", get("") + get(""), [
    { path: "/a", version: 1 },
    { path: "/a", version: 1 },
  ]),
  serves(
    "R89: keep-alive changes nothing",
    get("Connection: keep-alive\r\n"),
    {
      path: "/a",
    },
  ),
  serves("R90: HTTP/1.0 ends", get("", "1.0"), { version: 0 }, CLOSES),
  serves(
    "R90: HTTP/1.0 closes whatever it asks for",
    get("Connection: keep-alive\r\n", "1.0"),
    { version: 0 },
    CLOSES,
  ),
  serves(
    "R90: http10KeepAlive without a request for keep-alive closes",
    get("", "1.0"),
    { version: 0 },
    { ...CLOSES, options: { http10KeepAlive: true } },
  ),
  ...closing.map((fields) =>
    serves(
      `R91: ${JSON.stringify(fields)} closes`,
      get(fields),
      { path: "/a" },
      CLOSES,
    )
  ),
  ...meaningless.map((fields) =>
    serves(`R92: ${JSON.stringify(fields)} says nothing`, get(fields), {
      path: "/a",
    })
  ),
  ...garbled.map((fields) =>
    refuses(`R93: ${JSON.stringify(fields)}`, get(fields))
  ),
  serves(
    "R94: Connection removes no field",
    "POST /a HTTP/1.1\r\nConnection: content-length, host, authorization\r\n" +
      "Content-Length: 5\r\nHost: a\r\nAuthorization: Basic eDp5\r\n\r\nhello",
    {
      body: "hello",
      fields: {
        "content-length": "5",
        host: "a",
        authorization: "Basic eDp5",
        connection: "content-length, host, authorization",
      },
    },
  ),
  serves(
    "R94: Connection removes no coding",
    "POST /a HTTP/1.1\r\nHost: a\r\nConnection: transfer-encoding\r\n" +
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    { body: "hello" },
  ),
  serves(
    "R95: bytes after a request that closes are not read",
    get("Connection: close\r\n") + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    { path: "/a" },
    CLOSES,
  ),
  serves(
    "R95: bytes after the body of a request that closes are not read",
    "POST /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello" +
      "\x16\x03\x01 no HTTP",
    { path: "/1", body: "hello" },
    CLOSES,
  ),
  serves(
    "R97: consecutive bodies are kept apart",
    "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nAAA" +
      "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nBBBB" +
      "PATCH /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nCCCCC",
    [
      { method: "POST", path: "/1", body: "AAA" },
      { method: "PUT", path: "/2", body: "BBBB" },
      { method: "PATCH", path: "/3", body: "CCCCC" },
    ],
  ),
  serves(
    "R97: a chunked body ends where its terminator does",
    "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nAAA\r\n0\r\n\r\n" +
      "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n0\r\n\r",
    [
      { method: "POST", path: "/1", body: "AAA" },
      { method: "PUT", path: "/2", body: "0\r\n\r" },
    ],
  ),
  ...expectations.map((value) =>
    refuses(
      `R107: Expect: ${value}`,
      `POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: ${value}\r\n\r\n`,
      417,
    )
  ),
  serves(
    "R108: a request is answered although the peer has ended",
    get(""),
    { path: "/a" },
    { ending: "ended by peer" },
  ),
  serves(
    "R108: a request with a body is answered although the peer has ended",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    { path: "/a", body: "hello" },
    { ending: "ended by peer" },
  ),
  refuses(
    "R109: the end inside a head",
    "GET /a HTTP/1.1\r\nHost: a\r\n",
    400,
    {
      ending: "ended by peer",
    },
  ),
  breaks(
    "R109: the end inside a body of declared length",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhello",
    "TRUNCATED_BODY",
    400,
    { ending: "ended by peer" },
  ),
  breaks(
    "R109: the end inside a chunked body, after a whole chunk",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "TRUNCATED_BODY",
    400,
    { ending: "ended by peer" },
  ),
];
