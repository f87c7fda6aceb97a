/**
 * `Bun.serve` with its own router. Every route is a function, so that a handler
 * runs for each request, as in the other targets.
 */
// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types

import {
  bytesOf,
  HELLO,
  LONG_FIELDS,
  numberArgument,
  parseSize,
  piecesOf,
} from "./answers.mjs";
import { splitUrl } from "./split_url.mjs";

const BYTES = { headers: { "content-type": "application/octet-stream" } };
const LONG = { headers: new Headers([...LONG_FIELDS]) };

function sized(text, make) {
  const size = parseSize(text);
  return size === null
    ? new Response(null, { status: 400 })
    : new Response(make(size), BYTES);
}

function search({ url, headers }) {
  return Response.json({
    ...splitUrl(url),
    agent: headers.get("user-agent"),
    language: headers.get("accept-language"),
  });
}

const routes = {
  "/": () => new Response(HELLO),
  "/user/:id": ({ params }) => new Response(params.id),
  "/json": () => Response.json({ message: HELLO }),
  "/headers": () => new Response(HELLO, LONG),
  "/search": search,
  "/bytes/:n": ({ params }) => sized(params.n, bytesOf),
  "/chunked/:n": ({ params }) => sized(params.n, piecesOf),
  "/echo": async (request) => new Response(await request.bytes(), BYTES),
};
for (let index = 0; index < numberArgument("routes", 0); index++) {
  const text = String(index);
  routes[`/route${index}`] = () => new Response(text);
}

globalThis.Bun.serve({
  hostname: "127.0.0.1",
  port: numberArgument("port", 8080),
  routes,
});
