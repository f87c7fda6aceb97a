/**
 * A fetch handler with fast hand-written routing: the path is cut out of the URL,
 * literal routes are in a `Map`, the others are matched by prefix. `new URL(…)`
 * would cost more.
 */

import {
  bytesOf,
  HELLO,
  LONG_FIELDS,
  numberArgument,
  parseSize,
  piecesOf,
  sumOf,
} from "./answers.mjs";
import { splitUrl } from "./split_url.mjs";

type Answer = (request: Request, query: string) => Response;

const BYTES = new Headers({ "content-type": "application/octet-stream" });
const LONG = new Headers(LONG_FIELDS.map(([name, value]) => [name, value]));

const routes = new Map<string, Answer>([
  ["/", () => new Response(HELLO)],
  ["/json", () => Response.json({ message: HELLO })],
  ["/headers", () => new Response(HELLO, { headers: LONG })],
  ["/search", search],
]);
for (let index = 0; index < numberArgument("routes", 0); index++) {
  routes.set(`/route${index}`, () => new Response(String(index)));
}

function search({ headers }: Request, query: string): Response {
  return Response.json({
    path: "/search",
    query,
    agent: headers.get("user-agent"),
    language: headers.get("accept-language"),
  });
}

function sized(text: string, make: (size: number) => BodyInit): Response {
  const size = parseSize(text);
  return size === null
    ? new Response(null, { status: 400 })
    : new Response(make(size), { headers: BYTES });
}

function stream(size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(piecesOf(size));
}

async function answer(request: Request): Promise<Response> {
  if (splitUrl(request.url).path === "/sum") {
    const { values } = await request.json();
    return Response.json({ sum: sumOf(values) });
  }
  return new Response(await request.bytes(), { headers: BYTES });
}

/** Answers the requests of all cases. */
export function fetchHandler(request: Request): Response | Promise<Response> {
  if (request.method !== "GET") return answer(request);
  const { path, query } = splitUrl(request.url);
  const literal = routes.get(path);
  if (literal !== undefined) return literal(request, query);
  if (path.startsWith("/user/")) return new Response(path.slice(6));
  if (path.startsWith("/bytes/")) return sized(path.slice(7), bytesOf);
  if (path.startsWith("/chunked/")) return sized(path.slice(9), stream);
  return new Response(null, { status: 404 });
}
