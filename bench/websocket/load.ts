/**
 * Sends WebSocket messages to an echo and counts what comes back. It sends bytes
 * that were encoded once and counts received bytes, so that one core of it is
 * enough for a server on another. Prints its figures as JSON.
 *
 *     load.ts --port N --size BYTES --connections N --in-flight N --duration MS --type text|binary
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";
import {
  encodeFrame,
  frameHeadSize,
  Opcode,
} from "../../websocket/codec/frame_encoder.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    size: { type: "string", default: "16" },
    connections: { type: "string", default: "64" },
    "in-flight": { type: "string", default: "1" },
    duration: { type: "string", default: "2000" },
    type: { type: "string", default: "text" },
  },
});

const HEAD = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n" +
  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const sizeBytes = Number(values.size);
const inFlight = Number(values["in-flight"]);
const frame = encodeFrame({
  opcode: values.type === "text" ? Opcode.TEXT : Opcode.BINARY,
  payload: new Uint8Array(sizeBytes).fill(0x61),
  mask: Uint8Array.of(0x37, 0xfa, 0x21, 0x3d),
});
const burst = new Uint8Array(frame.length * inFlight);
for (let n = 0; n < inFlight; n++) burst.set(frame, n * frame.length);
const echoBytes = (frameHeadSize(sizeBytes) + sizeBytes) * inFlight;

let messages = 0;
let isRunning = true;

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}

async function open(): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(values.port),
  });
  conn.setNoDelay(true);
  await writeAll(conn, new TextEncoder().encode(HEAD));
  const buffer = new Uint8Array(1);
  for (let matched = 0; matched < 4;) {
    if (await conn.read(buffer) === null) throw new Error("Refused");
    const isNext = buffer[0] === (matched % 2 === 0 ? 0x0d : 0x0a);
    matched = isNext ? matched + 1 : 0;
  }
  return conn;
}

/** Sends bursts, each after the echo of the one before. */
async function run(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(262_144);
  while (isRunning) {
    const writing = writeAll(conn, burst);
    for (let received = 0; received < echoBytes;) {
      const size = await conn.read(buffer);
      if (size === null) throw new Error("The server has closed");
      received += size;
      if (received > echoBytes) throw new Error("More than was sent");
    }
    await writing;
    messages += inFlight;
  }
}

const conns = await Promise.all(
  Array.from({ length: Number(values.connections) }, open),
);
const runs = conns.map(run);
const durationMs = Number(values.duration);
await new Promise((resolve) => setTimeout(resolve, durationMs / 2));
console.log(JSON.stringify({ started: true }));
const [countBefore, startMs] = [messages, performance.now()];
await new Promise((resolve) => setTimeout(resolve, durationMs));
const wallMs = performance.now() - startMs;
console.log(JSON.stringify({ messages: messages - countBefore, wallMs }));
isRunning = false;
await Promise.all(runs);
Deno.exit();
