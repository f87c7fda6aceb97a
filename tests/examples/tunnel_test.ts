/** The CONNECT example between a raw client and a raw server. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "../support/program.ts";
import { writeAll } from "../support/write_all.ts";

const SIZE_BYTES = 10 * 1024 * 1024;

function startTunnel(): Promise<Program> {
  return Program.start({
    args: [
      "run",
      "--no-prompt",
      "--allow-net",
      "examples/connect_tunnel.ts",
      "0",
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

/** Sends back what it gets, until the end. */
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

Deno.test("connect_tunnel says that an upstream is not there", async () => {
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
