/** The WebSocket example against the client of the same npm package. */

import { assert, assertEquals } from "@std/assert";
import { Program } from "../support/program.ts";
import { WebSocket } from "npm:ws@8.18.3";

const SIZE_BYTES = 10 * 1024 * 1024;

function startEcho(): Promise<Program> {
  return Program.start({
    args: [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "--allow-env=WS_NO_BUFFER_UTIL,WS_NO_UTF_8_VALIDATE",
      "examples/websocket.ts",
      "0",
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

Deno.test("websocket refuses a plain request, and goes on serving", async () => {
  await using program = await startEcho();
  const base = `http://127.0.0.1:${program.port}`;
  const refused = await fetch(`${base}/echo`);
  assertEquals([refused.status, await refused.text()], [426, ""]);
  const page = await fetch(base);
  assertEquals(page.status, 200);
  await page.body?.cancel();
});
