/** Writing to a connection whose writes may accept only a part of the bytes. */

import type { Duplex } from "../../mod.ts";

/** Writes all bytes. */
export async function writeAll(
  conn: Pick<Duplex, "write">,
  bytes: Uint8Array,
): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(bytes.subarray(sent));
  }
}
