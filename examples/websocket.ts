// deno-lint-ignore-file no-console
/**
 * A WebSocket echo.
 *
 *     deno run --allow-net=127.0.0.1 examples/websocket.ts [PORT] [TIMEOUT_MS]
 *
 * A client costs a bounded amount of memory and time: messages have a largest
 * size, a client that does not read is not read from either, and one that takes
 * nothing or shows no life is cut off. A client with an invalid frame is closed
 * with code 1002, 1007 or 1009 (RFC 6455 §7.4.1).
 */

import { Server } from "@khttp/khttp";
import {
  type AcceptedWebSocket,
  acceptWebSocket,
} from "@khttp/khttp/websocket";

const [port = "8080", timeoutMs = "30000"] = Deno.args;

const app = Server.builder({ hostname: "127.0.0.1", port: Number(port) });
const sockets = new Set<AcceptedWebSocket>();

app.get("/", (_ctx, res) => res.ok("a WebSocket echo is at /echo\n"));
app.get("/echo", async (ctx, res) => {
  const socket = await acceptWebSocket(ctx, res, {
    maxMessageBytes: 1024 * 1024,
    idleTimeout: Number(timeoutMs),
    writeTimeout: Number(timeoutMs),
    permessageDeflate: true,
  });
  if (socket === null) return; // it was no WebSocket request, and is answered
  sockets.add(socket);
  for await (const message of socket) socket.send(message);
  const { error } = await socket.closed;
  if (error !== undefined) console.error(error.message);
  sockets.delete(socket);
});

const handle = app.build().serve();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    for (const socket of sockets) socket.close(1001);
    handle.shutdown({ deadline: 2000 });
  });
}
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();
