/**
 * The floor of echoes on `Deno.listen`: reads as many bytes as a message has, and
 * answers with a frame that was encoded once. It decodes nothing, so only a
 * load with one message in flight gets right answers:
 * `listen_floor.ts PORT SIZE`.
 */

import { encodeFrame, Opcode } from "../../websocket/codec/frame_encoder.ts";

const [port = "0", size = "16"] = Deno.args;
const ANSWER = encodeFrame({
  opcode: Opcode.TEXT,
  payload: new Uint8Array(Number(size)).fill(0x61),
});
/** Messages of the client are masked, which takes four more bytes for the key. */
const MESSAGE_BYTES = ANSWER.length + 4;
const HANDSHAKE = new TextEncoder().encode(
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
    "Connection: Upgrade\r\n" +
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
);

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
for await (const conn of listener) echo(conn);

async function echo(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(Math.max(4096, 2 * MESSAGE_BYTES));
  try {
    if (await conn.read(buffer) === null) return;
    await conn.write(HANDSHAKE);
    for (let received = 0;;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      received += count;
      if (received < MESSAGE_BYTES) continue;
      received = 0;
      if (ANSWER.length < 65_536) conn.write(ANSWER).catch(() => {});
      else await writeAll(conn);
    }
  } catch {
    // The peer reset the connection.
  } finally {
    conn.close();
  }
}

async function writeAll(conn: Deno.TcpConn): Promise<void> {
  let rest: Uint8Array = ANSWER;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}
