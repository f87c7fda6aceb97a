/** Requests that open no WebSocket, and their answers (RFC 6455 §4.2.1, RFC 9110 §7.8, §15.5.22). */

import { request } from "../support/serve.ts";
import { HANDSHAKE } from "./client_frames.ts";

/** What the request is, its bytes, the status, and a field of the response. */
export const REFUSED: readonly (readonly [
  what: string,
  wire: string,
  status: number,
  field?: string,
])[] = [
  ["a plain request", request("GET /"), 426, "upgrade"],
  ["HTTP/1.0", `GET / HTTP/1.0\r\nHost: a\r\n${HANDSHAKE}\r\n`, 426, "upgrade"],
  [
    "an offer that Connection does not name",
    request("GET /", HANDSHAKE.replace("Upgrade", "keep-alive")),
    426,
    "upgrade",
  ],
  [
    "another protocol",
    request("GET /", HANDSHAKE.replace("websocket", "chat")),
    426,
    "upgrade",
  ],
  ["POST", request("POST /", HANDSHAKE), 405, "allow"],
  ["a body", request("GET /", HANDSHAKE, "hello"), 400],
  [
    "a chunked body",
    request("GET /", `${HANDSHAKE}Transfer-Encoding: chunked\r\n`, "0\r\n\r\n"),
    400,
  ],
  [
    "version 8",
    request("GET /", HANDSHAKE.replace("13", "8")),
    426,
    "sec-websocket-version",
  ],
  [
    "no version",
    request("GET /", HANDSHAKE.replace("Sec-WebSocket-Version", "X")),
    426,
    "sec-websocket-version",
  ],
  [
    "no key",
    request("GET /", HANDSHAKE.replace("Sec-WebSocket-Key", "X")),
    400,
  ],
  ["a short key", request("GET /", HANDSHAKE.replace("dGhl", "")), 400],
  [
    "a key that is no base64",
    request("GET /", HANDSHAKE.replace("dGhl", "*Ghl")),
    400,
  ],
  [
    "two keys",
    request(
      "GET /",
      `${HANDSHAKE}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`,
    ),
    400,
  ],
  [
    "a list of extensions that is invalid",
    request("GET /", `${HANDSHAKE}Sec-WebSocket-Extensions: a;=\r\n`),
    400,
  ],
];
