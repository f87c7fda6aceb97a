/**
 * The floor of the default engine: reads and writes by the runtime's public
 * interface and knows nothing of HTTP. Each read counts as one request, so that
 * it serves only peers that wait for each answer. What it costs, every server
 * on `Deno.listen` costs.
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
      // It is not waited for: answers this small fit into any socket buffer.
      conn.write(ANSWER).catch(() => {});
    }
  } catch {
    // The peer was cut off.
  }
  conn.close();
}
