/** The end of serving from workers, in the main thread: no socket or worker remains, however the workers ended. */

import { assertEquals, assertThrows } from "@std/assert";
import { Server, type ServerHandle } from "../mod.ts";
import { withDeadline } from "./support/with_deadline.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";

const ignore = Deno.build.os !== "linux";
const module = new URL("workers/module.ts", import.meta.url);
const ADDRESSES = ["127.0.0.1:0", "[::1]:0"] as const;
const DEADLINE_MS = 30_000;

/** Serves from workers of another module; resolves when they listen. */
async function listen(signal?: AbortSignal): Promise<ServerHandle> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const handle = Server.builder(ADDRESSES).build().serveThreaded({
    module,
    workers: 2,
    engine: "epoll",
    onListen: () => resolve(),
    ...(signal === undefined ? {} : { signal }),
  });
  await withDeadline(
    Promise.race([promise, handle.finished]),
    DEADLINE_MS,
  );
  return handle;
}

/** The ports, in the order of the addresses. */
function portsOf(handle: ServerHandle): number[] {
  return handle.addrs.map((addr) => (addr as Deno.NetAddr).port); // TCP addresses were given
}

/** Counts the descriptors that listen on the ports; the runtime opens and closes others. */
function listeningCount(ports: readonly number[]): number {
  const tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
  const rows = tables.flatMap((path) =>
    Deno.readTextFileSync(path).split("\n")
  );
  const isListening = (row: string): boolean => {
    const [, local = "", , state] = row.trim().split(/\s+/);
    const port = parseInt(local.split(":")[1] ?? "", 16);
    return state === "0A" && ports.includes(port);
  };
  return rows.filter(isListening).length;
}

const ends: readonly {
  readonly name: string;
  end(handle: ServerHandle, controller: AbortController): void;
}[] = [
  { name: "shutdown()", end: (handle) => void handle.shutdown() },
  { name: "closeNow()", end: (handle) => handle.closeNow() },
  { name: "its signal", end: (_, controller) => controller.abort() },
];

for (const { name, end } of ends) {
  Deno.test({
    name: `${name} ends workers at all addresses and leaves nothing`,
    ignore,
    fn: async () => {
      const controller = new AbortController();
      const handle = await listen(controller.signal);
      const ports = portsOf(handle);
      assertEquals(listeningCount(ports), 4); // two workers at two addresses
      for (const [index, hostname] of ["127.0.0.1", "[::1]"].entries()) {
        const answer = await fetch(`http://${hostname}:${ports[index]}/`);
        assertEquals((await answer.text()).slice(0, 6), "khttp ");
      }
      end(handle, controller);
      await withDeadline(handle.finished, DEADLINE_MS);
      assertEquals(listeningCount(ports), 0);
      assertEquals(handle.connectionCount, 0);
      assertEquals(handle.requestCount, 2);
    },
  });
}

Deno.test({
  name: "shutdown() before the workers listen ends the workers",
  ignore,
  fn: async () => {
    const handle = Server.builder(ADDRESSES).build().serveThreaded({
      module,
      workers: 2,
      engine: "epoll",
    });
    await withDeadline(handle.shutdown(), DEADLINE_MS);
    assertEquals(listeningCount(portsOf(handle)), 0);
  },
});

Deno.test({
  name:
    "an address that cannot be bound leaves none bound, and the others free",
  ignore,
  fn: () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const other = free.addr.port;
    free.close();
    const server = Server.builder([
      { hostname: "127.0.0.1", port: other },
      { hostname: "127.0.0.1", port },
    ]).build();
    assertThrows(
      () => server.serveThreaded({ module, engine: "epoll", workers: 3 }),
      Deno.errors.AddrInUse,
    );
    assertEquals(listeningCount([other]), 0);
    const again = Deno.listen({ hostname: "127.0.0.1", port: other });
    again.close();
  },
});

Deno.test({
  name: "connections that arrive before the workers have started wait for them",
  ignore,
  fn: async () => {
    await using handle = Server.builder(ADDRESSES).build().serveThreaded({
      module,
      workers: 2,
      engine: "epoll",
    });
    const [port = 0] = portsOf(handle);
    using client = await RawClient.connect(port);
    assertEquals((await client.ask(request("GET /"))).status, 200);
  },
});
