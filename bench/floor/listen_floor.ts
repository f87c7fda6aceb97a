/**
 * The floor of the listen engine: reads and writes through the runtime's public
 * API, without HTTP. Each read counts as one request, so it serves only clients
 * that wait for each response. Every server on `Deno.listen` pays this cost.
 */

import { HELLO, numberArgument } from "../targets/answers.mjs";

const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\n" +
    "content-type: text/plain\r\n" +
    "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n" +
    `content-length: ${HELLO.length}\r\n\r\n${HELLO}`,
);

const listener = Deno.listen({
  hostname: "127.0.0.1",
  port: numberArgument("port", 8080),
});
for await (const conn of listener) answerAll(conn);

async function answerAll(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    while (await conn.read(buffer) !== null) {
      // Not awaited: responses this small fit into any socket buffer.
      conn.write(ANSWER).catch(() => {});
    }
  } catch {
    // The peer reset the connection.
  }
  conn.close();
}
