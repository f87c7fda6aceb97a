/**
 * Compresses and decompresses messages (RFC 7692 §7.2) with the runtime's zlib.
 * The connection loads this file only if compression was negotiated. Each
 * message is one synchronous call, so that no zlib state lives between
 * messages: what is kept are the last bytes of the client's messages, which its
 * next message may refer to. `message_deflater.ts` compresses messages that
 * refer to earlier ones.
 */

import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { WebSocketFault } from "./codec/fault.ts";

/** The end of each message, which is not sent (RFC 7692 §7.2.1). */
export const TAIL: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/**
 * DEFLATE streams in one message. Most compressors never end one; a client could
 * send half a million empty ones in a mebibyte, each of which costs a call.
 */
const MAX_STREAMS = 16;

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * Compresses one message on its own; the result is a frame's payload.
 *
 * @param maxWindowBits How far references may go back, as a power of two from 9 to 15.
 */
export function deflateMessage(
  bytes: Uint8Array,
  maxWindowBits: number,
): Uint8Array {
  if (bytes.length === 0) return new Uint8Array(1); // RFC 7692 §7.2.3.6
  const compressed = deflateRawSync(bytes, {
    finishFlush: constants.Z_SYNC_FLUSH,
    windowBits: maxWindowBits,
  });
  return compressed.subarray(0, compressed.length - TAIL.length);
}

/** How the client compresses. */
export interface ContextInit {
  /** Whether it compresses each message on its own. */
  readonly noContextTakeover: boolean;
  /** Its largest window, as a power of two. */
  readonly maxWindowBits: number;
}

/** Decompresses the messages of a client. */
export class MessageInflater {
  #maxWindowBytes: number;
  /** The last bytes of the messages so far. */
  #window: Uint8Array<ArrayBuffer> = NO_BYTES;

  /** Creates the decompressor of one client. */
  constructor({ noContextTakeover, maxWindowBits }: ContextInit) {
    this.#maxWindowBytes = noContextTakeover ? 0 : 2 ** maxWindowBits;
  }

  /**
   * Decompresses one message. zlib produces the output in pieces, and stops with
   * the first one beyond the limit.
   *
   * @throws {WebSocketFault} `INVALID_DEFLATE`, or `MESSAGE_TOO_LARGE` if it has more than `maxBytes`.
   */
  inflate(compressed: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> {
    let message = NO_BYTES;
    let rest = joined(compressed, TAIL);
    // A block that ends the DEFLATE stream may be followed by others (RFC 7692 §7.2.3.4).
    for (let count = 0; count < MAX_STREAMS; count++) {
      const part = this.#inflateStream(rest, maxBytes - message.length);
      message = count === 0 ? part.bytes : joined(message, part.bytes);
      this.#remember(part.bytes);
      rest = rest.subarray(part.usedBytes);
      if (rest.length <= TAIL.length + 1) return message;
    }
    throw invalidDeflate();
  }

  /** Decompresses up to the end of the input, or of its DEFLATE stream. */
  #inflateStream(
    input: Uint8Array,
    maxBytes: number,
  ): { bytes: Uint8Array<ArrayBuffer>; usedBytes: number } {
    const window = this.#window;
    const prefix = window.length === 0 ? NO_BYTES : storedBlock(window);
    const { buffer, engine } = inflateUpTo(
      prefix.length === 0 ? input : joined(prefix, input),
      window.length + maxBytes,
    );
    return {
      bytes: new Uint8Array(buffer.subarray(window.length)),
      usedBytes: engine.bytesWritten - prefix.length,
    };
  }

  /** Keeps the end of the bytes so far. */
  #remember(bytes: Uint8Array): void {
    const max = this.#maxWindowBytes;
    if (max === 0) return;
    const keptBytes = Math.max(0, max - bytes.length);
    this.#window = joined(
      this.#window.subarray(Math.max(0, this.#window.length - keptBytes)),
      bytes.subarray(Math.max(0, bytes.length - max)),
    );
  }
}

/**
 * Bytes as a block without compression (RFC 1951 §3.2.4). Before a message, it
 * makes them its window: the runtime ignores the dictionary of raw DEFLATE.
 *
 * @param bytes 65,535 at most.
 */
function storedBlock(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = bytes.length;
  const head = Uint8Array.of(0, size, size >> 8, ~size, ~size >> 8);
  return joined(head, bytes);
}

/** What `inflateRawSync` returns when it is asked for information. */
interface InflateInfo {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

function inflateUpTo(input: Uint8Array, maxBytes: number): InflateInfo {
  try {
    const result = inflateRawSync(input, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: maxBytes + 1, // must be 1 at least
      info: true,
    }) as unknown as InflateInfo; // the types leave out that `info` changes the result
    if (result.buffer.length > maxBytes) throw tooLarge();
    return result;
  } catch (error) {
    if (error instanceof WebSocketFault) throw error;
    const { code } = error as { code?: unknown }; // zlib's errors have one
    throw code === "ERR_BUFFER_TOO_LARGE" ? tooLarge() : invalidDeflate();
  }
}

function invalidDeflate(): WebSocketFault {
  return new WebSocketFault(
    "INVALID_DEFLATE",
    "Cannot decompress message: invalid DEFLATE data",
  );
}

function tooLarge(): WebSocketFault {
  return new WebSocketFault(
    "MESSAGE_TOO_LARGE",
    "Cannot decompress message: more bytes than the limit",
  );
}

function joined(
  first: Uint8Array,
  second: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
