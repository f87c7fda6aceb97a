/**
 * A connection in memory that carries one exchange: it gives the server the bytes
 * of a request, and keeps those of the response until they are taken. At most
 * {@linkcode MAX_WAITING_BYTES} wait, so that a slow reader slows the server down.
 */

import type { Addr } from "../codec/socket_address.ts";
import type { Duplex } from "../server/duplex.ts";

/** Bytes of the response that may wait before the server's writes wait too. */
const MAX_WAITING_BYTES = 65_536;

/** The addresses of the connection that a request came through, if they are known. */
export interface MemoryAddresses {
  /** The client's address, which `ctx.ip` gives. */
  readonly remoteAddr?: Addr | undefined;
}

/** One exchange; the server has it as a duplex. */
export class MemoryExchange implements Duplex {
  readonly remoteAddr: Addr | undefined;
  #request: AsyncIterator<Uint8Array>;
  /** The part of a piece that did not fit into the buffer of `read`. */
  #rest: Uint8Array = new Uint8Array(0);
  #response: Uint8Array[] = [];
  #waitingBytes = 0;
  #isClosed = false;
  #failure: unknown = null;
  /** Resolves when the exchange ends, on whichever side. */
  #ended: PromiseWithResolvers<null> = Promise.withResolvers();
  /** Wakes the side that waits for the response's next bytes. */
  #onWrite: () => void = () => {};
  /** Wakes a write that waits for room. */
  #onTake: () => void = () => {};

  /** Creates an exchange whose request's bytes come from an iterator. */
  constructor(
    request: AsyncIterator<Uint8Array>,
    { remoteAddr }: MemoryAddresses = {},
  ) {
    this.#request = request;
    this.remoteAddr = remoteAddr;
  }

  /** Gives the server the request's next bytes. After the last of them it waits for the end of the exchange. */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#rest.length === 0) {
      // A client that leaves while its body is awaited must be noticed.
      const step = await Promise.race([
        this.#request.next(),
        this.#ended.promise,
      ]);
      if (this.#failure !== null) throw this.#failure;
      if (step === null) return null;
      if (step.done === true) return await this.#ended.promise;
      this.#rest = step.value;
    }
    const taken = this.#rest.subarray(0, buffer.length);
    buffer.set(taken);
    this.#rest = this.#rest.subarray(taken.length);
    return taken.length;
  }

  /** Takes bytes of the response. */
  async write(bytes: Uint8Array): Promise<number> {
    if (this.#isClosed) {
      const BrokenPipe = typeof Deno === "undefined"
        ? Error
        : Deno.errors.BrokenPipe;
      throw new BrokenPipe("Cannot write: the exchange has ended");
    }
    this.#response.push(bytes.slice());
    this.#waitingBytes += bytes.length;
    this.#onWrite();
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      await new Promise<void>((resolve) => this.#onTake = resolve);
    }
    return bytes.length;
  }

  /** Ends the exchange; the server and the reader of the response call it. */
  close(): void {
    this.#isClosed = true;
    this.#ended.resolve(null);
    this.#onWrite();
    this.#onTake();
    this.#request.return?.()?.catch(() => {}); // the exchange has ended, so that nothing depends on it
  }

  /** Ends the server's direction. */
  closeWrite(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Ends the exchange because the client has left. */
  fail(reason: unknown): void {
    this.#failure ??= reason;
    this.close();
  }

  /** Takes the response's next bytes; `null` if the exchange has ended. */
  async take(): Promise<Uint8Array | null> {
    for (;;) {
      const bytes = this.#response.shift();
      if (bytes !== undefined) {
        this.#waitingBytes -= bytes.length;
        if (this.#waitingBytes <= MAX_WAITING_BYTES) this.#onTake();
        return bytes;
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#isClosed) return null;
      await new Promise<void>((resolve) => this.#onWrite = resolve);
    }
  }
}
