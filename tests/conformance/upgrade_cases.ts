/** Section 3, CONNECT and Upgrade where the protocol stays HTTP/1.1 (R84 to R87). */

import {
  answers,
  type ConformanceCase,
  refuses,
  serves,
} from "../support/conformance_case.ts";

const UPGRADE = "Connection: upgrade\r\nUpgrade: x\r\n";

export const upgradeCases: readonly ConformanceCase[] = [
  answers(
    "R84: CONNECT without a handler",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    501,
    { ending: "closes" },
  ),
  refuses(
    "R84: CONNECT with a length",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 5\r\n\r\nhello",
  ),
  refuses(
    "R84: chunked CONNECT",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ),
  serves(
    "R84: CONNECT with a length of 0",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 0\r\n\r\n",
    { method: "CONNECT" },
    { statuses: [300], ending: "closes" },
  ),
  serves(
    "R85: an offer that is declined changes nothing",
    `GET /a HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`,
    [{ path: "/a", body: "" }, { path: "/b", body: "hello" }],
  ),
  serves(
    "R86: an offer with a length",
    `POST / HTTP/1.1\r\nHost: a\r\n${UPGRADE}Content-Length: 5\r\n\r\nhello`,
    { body: "hello", fields: { upgrade: "x" } },
  ),
  serves(
    "R86: an offer of TLS with chunks",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    [{ path: "/a", body: "hello", fields: { upgrade: "TLS/1.2" } }, {
      path: "/b",
      body: "",
    }],
  ),
  serves(
    "R86: an offer with a length of 0",
    `POST / HTTP/1.1\r\nHost: a\r\n${UPGRADE}Content-Length: 0\r\n\r\n`,
    { body: "" },
  ),
  serves(
    "R87: an offer in HTTP/1.0",
    `POST / HTTP/1.0\r\nHost: a\r\n${UPGRADE}Content-Length: 5\r\n\r\nhello`,
    { body: "hello", fields: { upgrade: "x" } },
    { ending: "closes" },
  ),
  serves(
    "R87: Upgrade without Connection",
    "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhello",
    { body: "hello" },
  ),
  serves(
    "R87: h2c",
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: 5\r\n\r\nhello",
    { body: "hello" },
  ),
];
