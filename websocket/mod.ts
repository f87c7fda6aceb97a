/**
 * WebSockets on a server of this package (RFC 6455), with compression (RFC 7692).
 *
 * @example Echo
 * ```ts
 * import { Server } from "@khttp/khttp";
 * import { acceptWebSocket } from "@khttp/khttp/websocket";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/echo", async (ctx, res) => {
 *   const socket = await acceptWebSocket(ctx, res, { idleTimeout: 60_000 });
 *   if (socket === null) return; // refused and answered
 *   for await (const message of socket) socket.send(message);
 * });
 * ```
 *
 * @module
 */

export { acceptWebSocket } from "./accept.ts";
export { upgradeWebSocket, type WebSocketUpgrade } from "./upgrade.ts";
export type { AcceptedWebSocket, WebSocketData } from "./accepted_socket.ts";
export type { WebSocketClosed, WebSocketMessage } from "./connection.ts";
export type { WebSocketDeflateOptions, WebSocketOptions } from "./options.ts";
export {
  type FaultCloseCode,
  WebSocketFault,
  type WebSocketFaultCode,
} from "./codec/fault.ts";
