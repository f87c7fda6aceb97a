/** Connections in memory that answer every request with the same bytes. */

import { SYSTEM_CLOCK } from "../../client/clock.ts";
import { Connector } from "../../client/connector.ts";
import { resolveClientOptions } from "../../client/options.ts";

const ADDRESS: Deno.NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 1,
};

/** One connection: each write is a request, whose response the next read gets. */
class MemoryConn implements Deno.Conn {
  readonly localAddr = ADDRESS;
  readonly remoteAddr = ADDRESS;
  #response: Uint8Array;
  #buffer: Uint8Array | null = null;
  #resolve: (size: number | null) => void = () => {};
  #unread = 0;

  constructor(response: Uint8Array) {
    this.#response = response;
  }

  get readable(): never {
    throw new TypeError("A connection in memory has no streams");
  }

  get writable(): never {
    throw new TypeError("A connection in memory has no streams");
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve) => {
      this.#buffer = buffer;
      this.#resolve = resolve;
      if (this.#unread > 0) this.#answer();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#unread = this.#response.length;
    if (this.#buffer !== null) this.#answer();
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.#resolve(null);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  ref(): void {}

  unref(): void {}

  [Symbol.dispose](): void {
    this.close();
  }

  #answer(): void {
    const buffer = this.#buffer!; // a read is pending
    const start = this.#response.length - this.#unread;
    const size = Math.min(buffer.length, this.#unread);
    buffer.set(this.#response.subarray(start, start + size));
    this.#unread -= size;
    this.#buffer = null;
    this.#resolve(size);
  }
}

/** Opens connections in memory. */
export class MemoryConnector extends Connector {
  #response: Uint8Array;

  /** @param response The response to every request. */
  constructor(response: Uint8Array) {
    super(resolveClientOptions({}), SYSTEM_CLOCK);
    this.#response = response;
  }

  override connect(): Promise<Deno.Conn> {
    return Promise.resolve(new MemoryConn(this.#response));
  }
}
