/** The types of addresses, connections and files can replace Deno's and the reverse, although they do not name them. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import type {
  Addr,
  ClientConn,
  Duplex,
  NetAddr,
  OpenFile,
  UnixAddr,
  VsockAddr,
} from "../../mod.ts";

/** Gives a value a type that it must already have. */
function as<T>(value: T): T {
  return value;
}

Deno.test("the runtime's addresses, connections and files can be used as the package's", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { addr } = listener;
  assertEquals(as<NetAddr>(addr), addr);
  using accepted = await Promise.all([
    listener.accept(),
    Deno.connect({ port: addr.port }),
  ]).then(([conn, client]) => ({
    conn,
    client,
    [Symbol.dispose](): void {
      conn.close();
      client.close();
    },
  }));
  assertStrictEquals(as<Duplex>(accepted.conn), accepted.conn);
  assertStrictEquals(as<ClientConn>(accepted.client), accepted.client);
  const file = await Deno.open(new URL(import.meta.url));
  as<OpenFile>(file).close();
});

Deno.test("the package's addresses and connections can be used as the runtime's", () => {
  const net: NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const unix: UnixAddr = { transport: "unix", path: "/a" };
  const vsock: VsockAddr = { transport: "vsock", cid: 1, port: 2 };
  const all: readonly Addr[] = [
    as<Deno.NetAddr>(net),
    as<Deno.UnixAddr>(unix),
    as<Deno.VsockAddr>(vsock),
  ];
  assertEquals(as<readonly Deno.Addr[]>(all).length, 3);
  const use = (conn: ClientConn): Deno.Conn => conn;
  assertEquals(use.length, 1);
});
