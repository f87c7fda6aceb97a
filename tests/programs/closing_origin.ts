/**
 * An origin for `closing_origin_test.ts`, as a worker. It closes idle
 * connections at random, and counts how often each request was processed. It
 * posts its port, and its report when it receives a message.
 */

import { SeededRandom } from "../support/random.ts";

declare const self: Worker;

const random = new SeededRandom(20_000);
const processed = new Map<string, number>();
const open = new Set<Deno.TcpConn>();
let closed = 0;

/** Reads requests one after the other; the body of a POST has 100 bytes. */
async function serve(conn: Deno.TcpConn): Promise<void> {
  open.add(conn);
  const buffer = new Uint8Array(4096);
  let text = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = (): void => {
    if (!open.delete(conn)) return;
    closed++;
    conn.close();
  };
  try {
    for (;;) {
      const size = await conn.read(buffer);
      if (size === null) break;
      clearTimeout(timer);
      text += new TextDecoder().decode(buffer.subarray(0, size));
      const [, method = "", id = ""] = /^(\w+) \/(\S+) /.exec(text) ?? [];
      const end = text.indexOf("\r\n\r\n") + 4;
      const bodyBytes = method === "POST" ? 100 : 0;
      if (end < 4 || text.length < end + bodyBytes) continue;
      text = text.slice(end + bodyBytes);
      processed.set(id, (processed.get(id) ?? 0) + 1);
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n`;
      await conn.write(new TextEncoder().encode(head + id));
      // A third of the connections are closed when they are next idle.
      if (random.below(3) === 0) timer = setTimeout(close, random.below(5));
    }
  } catch {
    // The client reset the connection, or the timer closed it.
  }
  clearTimeout(timer);
  if (open.delete(conn)) conn.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
self.onmessage = () => {
  listener.close();
  for (const conn of open) conn.close();
  open.clear();
  self.postMessage({ processed, closed });
};
self.postMessage(listener.addr.port);
try {
  for await (const conn of listener) serve(conn);
} catch (error) {
  if (!(error instanceof Deno.errors.BadResource)) throw error; // it was closed
}
