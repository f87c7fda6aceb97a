/**
 * The floor of fetch handlers on the listen engine: as `listen_floor.ts`, but each
 * read calls the fetch handler of the comparison. Nothing is parsed and nothing of
 * the response is read, so every adapter on `Deno.listen` costs more.
 */

import { HELLO, numberArgument } from "../targets/answers.mjs";
import { fetchHandler } from "../targets/fetch_handler.ts";

function answer(type: string, body: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\n" +
      `content-type: ${type}\r\n` +
      "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n" +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
}

const TEXT = answer("text/plain;charset=UTF-8", HELLO);
const JSON_SUM = answer("application/json", '{"sum":60}');

/** The first byte of a POST. */
const LETTER_P = 0x50;

/** What the handler reads of the requests of two cases, hello and json-post. */
const GET = { method: "GET", url: "http://127.0.0.1/" } as Request;
const POST = {
  method: "POST",
  url: "http://127.0.0.1/sum",
  json: () => Promise.resolve(JSON.parse('{"values":[10,20,30]}')),
} as Request; // as above

const listener = Deno.listen({
  hostname: "127.0.0.1",
  port: numberArgument("port", 8080),
});
for await (const conn of listener) answerAll(conn);

async function answerAll(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    while (await conn.read(buffer) !== null) {
      const isPost = buffer[0] === LETTER_P;
      const outcome = fetchHandler(isPost ? POST : GET);
      const response = outcome instanceof Response ? outcome : await outcome;
      if (response.status !== 200) break;
      // Not awaited: responses this small fit into any socket buffer.
      conn.write(isPost ? JSON_SUM : TEXT).catch(() => {});
    }
  } catch {
    // The peer reset the connection.
  }
  conn.close();
}
