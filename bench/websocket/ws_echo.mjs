// Echo with the npm package `ws` on Node: `ws_echo.mjs PORT FOLDER`, with the folder that has the package.
import { createRequire } from "node:module";

const [, , port, folder] = process.argv;
const { WebSocketServer } = createRequire(`${folder}/`)("ws");
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(port),
  perMessageDeflate: false,
});
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    socket.send(data, { binary: isBinary });
  });
});
