/**
 * A transport without a socket: requests already lie in the engine's receive
 * window, and responses count as sent as soon as they are written. It does for
 * the connection machine what an engine does, without the system calls.
 */

import { Connection } from "../../server/connection/connection.ts";
import type { EngineContext } from "../../server/connection/engine_context.ts";
import type { Duplex, Transport } from "../../server/duplex.ts";

/** Hooks and handlers of the benchmark never use it. */
const NO_DUPLEX: Duplex = {
  read: () => Promise.resolve(null),
  write: (bytes) => Promise.resolve(bytes.length),
  close: () => {},
};

/** One connection in memory. */
export class MemoryTransport implements Transport {
  readonly duplex: Duplex = NO_DUPLEX;
  readonly connection: Connection;
  /** Bytes of all responses so far. */
  sentBytes = 0;
  /** Copies of what was sent, as long as this is a list. */
  sent: Uint8Array[] | null = null;

  /** Begins a connection. */
  constructor(context: EngineContext) {
    this.connection = new Connection(context, this);
  }

  /** Receives the first `sizeBytes` of the window. */
  receive(sizeBytes: number): void {
    const { bytes, start } = this.connection.context.window;
    this.connection.receive(bytes, start, start + sizeBytes);
  }

  /** See {@linkcode Transport.flush}. */
  flush(): void {
    const { connection } = this;
    const { output } = connection;
    let bytes = output.take();
    while (bytes !== null) {
      if (this.sent !== null) this.sent.push(bytes.slice());
      this.sentBytes += bytes.length;
      output.sent(bytes.length);
      connection.outputSent();
      bytes = output.take();
    }
  }

  /** See {@linkcode Transport.resumeReading}. */
  resumeReading(): void {}

  /** See {@linkcode Transport.closeWrite}. */
  closeWrite(): void {}

  /** See {@linkcode Transport.takeOver}. */
  takeOver(): Duplex {
    return NO_DUPLEX;
  }

  /** See {@linkcode Transport.close}. */
  close(): void {}
}
