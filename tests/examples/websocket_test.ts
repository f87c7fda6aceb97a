/** The WebSocket example against the client of the npm package `ws`. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { countSockets } from "../support/process_sockets.ts";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { eventually } from "../support/raw_upstream.ts";
import { request } from "../support/serve.ts";
import { writeAll } from "../support/write_all.ts";
import { WebSocket } from "npm:ws@8.18.3";

const SIZE_BYTES = 10 * 1024 * 1024;

/** If the server has accepted no bytes for this long, in ms, it has stopped reading. */
const STALL_MS = 500;

/** More than the buffers of two sockets and of the server, which a server that stops reading does not take. */
const MOST_TAKEN_BYTES = 64 * 1024 * 1024;

function startEcho(...args: string[]): Promise<Program> {
  return Program.start({
    args: [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "examples/websocket.ts",
      "0",
      ...args,
    ],
  });
}

function once(socket: WebSocket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    if (event !== "error") socket.once("error", reject);
  });
}

Deno.test("websocket echoes 10 MB of pieces and a text", async () => {
  await using program = await startEcho();
  const socket = new WebSocket(`ws://127.0.0.1:${program.port}/echo`);
  await once(socket, "open");
  socket.send("hello");
  assertEquals(String(await once(socket, "message")), "hello");
  const piece = new Uint8Array(SIZE_BYTES / 10).map((_, i) => (i * 7) & 0xff);
  let received = 0;
  const done = new Promise<void>((resolve) => {
    socket.on("message", (data: Uint8Array) => {
      assert(data.every((byte, index) => byte === piece[index]));
      received += data.length;
      if (received === SIZE_BYTES) resolve();
    });
  });
  for (let i = 0; i < 10; i++) socket.send(piece);
  await done;
  socket.close(1000);
  assertEquals(await once(socket, "close"), 1000);
});

Deno.test("websocket refuses a plain request, and continues serving", async () => {
  await using program = await startEcho();
  const base = `http://127.0.0.1:${program.port}`;
  const refused = await fetch(`${base}/echo`);
  assertEquals(refused.status, 426);
  assertEquals(refused.headers.get("upgrade"), "websocket");
  assertEquals(await refused.text(), "A WebSocket request is expected\n");
  const page = await fetch(base);
  assertEquals(page.status, 200);
  await page.body?.cancel();
});

const HANDSHAKE = "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** Opens a WebSocket whose frames the test writes itself. */
async function openRaw(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.send(request("GET /echo", HANDSHAKE));
  assertMatch(await client.head(), /^HTTP\/1\.1 101 /);
  return client;
}

/** Frames in hexadecimal that no client may send, and the close code that RFC 6455 gives them. */
const malformed: readonly (readonly [
  name: string,
  frame: string,
  code: number,
])[] = [
  ["a reserved bit", "b1 80 00000000", 1002],
  ["a compressed frame that was not agreed on", "c1 80 00000000", 1002],
  ["no mask", "81 00", 1002],
  ["a reserved data opcode", "83 80 00000000", 1002],
  ["a reserved control opcode", "8b 80 00000000", 1002],
  ["a ping in fragments", "09 80 00000000", 1002],
  ["a ping of 126 bytes", "89 fe 007e 00000000", 1002],
  ["a continuation of nothing", "80 80 00000000", 1002],
  ["a message inside a message", "01 80 00000000 81 80 00000000", 1002],
  ["a close of one byte", "88 81 00000000 03", 1002],
  ["a close with a reserved code", "88 82 00000000 03ed", 1002],
  ["a close with an unassigned code", "88 82 00000000 0000", 1002],
  ["a close reason that is not UTF-8", "88 83 00000000 03e8 ff", 1007],
  ["text that is not UTF-8", "81 81 00000000 ff", 1007],
  ["text that ends inside a character", "81 81 00000000 c3", 1007],
  ["1 MiB and a byte", "82 ff 0000000000100001 00000000", 1009],
  ["a length of 2 to the 62", "82 ff 4000000000000000 00000000", 1009],
  [
    "fragments of more than 1 MiB together",
    "02 81 00000000 00 80 ff 0000000000100000 00000000",
    1009,
  ],
];

Deno.test("websocket closes a connection with an invalid frame, and serves the others", async () => {
  await using program = await startEcho();
  using other = await openRaw(program.port);
  for (const [name, frame, code] of malformed) {
    using client = await openRaw(program.port);
    const bytes = frame.replaceAll(" ", "").match(/../g) ?? [];
    await client.send(
      bytes.map((hex) => String.fromCharCode(parseInt(hex, 16))).join(""),
    );
    const close = await client.toEnd();
    const sent = (close.charCodeAt(2) << 8) | close.charCodeAt(3);
    assertEquals([name, close.charCodeAt(0), sent], [name, 0x88, code]);
  }
  await other.send("\x81\x82\0\0\0\0hi");
  assertEquals(await other.take(4), "\x81\x02hi");
});

const ordinary: readonly (readonly [name: string, request: string])[] = [
  ["HTTP/1.0", `GET /echo HTTP/1.0\r\nHost: a\r\n${HANDSHAKE}\r\n`],
  [
    "an offer that Connection does not name",
    request("GET /echo", HANDSHAKE.replace("Upgrade", "keep-alive")),
  ],
];

for (const [name, wire] of ordinary) {
  Deno.test(`websocket ignores the offer of ${name}`, async () => {
    await using program = await startEcho();
    using client = await RawClient.connect(program.port);
    assertEquals((await client.ask(wire)).status, 426);
  });
}

/** Sends frames to a server whose responses are not read, until it accepts no more. */
async function flood(client: Deno.Conn, frames: Uint8Array): Promise<void> {
  for (let sent = 0; sent < MOST_TAKEN_BYTES; sent += frames.length) {
    const write = writeAll(client, frames).then(() => true, () => true);
    const { promise, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(() => resolve(false), STALL_MS);
    const isTaken = await Promise.race([write, promise]);
    clearTimeout(timer);
    if (!isTaken) return;
  }
  throw new Error("The server takes everything");
}

for (const [name, opcode] of [["echoes", 0x82], ["pongs", 0x89]] as const) {
  Deno.test({
    name:
      `websocket stops reading from a client that reads no ${name}, and cuts it off`,
    ignore: Deno.build.os !== "linux", // only there a process shows its sockets
    fn: async () => {
      await using program = await startEcho(String(4 * STALL_MS));
      const before = countSockets(program.pid);
      using conn = await Deno.connect({
        hostname: "127.0.0.1",
        port: program.port,
      });
      const head = request("GET /echo", HANDSHAKE);
      await writeAll(conn, new TextEncoder().encode(head));
      const frame = new Uint8Array(106);
      frame.set([opcode, 0x80 | 100]); // a payload of 100 bytes, with an empty mask
      const frames = new Uint8Array(frame.length * 1000);
      for (let at = 0; at < frames.length; at += frame.length) {
        frames.set(frame, at);
      }
      await flood(conn, frames);
      {
        using other = await openRaw(program.port);
        await other.send("\x81\x82\0\0\0\0hi");
        assertEquals(await other.take(4), "\x81\x02hi");
      }
      await eventually(() => countSockets(program.pid) <= before);
    },
  });
}
