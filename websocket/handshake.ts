/**
 * The server's side of the opening handshake (RFC 6455 §4.2): which requests
 * open a WebSocket, and the fields of the response.
 */

import { createHash } from "node:crypto";
import type { RequestContext } from "../server/request_context.ts";
import {
  acceptDeflate,
  type AcceptedDeflate,
  type ExtensionOffer,
  parseExtensions,
} from "./codec/deflate_offer.ts";
import type { WebSocketSettings } from "./options.ts";

/** A request that opens a WebSocket. */
export interface Handshake {
  /** The value of `Sec-WebSocket-Accept`. */
  readonly acceptKey: string;
  /** The chosen subprotocol, or `""`. */
  readonly protocol: string;
  /** The agreed compression, or `null`. */
  readonly deflate: AcceptedDeflate | null;
}

/** How a request that opens no WebSocket is answered. */
export interface HandshakeRefusal {
  readonly status: 400 | 405 | 426;
  readonly fields: Readonly<Record<string, string>>;
  /** Says why. */
  readonly body: string;
}

/** What RFC 6455 §4.2.2 appends to the key. */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** 16 bytes in base64 (RFC 6455 §4.1): the last character has 4 bits that are 0. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Reads the request's part of the handshake, in the order of RFC 6455 §4.2.1. */
export function readHandshake(
  ctx: RequestContext,
  settings: WebSocketSettings,
): Handshake | HandshakeRefusal {
  const { headers } = ctx;
  const line = (name: string): string => headers.getAll(name).join(", ");
  if (!offersWebSocket(ctx)) {
    return refusal(426, "A WebSocket request is expected", {
      upgrade: "websocket",
    });
  }
  if (ctx.method !== "GET") {
    return refusal(405, "A WebSocket request has the method GET", {
      allow: "GET",
    });
  }
  if (line("content-length") !== "" && Number(line("content-length")) > 0) {
    return refusal(400, "A WebSocket request has no body");
  }
  if (line("transfer-encoding") !== "") {
    return refusal(400, "A WebSocket request has no body");
  }
  const key = line("sec-websocket-key");
  if (!KEY.test(key)) return refusal(400, "Sec-WebSocket-Key is invalid");
  if (line("sec-websocket-version") !== "13") {
    return refusal(426, "The version of the WebSocket protocol is not 13", {
      upgrade: "websocket",
      "sec-websocket-version": "13",
    });
  }
  const offers = offeredExtensions(line("sec-websocket-extensions"));
  if (offers === null) {
    return refusal(400, "Sec-WebSocket-Extensions is invalid");
  }
  const offered = listOf(line("sec-websocket-protocol"));
  return {
    acceptKey: acceptKeyOf(key),
    protocol: settings.protocols.find((one) => offered.includes(one)) ?? "",
    deflate: settings.deflate && acceptDeflate(offers, settings.deflate),
  };
}

/** Whether the client asks for a WebSocket. `Upgrade` counts only in HTTP/1.1, and only if `Connection` names it (RFC 9110 §7.8). */
function offersWebSocket({ httpVersion, headers }: RequestContext): boolean {
  const lists = (name: string, wanted: string): boolean =>
    listOf(headers.getAll(name).join().toLowerCase()).includes(wanted);
  return httpVersion === 1 && lists("connection", "upgrade") &&
    lists("upgrade", "websocket");
}

/** The fields of the 101 response, without `Upgrade` and `Connection`. */
export function handshakeFields(handshake: Handshake): [string, string][] {
  const fields: [string, string][] = [
    ["sec-websocket-accept", handshake.acceptKey],
  ];
  if (handshake.protocol !== "") {
    fields.push(["sec-websocket-protocol", handshake.protocol]);
  }
  if (handshake.deflate !== null) {
    fields.push(["sec-websocket-extensions", handshake.deflate.field]);
  }
  return fields;
}

/** The answer to a key (RFC 6455 §4.2.2 step 5.4). */
export function acceptKeyOf(key: string): string {
  return createHash("sha1").update(key + KEY_SUFFIX).digest("base64");
}

function offeredExtensions(value: string): ExtensionOffer[] | null {
  return value === "" ? [] : parseExtensions(value);
}

function listOf(value: string): string[] {
  return value.split(",").map((member) => member.trim());
}

function refusal(
  status: 400 | 405 | 426,
  why: string,
  fields: Readonly<Record<string, string>> = {},
): HandshakeRefusal {
  return {
    status,
    fields: { "content-type": "text/plain; charset=utf-8", ...fields },
    body: `${why}\n`,
  };
}
