/**
 * The floor of fetch handlers on the listen engine: as `listen_floor.ts`, but each
 * read calls the fetch handler of the comparison. Nothing is parsed and nothing of
 * the response is read, so every adapter on `Deno.listen` costs more.
 */

import { HELLO, numberArgument } from "../targets/answers.mjs";
import { fetchHandler } from "../targets/fetch_handler.ts";

const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\n" +
    "content-type: text/plain;charset=UTF-8\r\n" +
    "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n" +
    `content-length: ${HELLO.length}\r\n\r\n${HELLO}`,
);

/** What the handler reads of a request. */
const REQUEST = {
  method: "GET",
  url: "http://127.0.0.1/",
} as Request; // the handler of `/` reads nothing else

const listener = Deno.listen({
  hostname: "127.0.0.1",
  port: numberArgument("port", 8080),
});
for await (const conn of listener) answerAll(conn);

async function answerAll(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    while (await conn.read(buffer) !== null) {
      if (!(fetchHandler(REQUEST) instanceof Response)) break;
      // Not awaited: responses this small fit into any socket buffer.
      conn.write(ANSWER).catch(() => {});
    }
  } catch {
    // The peer reset the connection.
  }
  conn.close();
}
