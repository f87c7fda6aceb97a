/**
 * A connection without a socket: what the test sends is read at once, each
 * write is kept as it came, and writes can be held back or made to fail.
 */

import type { Duplex } from "../../mod.ts";
import { fromOctets, ResponseReader, toOctets } from "./raw_client.ts";

/** Both ends of such a connection; the server gets `duplex`, the test the rest. */
export class MemoryConnection extends ResponseReader {
  /** What the server reads from and writes to. */
  readonly duplex: Duplex;
  /** Each write, as text. */
  readonly writes: string[] = [];
  /** How often the server closed it. */
  closeCount = 0;
  #toServer: Channel = new Channel();
  #toClient: Channel;
  /** What writes wait for. */
  #gate: Promise<void> = Promise.resolve();

  constructor() {
    const toClient = new Channel();
    super(() => toClient.take());
    this.#toClient = toClient;
    this.duplex = {
      read: async (buffer) => {
        const bytes = await this.#toServer.take(buffer.length);
        if (bytes !== null) buffer.set(bytes);
        return bytes?.length ?? null;
      },
      write: async (bytes) => {
        const text = fromOctets(bytes);
        this.writes.push(text);
        await this.#gate;
        toClient.put(toOctets(text));
        return bytes.length;
      },
      closeWrite: () => {
        toClient.end();
        return Promise.resolve();
      },
      close: () => {
        this.closeCount++;
        toClient.end();
        this.#toServer.end();
      },
    };
  }

  /** Sends octets to the server. */
  send(text: string): void {
    this.#toServer.put(toOctets(text));
  }

  /** Ends our direction. */
  end(): void {
    this.#toServer.end();
  }

  /** Makes the server's reads fail, as a reset does. */
  reset(error: Error): void {
    this.#toServer.fail(error);
    this.#toClient.end();
  }

  /** Holds writes back until the result is called. */
  holdWrites(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }
}

/** Octets in one direction. */
class Channel {
  #pieces: Uint8Array[] = [];
  #isEnded = false;
  #error: Error | null = null;
  #wake: () => void = () => {};

  put(bytes: Uint8Array): void {
    if (this.#isEnded) return;
    this.#pieces.push(bytes);
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
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
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
