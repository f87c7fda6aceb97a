/** The WebSocket of Chromium, where it is installed, with messages that refer to earlier ones in both directions. */

import { assertEquals } from "@std/assert";
import { acceptWebSocket } from "../../websocket/accept.ts";
import { Chromium, findChromium, untilTrue } from "../support/chromium.ts";
import { ENGINES } from "../support/engines.ts";

const chromium = findChromium();

/** Sends messages of all kinds, each twice, and compares the echoes. */
const SCRIPT = `(async () => {
  const socket = new WebSocket(location.href.replace("http", "ws") + "echo");
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("not opened"));
  });
  const noise = crypto.getRandomValues(new Uint8Array(20000));
  const kinds = ["", "a", "grün € 😀 ".repeat(2000), noise, new Uint8Array(300000)];
  const sent = kinds.flatMap((kind) => [kind, kind]);
  let differences = 0;
  const done = new Promise((resolve) => {
    let count = 0;
    socket.onmessage = ({ data }) => {
      const message = sent[count++];
      const same = typeof message === "string"
        ? data === message
        : String(new Uint8Array(data)) === String(message);
      if (!same) differences++;
      if (count === sent.length) resolve();
    };
  });
  for (const message of sent) socket.send(message);
  await done;
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close(4000);
  const { code, wasClean } = await closed;
  return [socket.extensions, differences, code, wasClean];
})()`;

Deno.test({
  name: "the WebSocket of Chromium shares a window with the server",
  ignore: chromium === null, // it is not installed
  fn: async () => {
    await using browser = await Chromium.start(chromium ?? "");
    for (const engine of ENGINES.filter(({ isAbsent }) => !isAbsent)) {
      let sentBytes = 0;
      await using server = engine.serve((app) =>
        app.get("/", (_, res) => res.ok("page")).get(
          "/echo",
          async (ctx, res) => {
            const socket = await acceptWebSocket(ctx, res, {
              permessageDeflate: {
                serverNoContextTakeover: false,
                thresholdBytes: 0,
              },
            });
            if (socket === null) return;
            for await (const message of socket) {
              const before = socket.bufferedAmount;
              socket.send(message);
              sentBytes += socket.bufferedAmount - before;
            }
          },
        )
      );
      const page = await browser.open(`http://127.0.0.1:${server.port}/`);
      await untilTrue(page, `location.protocol === "http:"`);
      assertEquals(await page(SCRIPT), ["permessage-deflate", 0, 4000, true]);
      // The noise goes out once; its repetition and all other messages are small.
      assertEquals(sentBytes > 20_000 && sentBytes < 23_000, true);
      assertEquals(server.errors, []);
    }
  },
});
