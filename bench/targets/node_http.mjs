/**
 * `node:http` with hand-written routing: literal routes are in a `Map`, the
 * others are matched by prefix. Known lengths are declared.
 */
// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types

import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import {
  bytesOf,
  HELLO,
  LONG_FIELDS,
  numberArgument,
  parseSize,
  piecesOf,
} from "./answers.mjs";
import { splitUrl } from "./split_url.mjs";

const LONG = Object.fromEntries(LONG_FIELDS);

function send(response, type, body, fields) {
  response.writeHead(200, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    ...fields,
  });
  response.end(body);
}

const sendText = (response, text) => send(response, "text/plain", text);

function sendJson(response, value) {
  send(response, "application/json", JSON.stringify(value));
}

function sendBytes(response, bytes) {
  send(response, "application/octet-stream", bytes);
}

async function sendPieces(response, size) {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  for await (const piece of piecesOf(size)) {
    if (response.write(piece)) continue;
    await new Promise((resolve) => response.once("drain", resolve));
  }
  response.end();
}

function sized(response, text, give) {
  const size = parseSize(text);
  if (size === null) response.writeHead(400).end();
  else give(response, size);
}

function echo(request, response) {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => sendBytes(response, Buffer.concat(pieces)));
}

const routes = new Map([
  ["/", (_, response) => sendText(response, HELLO)],
  ["/json", (_, response) => sendJson(response, { message: HELLO })],
  ["/headers", (_, response) => send(response, "text/plain", HELLO, LONG)],
  ["/search", ({ headers }, response, query) =>
    sendJson(response, {
      path: "/search",
      query,
      agent: headers["user-agent"],
      language: headers["accept-language"],
    })],
]);
for (let index = 0; index < numberArgument("routes", 0); index++) {
  const text = String(index);
  routes.set(`/route${index}`, (_, response) => sendText(response, text));
}

const server = createServer((request, response) => {
  if (request.method !== "GET") return echo(request, response);
  const { path, query } = splitUrl(request.url);
  const literal = routes.get(path);
  if (literal !== undefined) literal(request, response, query);
  else if (path.startsWith("/user/")) sendText(response, path.slice(6));
  else if (path.startsWith("/bytes/")) {
    sized(response, path.slice(7), (to, size) => sendBytes(to, bytesOf(size)));
  } else if (path.startsWith("/chunked/")) {
    sized(response, path.slice(9), sendPieces);
  } else response.writeHead(404).end();
});
server.listen(numberArgument("port", 8080), "127.0.0.1");
