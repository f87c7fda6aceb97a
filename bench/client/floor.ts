/** A bare loop over `Deno.connect` that counts bytes: the least that any client on the runtime's sockets can cost. */

import { bodyOf, type Contender, type Exchange } from "./contender.ts";

/** One connection for each concurrent exchange. */
export const contender: Contender = async (port, clientCase, concurrency) => {
  const { method, target, sentBytes, receivedBytes } = clientCase;
  const length = sentBytes === 0 ? "" : `content-length: ${sentBytes}\r\n`;
  const head = new TextEncoder().encode(
    `${method} ${target} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${length}\r\n`,
  );
  const request = new Uint8Array([...head, ...bodyOf(clientCase) ?? []]);
  const buffer = new Uint8Array(65_536);
  /** Size of the whole response, which is always the same. */
  let responseBytes = 0;
  const exchanges: Exchange[] = [];
  for (let at = 0; at < concurrency; at++) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const mine = at === 0 ? buffer : new Uint8Array(buffer.length);
    if (at === 0) {
      await conn.write(request);
      responseBytes = await measure(conn, mine);
    }
    exchanges.push(async () => {
      await conn.write(request);
      for (let received = 0; received < responseBytes;) {
        received += await conn.read(mine) ?? Infinity;
      }
      return receivedBytes;
    });
  }
  return exchanges;
};

/** Reads one response, and returns its size. */
async function measure(conn: Deno.Conn, buffer: Uint8Array): Promise<number> {
  let text = "";
  for (;;) {
    const size = await conn.read(buffer);
    if (size === null) throw new Error("Cannot read response: it was cut");
    text += new TextDecoder("latin1").decode(buffer.subarray(0, size));
    const end = text.indexOf("\r\n\r\n") + 4;
    if (end < 4) continue;
    const length = /content-length: ([0-9]+)/i.exec(text.slice(0, end))?.[1];
    if (length === undefined && text.endsWith("\r\n0\r\n\r\n")) {
      return text.length;
    }
    if (length !== undefined && text.length === end + Number(length)) {
      return text.length;
    }
  }
}
