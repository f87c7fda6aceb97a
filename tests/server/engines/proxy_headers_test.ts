/** PROXY headers of accepted connections: who may send them, how long they may take, and what is reported. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { Duplex } from "../../../mod.ts";
import { ProxyHeaders } from "../../../server/engines/proxy_headers.ts";
import { TrustedPeers } from "../../../server/proxies/trusted_peers.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryConnection } from "../../support/memory_duplex.ts";
import { turns } from "../../support/turns.ts";

const HEADER = "PROXY TCP4 192.0.2.1 10.0.0.2 56316 443\r\n";
const PROXY: Deno.NetAddr = { transport: "tcp", hostname: "10.0.0.1", port: 1 };
const TIMEOUT_MS = 15_000;

/** A connection in memory from an address. */
function connectionFrom(remoteAddr: Deno.Addr | undefined): MemoryConnection {
  const connection = new MemoryConnection();
  if (remoteAddr !== undefined) {
    Object.defineProperty(connection.duplex, "remoteAddr", {
      value: remoteAddr,
      configurable: true,
    });
  }
  return connection;
}

interface Rig {
  readonly headers: ProxyHeaders;
  readonly clock: FakeClock;
  readonly reports: string[];
}

function rig(...trusted: string[]): Rig {
  const clock = new FakeClock();
  const reports: string[] = [];
  const headers = new ProxyHeaders({
    trusted: new TrustedPeers("Cannot test", trusted),
    timeoutMs: TIMEOUT_MS,
    clock,
    onError: (error) => void reports.push((error as Error).message), // an `Error`
  });
  return { headers, clock, reports };
}

Deno.test("receive() gives a connection the addresses of its header, and leaves the rest unread", async () => {
  const { headers, reports } = rig("10.0.0.0/8");
  const connection = connectionFrom(PROXY);
  connection.send(`${HEADER}GET /`);
  assertEquals(await headers.receive(connection.duplex), true);
  assertEquals({ ...connection.duplex.remoteAddr }, {
    transport: "tcp",
    hostname: "192.0.2.1",
    port: 56_316,
  });
  assertEquals({ ...connection.duplex.localAddr }, {
    transport: "tcp",
    hostname: "10.0.0.2",
    port: 443,
  });
  const buffer = new Uint8Array(100);
  const size = await connection.duplex.read(buffer);
  assertEquals(
    new TextDecoder().decode(buffer.subarray(0, size ?? 0)),
    "GET /",
  );
  assertEquals(reports, []);
});

Deno.test("receive() leaves the addresses of a connection whose header names none", async () => {
  const { headers } = rig("10.0.0.1");
  const connection = connectionFrom(PROXY);
  connection.send("PROXY UNKNOWN\r\n");
  assertEquals(await headers.receive(connection.duplex), true);
  assertEquals(connection.duplex.remoteAddr, PROXY);
});

const UNTRUSTED: readonly (readonly [name: string, Deno.Addr | undefined])[] = [
  ["another address", { transport: "tcp", hostname: "192.0.2.1", port: 1 }],
  ["IPv6", { transport: "tcp", hostname: "::1", port: 1 }],
  ["a Unix socket", { transport: "unix", path: "" }],
  ["no address", undefined],
];

for (const [name, addr] of UNTRUSTED) {
  Deno.test(`receive() closes a connection from ${name} without reading from it`, async () => {
    const { headers, reports } = rig("10.0.0.0/8");
    const connection = connectionFrom(addr);
    connection.send(`${HEADER}GET / HTTP/1.1\r\n\r\n`);
    assertEquals(await headers.receive(connection.duplex), false);
    assertEquals([connection.readBytes, connection.closeCount], [0, 1]);
    assertEquals(reports.length, 1);
    assertStringIncludes(reports[0] ?? "", "not in the list of trusted peers");
  });
}

Deno.test("receive() reads from Unix sockets that are trusted", async () => {
  const { headers } = rig("unix");
  const connection = connectionFrom({ transport: "unix", path: "" });
  connection.send(HEADER);
  assertEquals(await headers.receive(connection.duplex), true);
});

Deno.test("receive() trusts an IPv4-mapped address as its IPv4 address", async () => {
  const { headers } = rig("10.0.0.1");
  const connection = connectionFrom({ ...PROXY, hostname: "::ffff:10.0.0.1" });
  connection.send(HEADER);
  assertEquals(await headers.receive(connection.duplex), true);
});

Deno.test("receive() closes a connection with another beginning as soon as it shows", async () => {
  const { headers, reports } = rig("10.0.0.1");
  const connection = connectionFrom(PROXY);
  connection.send("GET");
  assertEquals(await headers.receive(connection.duplex), false);
  assertEquals([connection.readBytes, connection.closeCount], [3, 1]);
  assertStringIncludes(reports[0] ?? "", "from 10.0.0.1: it begins with other");
});

Deno.test("receive() reports an end within the header, but not one before it", async () => {
  for (const sent of ["", "PROXY TCP4 1"]) {
    for (const end of ["end", "reset"] as const) {
      const { headers, reports } = rig("10.0.0.1");
      const connection = connectionFrom(PROXY);
      if (sent !== "") connection.send(sent);
      const received = headers.receive(connection.duplex);
      await turns(2);
      if (end === "end") connection.end();
      else connection.reset(new Deno.errors.ConnectionReset("reset"));
      assertEquals(await received, false);
      assertEquals(connection.closeCount, 1);
      assertEquals(reports.length, sent === "" ? 0 : 1);
    }
  }
});

for (const sent of ["", "PROXY TCP4 192.0.2.1"]) {
  Deno.test(`receive() gives a header ${TIMEOUT_MS} ms, after "${sent}" too`, async () => {
    using time = new FakeTime();
    const { headers, reports } = rig("10.0.0.1");
    const connection = connectionFrom(PROXY);
    if (sent !== "") connection.send(sent);
    const received = headers.receive(connection.duplex);
    await time.tickAsync(TIMEOUT_MS - 1);
    assertEquals(connection.closeCount, 0);
    await time.tickAsync(1);
    assertEquals(await received, false);
    assertEquals(connection.closeCount, 1);
    assertStringIncludes(reports[0] ?? "", "headerTimeout");
  });
}

Deno.test("receive() ends at its deadline also if close() does not end the read", async () => {
  using time = new FakeTime();
  const { headers } = rig("10.0.0.1");
  const conn: Duplex = {
    remoteAddr: PROXY,
    read: () => new Promise(() => {}),
    write: () => Promise.resolve(0),
    close: () => {},
  };
  const received = headers.receive(conn);
  await time.tickAsync(TIMEOUT_MS);
  assertEquals(await received, false);
});

Deno.test("receive() closes a connection whose methods or properties throw", async () => {
  const { headers, reports } = rig("10.0.0.1");
  const broken: Duplex = {
    get remoteAddr(): Deno.Addr {
      throw new RangeError("boom");
    },
    read: () => Promise.resolve(null),
    write: () => Promise.resolve(0),
    close: () => {},
  };
  assertEquals(await headers.receive(broken), false);
  assertStringIncludes(reports[0] ?? "", "boom");
  const frozen = connectionFrom(PROXY);
  frozen.send(HEADER);
  assertEquals(await headers.receive(Object.freeze(frozen.duplex)), false);
});

Deno.test("cut() closes connections whose headers are missing, also later ones, and reports nothing", async () => {
  const { headers, reports } = rig("10.0.0.1");
  const [early, late] = [connectionFrom(PROXY), connectionFrom(PROXY)];
  early.send("PROXY TCP4");
  const received = headers.receive(early.duplex);
  await turns(2);
  headers.cut();
  assertEquals(await received, false);
  late.send(HEADER);
  assertEquals(await headers.receive(late.duplex), false);
  assertEquals([early.closeCount, late.closeCount, reports.length], [1, 1, 0]);
});

Deno.test("receive() reports refused connections once a minute, and counts them", async () => {
  const { headers, clock, reports } = rig("10.0.0.1");
  const refuse = async (): Promise<void> => {
    const connection = connectionFrom({ ...PROXY, hostname: "10.0.0.2" });
    assert(!await headers.receive(connection.duplex));
  };
  for (let count = 0; count < 1000; count++) await refuse();
  assertEquals(reports, [
    "Cannot accept connection from 10.0.0.2: it is not in the list of trusted peers",
  ]);
  clock.advance(60_000);
  await refuse();
  assertEquals(reports.length, 2);
  assertStringIncludes(reports[1] ?? "", "999 others were refused");
  clock.advance(60_000);
  await refuse();
  assertEquals(reports.length, 3);
  assertEquals((reports[2] ?? "").includes("others"), false);
});
