/** What peers of the epoll engine do to a connection, octet for octet. */

import type { Duplex } from "../../mod.ts";
import type { TestServer } from "./serve.ts";

/** Text as octets. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Connects without reading anything. */
export function connect({ port }: TestServer): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** Reads until that many octets have come, or to the end. */
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

/** Reads to the end, however it comes. */
export async function drain(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // Reset, which is an end too.
  }
}

/** Writes all of it. */
export async function writeAll(conn: Duplex, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(bytes.subarray(sent));
  }
}
