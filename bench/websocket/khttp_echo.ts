/** Echo on this package: `khttp_echo.ts PORT ENGINE accept|upgrade`. */

import { Server } from "../../mod.ts";
import { toHandler } from "../../fetch/mod.ts";
import { acceptWebSocket, upgradeWebSocket } from "../../websocket/mod.ts";

const [port = "0", engine = "listen", way = "accept"] = Deno.args;
const app = Server.builder(`127.0.0.1:${port}`);
if (way === "accept") {
  app.get("/", async (ctx, res) => {
    const socket = await acceptWebSocket(ctx, res);
    if (socket === null) return;
    for await (const message of socket) socket.send(message);
  });
} else {
  app.get(
    "/",
    toHandler((request) => {
      const { socket, response } = upgradeWebSocket(request);
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }): void => socket.send(data);
      return response;
    }),
  );
}
if (engine === "epoll") app.build().serveEpoll();
else app.build().serve();
