/** The clients of `ws`, `undici` and the runtime, with compression and without, against both ways to open a WebSocket, of which one has a window that messages share. */

import { assert, assertEquals } from "@std/assert";
import { toHandler } from "../../fetch/handler.ts";
import { acceptWebSocket } from "../../websocket/accept.ts";
import { upgradeWebSocket } from "../../websocket/upgrade.ts";
import { ENGINES, type TestEngine, testEngines } from "../support/engines.ts";
import type { TestServer } from "../support/serve.ts";
import { withDeadline } from "../support/with_deadline.ts";
import { WebSocket as UndiciSocket } from "npm:undici@7.16.0";
import { WebSocket as WsSocket } from "npm:ws@8.18.3";

const OPTIONS = {
  protocols: ["echo"],
  maxMessageBytes: 2_000_000,
  permessageDeflate: { thresholdBytes: 10 },
};

function serveEchoes(engine: TestEngine): TestServer {
  return engine.serve((app) =>
    app.get("/accept", async (ctx, res) => {
      const socket = await acceptWebSocket(ctx, res, OPTIONS);
      if (socket === null) return;
      for await (const message of socket) socket.send(message);
    }).fallbackRoute(toHandler((request) => {
      const { socket, response } = upgradeWebSocket(request, {
        ...OPTIONS,
        permessageDeflate: {
          serverNoContextTakeover: false,
          thresholdBytes: 10,
        },
      });
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }))
  );
}

/** What the clients have in common. */
interface Client {
  binaryType: string;
  readonly protocol: string;
  readonly extensions: string;
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  addEventListener(
    type: string,
    listener: (event: { data?: unknown; code?: number }) => void,
  ): void;
}

const clients: readonly (readonly [
  name: string,
  open: (url: string) => Client,
  compresses: boolean,
])[] = [
  ["ws", (url) => new WsSocket(url, "echo") as unknown as Client, true],
  [
    "ws without compression",
    (url) =>
      new WsSocket(url, "echo", {
        perMessageDeflate: false,
      }) as unknown as Client,
    false,
  ],
  [
    "ws without context takeover",
    (url) =>
      new WsSocket(url, "echo", {
        perMessageDeflate: {
          clientNoContextTakeover: true,
          serverMaxWindowBits: 10,
          threshold: 0,
        },
      }) as unknown as Client,
    true,
  ],
  [
    "the runtime",
    (url) => new WebSocket(url, "echo") as unknown as Client,
    false,
  ],
];

const messages: readonly (string | Uint8Array)[] = [
  "",
  "hello",
  "a text that is long enough to be compressed, compressed, compressed",
  "a text that is long enough to be compressed, compressed, compressed",
  "grün € 😀 ".repeat(1000),
  new Uint8Array(0),
  new Uint8Array(100_000).map((_, index) => (index * index) >> 3),
  new Uint8Array(1_000_000),
  "x".repeat(70_000),
];

async function checkEchoes(client: Client, compresses: boolean): Promise<void> {
  client.binaryType = "arraybuffer";
  const opened = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number | undefined>();
  const echoes: unknown[] = [];
  client.addEventListener("open", () => opened.resolve());
  client.addEventListener("error", (event) => done.reject(event));
  client.addEventListener("message", ({ data }) => {
    echoes.push(data);
    if (echoes.length === messages.length) done.resolve();
  });
  client.addEventListener("close", ({ code }) => closed.resolve(code));
  await withDeadline(Promise.race([opened.promise, done.promise]), 10_000);
  assertEquals(client.protocol, "echo");
  assertEquals(client.extensions.startsWith("permessage-deflate"), compresses);
  for (const message of messages) client.send(message);
  await withDeadline(done.promise, 10_000);
  for (const [index, message] of messages.entries()) {
    const echo = echoes[index];
    if (typeof message === "string") {
      assert(echo === message, `message ${index}`);
    } else {
      assert(echo instanceof ArrayBuffer, `message ${index}`);
      const bytes = new Uint8Array(echo);
      assertEquals(bytes.length, message.length);
      assert(bytes.every((byte, at) => byte === message[at]));
    }
  }
  client.close(4000, "done");
  assertEquals(await withDeadline(closed.promise, 10_000), 4000);
}

for (const [name, open, compresses] of clients) {
  for (const path of ["accept", "upgrade"]) {
    testEngines(
      `${path}WebSocket() works with the client of ${name}`,
      async (engine) => {
        await using server = serveEchoes(engine);
        const url = `ws://127.0.0.1:${server.port}/${path}`;
        await checkEchoes(open(url), compresses);
      },
    );
  }
}

// The last test, without sanitizers: undici's timer lives a second longer than its last use.
Deno.test({
  name: "both ways to open a WebSocket work with the client of undici",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    for (const engine of ENGINES.filter(({ isAbsent }) => !isAbsent)) {
      await using server = serveEchoes(engine);
      for (const path of ["accept", "upgrade"]) {
        const url = `ws://127.0.0.1:${server.port}/${path}`;
        const client = new UndiciSocket(url, "echo") as unknown as Client;
        await checkEchoes(client, true);
      }
    }
  },
});
