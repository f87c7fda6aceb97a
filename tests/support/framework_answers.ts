/**
 * Requests that the applications of all frameworks answer, and the comparison of
 * their answers on `Deno.serve()` with those on each engine of this package.
 */

import { assert, assertEquals } from "@std/assert";
import { FILE_TEXT } from "../fetch/frameworks/pieces.ts";
import { type FetchModule, serve } from "../../fetch/mod.ts";
import { ResponseReader } from "./raw_client.ts";

/** One request, and how to see that it was served at all. */
interface Exchange {
  readonly name: string;
  readonly line: string;
  readonly fields?: readonly string[];
  readonly body?: string;
  /** Statuses that the frameworks have for it. */
  readonly statuses: readonly number[];
  /** Text that the response has somewhere in its head or body. */
  readonly includes?: string;
}

const UPLOAD =
  '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nT\r\n' +
  '--x\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n' +
  `Content-Type: text/plain\r\n\r\n${FILE_TEXT}\r\n--x--\r\n`;

const EXCHANGES: readonly Exchange[] = [
  {
    name: "params and query",
    line: "GET /users/4%202?q=a%26b",
    statuses: [200],
    includes: '"q":"a&b"',
  },
  {
    name: "HEAD",
    line: "HEAD /users/42",
    statuses: [200, 404], // itty-router has no HEAD of its own
  },
  {
    name: "JSON",
    line: "POST /json",
    fields: ["Content-Type: application/json"],
    body: '{"a":[1,"\xc3\xa9"]}',
    statuses: [201],
    includes: '"a":[1,"\xc3\xa9"]',
  },
  {
    name: "JSON that is broken",
    line: "POST /json",
    fields: ["Content-Type: application/json"],
    body: "{",
    statuses: [400, 500],
  },
  { name: "text", line: "GET /text", statuses: [200], includes: "plain" },
  {
    name: "HTML",
    line: "GET /html",
    statuses: [200],
    includes: "<p>\xc3\xa9</p>",
  },
  { name: "no content", line: "GET /empty", statuses: [204] },
  {
    name: "redirect",
    line: "GET /redirect",
    statuses: [303],
    includes: "/text",
  },
  { name: "streaming", line: "GET /stream", statuses: [200], includes: "abc" },
  {
    name: "HEAD of a stream",
    line: "HEAD /stream",
    statuses: [200, 404],
  },
  { name: "SSE", line: "GET /sse", statuses: [200], includes: "data: one" },
  {
    name: "cookies",
    line: "GET /cookies",
    fields: ["Cookie: name=value; other=1"],
    statuses: [200],
    includes: "b=2",
  },
  {
    name: "upload",
    line: "POST /upload",
    fields: ["Content-Type: multipart/form-data; boundary=x"],
    body: UPLOAD,
    statuses: [200],
    includes: '"name":"f.txt","type":"text/plain","size":15',
  },
  { name: "error", line: "GET /error", statuses: [500] },
  { name: "no route", line: "GET /none", statuses: [404] },
  { name: "another method", line: "DELETE /text", statuses: [404, 405] },
  { name: "OPTIONS", line: "OPTIONS /text", statuses: [200, 204, 404, 405] },
];

/** What an exchange gave. */
interface Answer {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
}

/**
 * Fields in which the servers differ: the date; and framing, since a stream that
 * ends at once has a length here and chunks there, and `Deno.serve()` gives the
 * 204 of some frameworks a length of 0, which RFC 9110 §8.6 forbids.
 */
const DIFFERENT = /^(?:date|content-length|transfer-encoding|connection): /;

async function ask(port: number, exchange: Exchange): Promise<Answer> {
  const { line, fields = [], body } = exchange;
  const head = [`${line} HTTP/1.1`, "Host: example.org", ...fields];
  if (body !== undefined) head.push(`Content-Length: ${body.length}`);
  using conn = await Deno.connect({ port });
  const wire = `${head.join("\r\n")}\r\n\r\n${body ?? ""}`;
  await conn.write(Uint8Array.from(wire, (unit) => unit.charCodeAt(0)));
  const buffer = new Uint8Array(65_536);
  const reader = new ResponseReader(async () => {
    const size = await conn.read(buffer);
    return size === null ? null : buffer.slice(0, size);
  });
  const response = await reader.response(line.startsWith("HEAD "));
  const lines = response.head.split("\r\n").slice(1, -1).map((text) => {
    const colon = text.indexOf(":");
    return text.slice(0, colon).toLowerCase() + text.slice(colon);
  });
  return {
    status: response.status,
    fields: lines.filter((text) => !DIFFERENT.test(text)).sort(),
    body: response.body,
  };
}

/** Asks an application for everything, on each server, and compares the answers. */
export async function assertSameAnswers(app: FetchModule): Promise<void> {
  await using runtime = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => app.fetch(request, undefined as never),
  );
  await using listen = serve({ hostname: "127.0.0.1", port: 0 }, app);
  await using epoll = serve({
    hostname: "127.0.0.1",
    port: 0,
    engine: Deno.build.os === "linux" ? "epoll" : "listen",
  }, app);
  for (const exchange of EXCHANGES) {
    const expected = await ask(runtime.addr.port, exchange);
    const what = `${exchange.name}: ${JSON.stringify(expected)}`;
    assert(exchange.statuses.includes(expected.status), what);
    if (exchange.includes !== undefined) {
      assert(
        JSON.stringify(expected).includes(
          JSON.stringify(exchange.includes).slice(1, -1),
        ),
        what,
      );
    }
    for (const { port } of [listen, epoll]) {
      assertEquals(await ask(port, exchange), expected, exchange.name);
    }
  }
}
