/** Every limit and deadline of a WebSocket, with unit and default, and the check of their ranges. */

import { isToken } from "../codec/ascii.ts";
import { Headers as FieldLines, type HeadersInit } from "../codec/headers.ts";
import { shown } from "../codec/shown.ts";
import { refuseUnknown, requireOptions } from "../server/options.ts";
import type { DeflateSettings } from "./codec/deflate_offer.ts";

/**
 * How messages are compressed (RFC 7692).
 *
 * A message may refer to earlier ones of its sender, which makes small similar
 * messages much smaller, and costs memory on each connection: for the server's
 * messages 2 ** (`serverMaxWindowBits` + 3) bytes, that is 256 KiB, from the
 * first one on, and for the client's 2 ** `clientMaxWindowBits`, that is 32 KiB.
 * An attacker that chooses a part of such messages and sees their sizes may guess
 * the rest: a program that sends secrets keeps `serverNoContextTakeover`.
 */
export interface WebSocketDeflateOptions {
  /** Whether the server compresses each message on its own. If not, consider a smaller `thresholdBytes`. @default {true} */
  readonly serverNoContextTakeover?: boolean;
  /** Whether the client must compress each message on its own; then nothing is kept between messages. @default {false} */
  readonly clientNoContextTakeover?: boolean;
  /** How far back the server's messages refer, as a power of two from 9 to 15. @default {15} */
  readonly serverMaxWindowBits?: number;
  /** How far back the client's messages may refer, as a power of two from 8 to 15. Below 15, clients that cannot limit it get no compression. @default {15} */
  readonly clientMaxWindowBits?: number;
  /** Messages with fewer bytes are not compressed. @default {1024} */
  readonly thresholdBytes?: number;
}

/** How a WebSocket is accepted; sizes in bytes, times in milliseconds. */
export interface WebSocketOptions {
  /** Subprotocols that the server speaks, the preferred one first. The first of them that the client offers is chosen. @default {[]} */
  readonly protocols?: readonly string[];
  /** Further fields of the 101 response, such as cookies. @default {{}} */
  readonly headers?: HeadersInit;
  /** The largest message of the client, after decompression. A larger one closes the connection with 1009. @default {1048576} */
  readonly maxMessageBytes?: number;
  /** The most bytes that may wait to be sent. A client that reads so slowly that there are more is cut off. @default {16777216} */
  readonly maxBufferedBytes?: number;
  /** After this time without bytes from the client, it gets a ping; after the same time again, it is cut off. Each may be up to a quarter late. `Infinity` for never. @default {30000} */
  readonly idleTimeout?: number;
  /** How long sending may go without progress before the client is cut off, at most a quarter later. @default {30000} */
  readonly writeTimeout?: number;
  /** How long the closing handshake may take. @default {5000} */
  readonly closeTimeout?: number;
  /** Whether messages may be compressed, and how. @default {false} */
  readonly permessageDeflate?: boolean | WebSocketDeflateOptions;
}

/** Options with all defaults. */
export interface WebSocketSettings {
  readonly protocols: readonly string[];
  readonly headers: FieldLines;
  readonly maxMessageBytes: number;
  readonly maxBufferedBytes: number;
  readonly idleTimeout: number;
  readonly writeTimeout: number;
  readonly closeTimeout: number;
  /** `null` for no compression. */
  readonly deflate:
    | (DeflateSettings & { readonly thresholdBytes: number })
    | null;
}

/** The longest time of a timer of the runtime, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What to do instead, for options of `Deno.upgradeWebSocket()` and of other libraries. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["protocol", 'write protocols: ["name"]'],
  ["perMessageDeflate", "the name is permessageDeflate"],
  ["maxPayload", "the name is maxMessageBytes"],
  ["maxPayloadLength", "the name is maxMessageBytes"],
]);

/**
 * Checks options and adds the defaults.
 *
 * @throws {TypeError} If the options are not an object, an option does not exist,
 * a subprotocol is not a token or is named twice, or a field is invalid or belongs
 * to the handshake.
 * @throws {RangeError} If a number is out of its range.
 */
export function resolveWebSocketOptions(
  options: WebSocketOptions,
): WebSocketSettings {
  requireOptions("Cannot set options to", options, "{ idleTimeout: 60_000 }");
  const {
    protocols = [],
    headers = {},
    maxMessageBytes = 1_048_576,
    maxBufferedBytes = 16_777_216,
    idleTimeout = 30_000,
    writeTimeout = 30_000,
    closeTimeout = 5000,
    permessageDeflate = false,
    ...unknown
  } = options;
  refuseUnknown("Cannot set option", unknown, ADVICE);
  checkProtocols(protocols);
  const fields = new FieldLines(headers);
  checkFields(fields);
  checkInteger("maxMessageBytes", maxMessageBytes, 0, 2 ** 31 - 1);
  checkInteger("maxBufferedBytes", maxBufferedBytes, 1, 2 ** 31 - 1);
  checkTime("idleTimeout", idleTimeout);
  checkTime("writeTimeout", writeTimeout);
  checkInteger("closeTimeout", closeTimeout, 1, MAX_TIMER_MS);
  return {
    protocols,
    headers: fields,
    maxMessageBytes,
    maxBufferedBytes,
    idleTimeout,
    writeTimeout,
    closeTimeout,
    deflate: resolveDeflate(permessageDeflate),
  };
}

function resolveDeflate(
  given: boolean | WebSocketDeflateOptions,
): WebSocketSettings["deflate"] {
  if (given === false) return null;
  if (given !== true) {
    requireOptions(
      "Cannot set permessageDeflate to",
      given,
      "{ thresholdBytes: 256 }",
    );
  }
  const {
    serverNoContextTakeover = true,
    clientNoContextTakeover = false,
    serverMaxWindowBits = 15,
    clientMaxWindowBits = 15,
    thresholdBytes = 1024,
    ...unknown
  } = given === true ? {} : given;
  refuseUnknown("Cannot set option", unknown);
  checkInteger("serverMaxWindowBits", serverMaxWindowBits, 9, 15);
  checkInteger("clientMaxWindowBits", clientMaxWindowBits, 8, 15);
  checkInteger("thresholdBytes", thresholdBytes, 0, Number.MAX_SAFE_INTEGER);
  return {
    serverNoContextTakeover,
    clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits,
    thresholdBytes,
  };
}

/**
 * Checks fields that the program adds to the 101 response.
 *
 * @throws {TypeError} If one of them belongs to the handshake. A client fails the
 * connection if it gets a subprotocol or an extension that it has not offered
 * (RFC 6455 §4.1).
 */
export function checkFields(fields: FieldLines): void {
  for (const [name] of fields) {
    if (!name.toLowerCase().startsWith("sec-websocket-")) continue;
    throw new TypeError(
      `Cannot add field ${
        JSON.stringify(name)
      }: the handshake sets it; use the options protocols and permessageDeflate`,
    );
  }
}

function checkProtocols(protocols: unknown): void {
  const isList = Array.isArray(protocols) &&
    protocols.every((one) => typeof one === "string");
  if (!isList) {
    throw new TypeError(
      `Cannot set option protocols to ${
        shown(protocols)
      }: not an array of strings such as ["chat"]`,
    );
  }
  for (const protocol of protocols) {
    if (isToken(protocol)) continue;
    throw new TypeError(
      `Cannot accept subprotocol ${JSON.stringify(protocol)}: not a token`,
    );
  }
  if (new Set(protocols).size === protocols.length) return;
  throw new TypeError("Cannot accept subprotocols: one is named twice");
}

function checkTime(name: string, value: number): void {
  if (value !== Infinity) checkInteger(name, value, 1, MAX_TIMER_MS);
}

function checkInteger(
  name: string,
  value: number,
  min: number,
  max: number,
): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot set option ${name} to ${
      shown(value)
    }: not an integer from ${min} to ${max}`,
  );
}
