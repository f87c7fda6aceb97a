/**
 * Compresses the messages of one connection with a window that they share (RFC
 * 7692 §7.1.1.1, §7.2.1). The stream of `node:zlib` works asynchronously; its
 * native half, which Node.js, Deno and Bun all have under the same undocumented names,
 * compresses at once, so that messages need no queue. Where it is missing, each
 * message is compressed on its own, which the peer accepts as well.
 */

import { constants, createDeflateRaw } from "node:zlib";
import { deflateMessage, TAIL } from "./deflate.ts";

/** The native half of a stream of `node:zlib`. */
interface NativeDeflate {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputStart: number,
    inputBytes: number,
    output: Uint8Array,
    outputStart: number,
    outputBytes: number,
  ): void;
}

/** What is used of a stream of `node:zlib`. */
interface DeflateStream {
  readonly _handle?: NativeDeflate | null;
  /** After a call: the free bytes of the output, and the unread bytes of the input. */
  readonly _writeState?: Uint32Array;
  close(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** A block header and the tail of a flush, with some room. */
const EXTRA_BYTES = 32;

/** With a memory level this much below the window bits, zlib's hash table and buffers are as large as its window: 2 ** (bits + 2) bytes each. */
const BITS_ABOVE_MEMORY_LEVEL = 7;

/** Compresses messages in the order in which they are sent. */
export class MessageDeflater {
  readonly #windowBits: number;
  /** Made by the first message: most connections of a server may never send one. */
  #stream: DeflateStream | null = null;
  #error: Error | null = null;

  /**
   * Creates the compressor of a connection. It holds 2 ** (windowBits + 3) bytes
   * from the first message on.
   *
   * @param windowBits How far references may go back, as a power of two from 9 to 15.
   */
  constructor(windowBits: number) {
    this.#windowBits = windowBits;
  }

  /**
   * Compresses one message; the result is a frame's payload.
   *
   * @throws {Error} If zlib fails.
   */
  deflate(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return new Uint8Array(1); // RFC 7692 §7.2.3.6
    const { _handle: native, _writeState: state } = this.#open();
    if (!native || typeof native.writeSync !== "function" || !state) {
      return deflateMessage(bytes, this.#windowBits);
    }
    let output = new Uint8Array(
      bytes.length + (bytes.length >>> 3) + EXTRA_BYTES,
    );
    let [readBytes, writtenBytes] = [0, 0];
    for (;;) {
      native.writeSync(
        constants.Z_SYNC_FLUSH,
        bytes,
        readBytes,
        bytes.length - readBytes,
        output,
        writtenBytes,
        output.length - writtenBytes,
      );
      if (this.#error !== null) throw this.#error;
      const [freeBytes = 0, unreadBytes = 0] = state;
      readBytes = bytes.length - unreadBytes;
      writtenBytes = output.length - freeBytes;
      if (freeBytes > 0) break; // zlib leaves room only once it has written everything
      const grown = new Uint8Array(output.length * 2);
      grown.set(output);
      output = grown;
    }
    return output.subarray(0, writtenBytes - TAIL.length);
  }

  /** Frees the memory. Nothing may be compressed afterwards. */
  close(): void {
    this.#stream?.close();
    this.#stream = null;
  }

  #open(): DeflateStream {
    if (this.#stream !== null) return this.#stream;
    const stream = createDeflateRaw({
      windowBits: this.#windowBits,
      memLevel: this.#windowBits - BITS_ABOVE_MEMORY_LEVEL,
    }) as unknown as DeflateStream; // the types leave out what is not documented
    stream.on("error", (error) => this.#error = error);
    return this.#stream = stream;
  }
}
