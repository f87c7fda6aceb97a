/**
 * Opens a WebSocket from a handler: answers the handshake, takes the connection
 * over, and loads what was agreed on (RFC 6455 §4.2).
 */

import { Headers } from "../codec/headers.ts";
import type { Duplex } from "../server/duplex.ts";
import type { RequestContext } from "../server/request_context.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import {
  type AcceptedWebSocket,
  IteratedSocket,
  MessageQueue,
} from "./accepted_socket.ts";
import { systemClock } from "./clock.ts";
import type { AcceptedDeflate } from "./codec/deflate_offer.ts";
import {
  Connection,
  type ConnectionDeflate,
  type ConnectionSink,
} from "./connection.ts";
import { type Handshake, handshakeFields, readHandshake } from "./handshake.ts";
import {
  resolveWebSocketOptions,
  type WebSocketOptions,
  type WebSocketSettings,
} from "./options.ts";

/**
 * Opens a WebSocket if the request asks for one, and refuses the request
 * otherwise.
 *
 * A request of HTTP/1.0, or one that offers no upgrade to `websocket`, gets 426;
 * so does another version than 13. An invalid key, an invalid list of extensions
 * or a body gets 400, another method than GET 405.
 *
 * Browsers let any page open a WebSocket to any server: a program that relies on
 * cookies compares `Origin` with its own before it accepts (RFC 6455 §10.2).
 *
 * @param ctx The request.
 * @param res The handle of its response, which must not be sent yet.
 * @returns The open WebSocket, or `null` if the request was refused and answered.
 * @throws {TypeError} If a response has begun, or a field of `headers` or a subprotocol is invalid.
 * @throws {RangeError} If an option is out of its range.
 *
 * @example Echo
 * ```ts
 * import { Server } from "@khttp/khttp";
 * import { acceptWebSocket } from "@khttp/khttp/websocket";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/echo", async (ctx, res) => {
 *   const socket = await acceptWebSocket(ctx, res);
 *   if (socket === null) return;
 *   for await (const message of socket) socket.send(message);
 * });
 * ```
 */
export async function acceptWebSocket(
  ctx: RequestContext,
  res: ResponseHandle,
  options: WebSocketOptions = {},
): Promise<AcceptedWebSocket | null> {
  const settings = resolveWebSocketOptions(options);
  const handshake = readHandshake(ctx, settings);
  if ("status" in handshake) {
    res.send(handshake.status, handshake.body, handshake.fields);
    return null;
  }
  const duplex = await switchProtocols(res, handshake, settings);
  const messages = new MessageQueue();
  const connection = await connect(duplex, handshake, settings, messages);
  messages.connection = connection;
  connection.start();
  return new IteratedSocket(connection, messages, handshake.protocol);
}

/** Sends the 101 response; the connection comes once it is sent. */
export function switchProtocols(
  res: ResponseHandle,
  handshake: Handshake,
  settings: WebSocketSettings,
): Promise<Duplex> {
  const headers = new Headers(settings.headers);
  for (const [name, value] of handshakeFields(handshake)) {
    headers.replace(name, value);
  }
  return res.upgrade("websocket", headers);
}

/** Makes the connection. It does not read before it is started. */
export async function connect(
  duplex: Duplex,
  { deflate }: Handshake,
  settings: WebSocketSettings,
  sink: ConnectionSink,
): Promise<Connection> {
  try {
    duplex.setNoDelay?.(true);
    return new Connection({
      duplex,
      settings,
      deflate: deflate === null
        ? null
        : await loadDeflate(deflate, settings.deflate?.thresholdBytes ?? 0),
      clock: systemClock,
      sink,
    });
  } catch (error) {
    duplex.close();
    throw error;
  }
}

/** Loads zlib, which only connections with compression need. */
async function loadDeflate(
  accepted: AcceptedDeflate,
  thresholdBytes: number,
): Promise<ConnectionDeflate> {
  const { deflateMessage, MessageInflater } = await import("./deflate.ts");
  const inflater = new MessageInflater({
    noContextTakeover: accepted.clientNoContextTakeover,
    maxWindowBits: accepted.clientMaxWindowBits,
  });
  const inflate: ConnectionDeflate["inflate"] = (bytes, maxBytes) =>
    inflater.inflate(bytes, maxBytes);
  const windowBits = accepted.serverMaxWindowBits;
  if (accepted.serverNoContextTakeover) {
    return {
      thresholdBytes,
      inflate,
      deflate: (bytes) => deflateMessage(bytes, windowBits),
      close: () => {},
    };
  }
  const { MessageDeflater } = await import("./message_deflater.ts");
  const deflater = new MessageDeflater(windowBits);
  return {
    thresholdBytes,
    inflate,
    deflate: (bytes) => deflater.deflate(bytes),
    close: () => deflater.close(),
  };
}
