/**
 * Opens a WebSocket from a fetch handler, in the shape of `Deno.upgradeWebSocket`.
 */

import { Headers as FieldLines } from "../codec/headers.ts";
import { LazyRequest } from "../fetch/lazy_request.ts";
import { UpgradeResponse } from "../fetch/upgrade_response.ts";
import { RequestRefusal } from "../server/failure_report.ts";
import { connect, switchProtocols } from "./accept.ts";
import { EventSocket } from "./event_socket.ts";
import { readHandshake } from "./handshake.ts";
import {
  checkFields,
  resolveWebSocketOptions,
  type WebSocketOptions,
} from "./options.ts";

/** A WebSocket, and the response that opens it. */
export interface WebSocketUpgrade {
  /** Connecting, until the handler has returned the response. */
  readonly socket: WebSocket;
  /** What the handler returns. Fields that are added to it are sent. */
  readonly response: Response;
}

/**
 * Upgrades a request of a fetch handler to a WebSocket, like
 * `Deno.upgradeWebSocket()`, which cannot upgrade requests of this server.
 *
 * The socket opens once the handler has returned the response. Its `close()` takes
 * every code that a close frame may carry, and its `bufferedAmount` counts the
 * heads of frames. It reads on while listeners run, and stops reading while
 * 256 KiB wait to be sent. `idleTimeout` is in milliseconds here, not in seconds,
 * and the option `protocols` replaces `protocol`.
 *
 * It throws for a request that opens no WebSocket. If the handler does not catch
 * the error, the client gets the response that {@linkcode acceptWebSocket} would
 * send, such as 426 for a plain GET (RFC 9110 §15.5.22), and nothing is reported.
 *
 * @param request What the fetch handler was given.
 * @throws {TypeError} If the request was not received by this server, is no valid
 * WebSocket request, or an option is invalid.
 * @throws {RangeError} If an option is out of its range.
 *
 * @example Echo
 * ```ts
 * import { serve } from "@khttp/khttp/fetch";
 * import { upgradeWebSocket } from "@khttp/khttp/websocket";
 *
 * await using server = serve({ port: 0 }, (request) => {
 *   const { socket, response } = upgradeWebSocket(request);
 *   socket.onmessage = ({ data }) => socket.send(data);
 *   return response;
 * });
 * ```
 */
export function upgradeWebSocket(
  request: Request,
  options: WebSocketOptions = {},
): WebSocketUpgrade {
  const settings = resolveWebSocketOptions(options);
  // Not `instanceof`: the program may have replaced the global class.
  const isObject = typeof request === "object" && request !== null;
  const exchange = isObject ? LazyRequest.exchangeOf(request) : null;
  if (exchange === null) {
    throw new TypeError(
      "Cannot upgrade to WebSocket: the request was not received by this server; pass the one that the fetch handler was given, not a copy",
    );
  }
  const { ctx, res } = exchange;
  const handshake = readHandshake(ctx, settings);
  if ("status" in handshake) {
    throw new RequestRefusal(
      `Cannot upgrade to WebSocket: ${handshake.body.trim()}`,
      handshake,
    );
  }
  const socket = new EventSocket({
    url: request.url.replace(/^http/, "ws"),
    protocol: handshake.protocol,
    extensions: handshake.deflate?.field ?? "",
  });
  const response = new UpgradeResponse((added) => {
    const lines = new FieldLines(added);
    checkFields(lines);
    const headers = new FieldLines(settings.headers);
    for (const [name, value] of lines) headers.append(name, value);
    void socket.open(
      switchProtocols(res, handshake, { ...settings, headers }),
      (duplex, sink) => connect(duplex, handshake, settings, sink),
    );
  });
  return { socket: socket as unknown as WebSocket, response }; // it has all members of one
}
