/** How many sockets threads open when others were abandoned. */

import { assert, assertEquals } from "@std/assert";
import { ReleasedPorts } from "../../../server/engines/released_ports.ts";

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
