/**
 * A connection without a socket: the server reads and writes a `Duplex` in
 * memory, the test drives the other end. Each piece that the test sends is one
 * read of the server; each write of the server is kept. Writes can be held
 * back, and reads can be made to fail.
 */

import type { Duplex } from "../../mod.ts";
import { decodeLatin1, encodeLatin1 } from "./latin1.ts";
import { ResponseReader } from "./raw_client.ts";

/** How the server's end behaves. */
export interface MemoryOptions {
  /** Most bytes that one write accepts. @default {Infinity} */
  readonly maxWriteBytes?: number;
}

/** Both ends of such a connection: `duplex` is for the server, the rest for the test. */
export class MemoryConnection extends ResponseReader {
  /** The server's end; a test may replace its methods. */
  readonly duplex: Duplex;
  /** Each write of the server, one character for each byte. */
  readonly writes: string[] = [];
  /** Number of bytes that the server has read. */
  readBytes = 0;
  /** How often the server closed the connection. */
  closeCount = 0;
  #toServer: Channel = new Channel();
  #toClient: Channel;
  /** Writes wait for this promise. */
  #gate: Promise<void> = Promise.resolve();

  constructor({ maxWriteBytes = Infinity }: MemoryOptions = {}) {
    const toClient = new Channel();
    super(() => toClient.take());
    this.#toClient = toClient;
    this.duplex = {
      read: async (buffer) => {
        if (this.closeCount > 0) throw new Deno.errors.BadResource("closed");
        const bytes = await this.#toServer.take(buffer.length);
        if (bytes === null) return null;
        buffer.set(bytes);
        this.readBytes += bytes.length;
        return bytes.length;
      },
      write: async (bytes) => {
        if (toClient.isEnded) throw new Deno.errors.BrokenPipe("closed");
        const text = decodeLatin1(bytes.subarray(0, maxWriteBytes));
        this.writes.push(text);
        await this.#gate;
        toClient.put(encodeLatin1(text));
        return text.length;
      },
      closeWrite: () => {
        toClient.end();
        return Promise.resolve();
      },
      close: () => {
        this.closeCount++;
        if (this.closeCount > 1) throw new Deno.errors.BadResource("closed");
        toClient.end();
        this.#toServer.end();
      },
    };
  }

  /** Sends a string to the server, one byte for each character. */
  send(text: string): void {
    this.sendBytes(encodeLatin1(text));
  }

  /** Sends one piece to the server. */
  sendBytes(bytes: Uint8Array): void {
    this.#toServer.put(bytes);
  }

  /** Takes what the server wrote next; `null` at the end. */
  receive(): Promise<Uint8Array | null> {
    return this.#toClient.take();
  }

  /** Ends the test's direction. */
  end(): void {
    this.#toServer.end();
  }

  /** Makes the server's reads fail, as a reset does. */
  reset(error: Error): void {
    this.#toServer.fail(error);
    this.#toClient.end();
  }

  /** Holds writes back until the returned function is called. */
  holdWrites(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }
}

/** Bytes in one direction, in the pieces in which they were put. */
class Channel {
  isEnded = false;
  #pieces: Uint8Array[] = [];
  #error: Error | null = null;
  #wake: () => void = () => {};

  put(bytes: Uint8Array): void {
    if (this.isEnded) return;
    this.#pieces.push(bytes);
    this.#wake();
  }

  end(): void {
    this.isEnded = true;
    this.#wake();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#wake();
  }

  async take(maxBytes = Infinity): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        if (piece.length <= maxBytes) return piece;
        this.#pieces.unshift(piece.subarray(maxBytes));
        return piece.subarray(0, maxBytes);
      }
      if (this.#error !== null) throw this.#error;
      if (this.isEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
