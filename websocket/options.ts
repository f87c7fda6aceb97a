/** Every limit and deadline of a WebSocket, with unit and default, and the check of their ranges. */

import type { HeadersInit } from "../codec/headers.ts";
import { refuseUnknown } from "../server/options.ts";
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
  /** Subprotocols that the server speaks. The first one that the client offers is chosen. @default {[]} */
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
  readonly headers: HeadersInit;
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

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The longest time of a timer of the runtime, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Checks options and adds the defaults.
 *
 * @throws {TypeError} If an option does not exist, or a subprotocol is not a
 * token or named twice.
 * @throws {RangeError} If a number is out of its range.
 */
export function resolveWebSocketOptions(
  options: WebSocketOptions,
): WebSocketSettings {
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
  refuseUnknown("Cannot set option", unknown);
  checkProtocols(protocols);
  checkInteger("maxMessageBytes", maxMessageBytes, 0, 2 ** 31 - 1);
  checkInteger("maxBufferedBytes", maxBufferedBytes, 1, 2 ** 31 - 1);
  checkTime("idleTimeout", idleTimeout);
  checkTime("writeTimeout", writeTimeout);
  checkInteger("closeTimeout", closeTimeout, 1, MAX_TIMER_MS);
  return {
    protocols,
    headers,
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

function checkProtocols(protocols: readonly string[]): void {
  for (const protocol of protocols) {
    if (TOKEN.test(protocol)) continue;
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
    `Cannot set option ${name} to ${value}: an integer from ${min} to ${max}`,
  );
}
