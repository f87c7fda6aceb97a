/** Raw sockets for tests of the epoll engine: connect, read a number of bytes, read to the end. */

import type { TestServer } from "./serve.ts";

/** Encodes a string as UTF-8. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Connects without reading anything. */
export function connect({ port }: TestServer): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** Reads until `size` bytes have arrived, or to the end. */
export async function readAtLeast(
  conn: Deno.Conn,
  size: number,
): Promise<number> {
  const buffer = new Uint8Array(65_536);
  let total = 0;
  while (total < size) {
    const count = await conn.read(buffer);
    if (count === null) break;
    total += count;
  }
  return total;
}

/** Reads to the end or to a reset. */
export async function drain(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // A reset ends the connection too.
  }
}
