/** WebSockets through TLS, with both ways to open them: text, a large message and the closing handshake. */

import { assertEquals } from "@std/assert";
import { toHandler } from "../../fetch/mod.ts";
import { acceptWebSocket, upgradeWebSocket } from "../../websocket/mod.ts";
import { Server } from "../../server/mod.ts";
import { LISTEN, testEngine } from "../support/engines.ts";
import { RawClient } from "../support/raw_client.ts";
import { FrameClient } from "./client_frames.ts";
import { binary, close, text } from "./frame_cases/case.ts";

const folder = new URL("../fixtures/", import.meta.url);

for (const path of ["/accept", "/upgrade"]) {
  testEngine(
    LISTEN,
    `a WebSocket through TLS echoes and closes (${path})`,
    async (engine) => {
      const cert = await Deno.readTextFile(
        new URL("localhost.cert.pem", folder),
      );
      const key = await Deno.readTextFile(new URL("localhost.key.pem", folder));
      const app = Server.builder("127.0.0.1:0").tls({ cert, key });
      app.get("/accept", async (ctx, res) => {
        const socket = await acceptWebSocket(ctx, res);
        if (socket === null) return;
        for await (const message of socket) socket.send(message);
      });
      app.get(
        "/upgrade",
        toHandler((request) => {
          const { socket, response } = upgradeWebSocket(request);
          socket.binaryType = "arraybuffer";
          socket.onmessage = ({ data }): void => socket.send(data);
          return response;
        }),
      );
      await using handle = engine.start(app.build());
      const connect = (): Promise<RawClient> =>
        RawClient.connectTls(handle.port, cert);
      using client = await FrameClient.open({ connect }, path);
      await client.send(text("hello"));
      assertEquals(await client.frame(), { first: 0x81, payload: "hello" });
      const large = "x".repeat(200_000);
      await client.send(binary(new TextEncoder().encode(large)));
      assertEquals(await client.frame(), { first: 0x82, payload: large });
      await client.send(close(1000));
      assertEquals(await client.frame(), { first: 0x88, payload: "\x03\xe8" });
    },
  );
}
