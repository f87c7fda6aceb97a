/** Connections of clients in tests, on every runtime. */

import { connectNode, NodeConn } from "../../client/node_conn.ts";

/** Connects to a port of 127.0.0.1. */
export async function connectTcp(port: number): Promise<Deno.TcpConn> {
  const where = { hostname: "127.0.0.1", port };
  if (typeof Deno !== "undefined") return await Deno.connect(where);
  return await connectNode(where);
}

/** Resets a connection where the runtime can do it. */
export function resetNode(conn: Deno.TcpConn): void {
  if (conn instanceof NodeConn) conn.reset();
}
