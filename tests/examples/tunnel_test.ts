/** The CONNECT example between a raw client and a raw server. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import net from "node:net";
import { countSockets } from "../support/process_sockets.ts";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { eventually } from "../support/raw_upstream.ts";
import { writeAll } from "../support/write_all.ts";

const SIZE_BYTES = 10 * 1024 * 1024;

function startTunnel(...args: string[]): Promise<Program> {
  return Program.start({
    args: [
      "run",
      "--no-prompt",
      "--allow-net",
      "examples/connect_tunnel.ts",
      "0",
      ...args,
    ],
  });
}

async function readAll(conn: Deno.Conn): Promise<Uint8Array> {
  return new Uint8Array(await new Response(conn.readable).arrayBuffer());
}

/** Reads up to and including the empty line; nothing may follow it yet. */
async function readHead(conn: Deno.Conn): Promise<string> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n") && await conn.read(byte) !== null) {
    head += String.fromCharCode(byte[0]!); // one was read
  }
  return head;
}

/** Sends back the bytes that it receives, until the end. */
async function echoOnce(listener: Deno.Listener): Promise<void> {
  const conn = await listener.accept();
  await conn.readable.pipeTo(conn.writable);
}

Deno.test("connect_tunnel moves 10 MB each way, and the ends of both", async () => {
  await using program = await startTunnel();
  using upstream = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const echo = echoOnce(upstream);
  const { port } = upstream.addr as Deno.NetAddr; // a TCP listener
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: program.port,
  });
  const sent = new Uint8Array(SIZE_BYTES);
  for (let i = 0; i < SIZE_BYTES; i++) sent[i] = (i * 31 + (i >> 8)) & 0xff;
  const connect =
    `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  // The first bytes of the tunnel come with the request.
  const head = new TextEncoder().encode(connect);
  const first = new Uint8Array([...head, ...sent.subarray(0, 100)]);
  await writeAll(conn, first);
  assertMatch(await readHead(conn), /^HTTP\/1\.1 200 /);
  const received = readAll(conn);
  await writeAll(conn, sent.subarray(100));
  await conn.closeWrite();
  const back = await received;
  assertEquals(back.length, SIZE_BYTES);
  assert(back.every((byte, index) => byte === sent[index]));
  await echo;
});

Deno.test("connect_tunnel reports that an upstream is down", async () => {
  await using program = await startTunnel();
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr as Deno.NetAddr; // a TCP listener
  free.close();
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: program.port,
  });
  const connect =
    `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  await writeAll(conn, new TextEncoder().encode(connect));
  const answer = new TextDecoder().decode(await readAll(conn));
  assertMatch(answer, /^HTTP\/1\.1 502 .*connection: close\r\n/s);
});

function connectTo(port: number): string {
  return `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
}

/** A listener that never accepts; further connections wait in vain once this one fills its queue. */
async function fullListener(): Promise<Disposable & { port: number }> {
  const listener = Deno.listen({
    hostname: "127.0.0.1",
    port: 0,
    tcpBacklog: 0,
  });
  const { port } = listener.addr as Deno.NetAddr; // a TCP listener
  const first = await Deno.connect({ hostname: "127.0.0.1", port });
  return {
    port,
    [Symbol.dispose](): void {
      first.close();
      listener.close();
    },
  };
}

const isLinux = Deno.build.os === "linux"; // only there a process shows its sockets

Deno.test({
  name: "connect_tunnel closes idle tunnels",
  ignore: !isLinux,
  fn: async () => {
    await using program = await startTunnel("10000", "1000");
    const before = countSockets(program.pid);
    using upstream = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = upstream.addr as Deno.NetAddr; // a TCP listener
    const conns: Disposable[] = [];
    try {
      for (let index = 0; index < 20; index++) {
        const client = await RawClient.connect(program.port);
        conns.push(client);
        await client.send(connectTo(port));
        assertMatch(await client.head(), /^HTTP\/1\.1 200 /);
        conns.push(await upstream.accept());
        if (index % 2 === 0) await client.end();
      }
      await eventually(() => countSockets(program.pid) <= before);
    } finally {
      for (const conn of conns) conn[Symbol.dispose]();
    }
  },
});

Deno.test({
  name: "connect_tunnel answers 504 for an upstream that does not accept",
  ignore: !isLinux, // others complete the handshake for a full queue
  fn: async () => {
    await using program = await startTunnel("500");
    using full = await fullListener();
    using client = await RawClient.connect(program.port);
    assertEquals((await client.ask(connectTo(full.port))).status, 504);
  },
});

Deno.test({
  name:
    "connect_tunnel leaks nothing for a client that disconnects while it connects",
  ignore: !isLinux,
  fn: async () => {
    await using program = await startTunnel("20000");
    const before = countSockets(program.pid);
    using full = await fullListener();
    for (const end of ["resetAndDestroy", "destroy"] as const) {
      const client = net.connect(program.port, "127.0.0.1");
      client.write(connectTo(full.port));
      await eventually(() => countSockets(program.pid) === before + 2);
      client[end]();
      await eventually(() => countSockets(program.pid) === before);
    }
  },
});
