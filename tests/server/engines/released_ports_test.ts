/** How many sockets threads open when others were abandoned. */

import { assert, assertEquals } from "@std/assert";
import { ReleasedPorts } from "../../../server/engines/released_ports.ts";
import { listenForThreads } from "../../../server/engines/runtime_listen.ts";
import { turns } from "../../support/turns.ts";

/** Makes the ports of some threads at one address, without real sockets. */
function portsOf(threadCount: number): ReleasedPorts {
  const addr = { transport: "tcp", hostname: "127.0.0.1", port: 80 } as const;
  const bound = { addr, close: () => {} };
  return new ReleasedPorts([addr], threadCount, () => bound);
}

Deno.test("threads open enough sockets that an abandoned thread has at most 1 in 32", () => {
  for (const threadCount of [1, 2, 3, 8, 64]) {
    const ports = portsOf(threadCount);
    assertEquals(ports.socketCount, 1);
    ports.abandon();
    const living = ports.socketCount * threadCount;
    assert(1 / (1 + living) <= 1 / 32, `${living} of ${threadCount} threads`);
    assert(living <= 31 + threadCount, "more than necessary");
  }
});

Deno.test("the number of a thread's sockets has a limit", () => {
  const ports = portsOf(2);
  for (let count = 0; count < 100; count++) ports.abandon();
  assertEquals(ports.socketCount, 256);
});

Deno.test({
  name: "a port that will be released queues one connection",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const hostname = "127.0.0.1";
    const bound = listenForThreads({ transport: "tcp", hostname, port: 0 });
    const { port } = bound.addr;
    const abort = new AbortController();
    let connected = 0;
    const connects = Array.from({ length: 8 }, async () => {
      const { signal } = abort;
      const conn = await Deno.connect({ hostname, port, signal });
      connected++;
      conn.close();
    });
    await Promise.race(connects);
    await turns(20);
    abort.abort(); // the others would try again after a second
    await Promise.allSettled(connects);
    assertEquals(connected, 1);
    bound.close();
  },
});
