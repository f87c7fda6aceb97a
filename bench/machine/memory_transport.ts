/**
 * A transport without a socket. Requests are already in the receive window of
 * the engine's context, and responses count as sent immediately. It does the
 * work of an engine without its system calls.
 */

import { Connection } from "../../server/connection/connection.ts";
import type { EngineContext } from "../../server/connection/engine_context.ts";
import type { Transport } from "../../server/connection/transport.ts";
import type { Duplex } from "../../server/duplex.ts";

/** A duplex that the benchmark's handlers never use. */
const NO_DUPLEX: Duplex = {
  read: () => Promise.resolve(null),
  write: (bytes) => Promise.resolve(bytes.length),
  close: () => {},
};

/** One connection in memory. */
export class MemoryTransport implements Transport {
  readonly duplex: Duplex = NO_DUPLEX;
  readonly connection: Connection;
  /** Size of all responses so far. */
  sentBytes = 0;
  /** Copies of all sent bytes, if it is set. */
  sent: Uint8Array[] | null = null;

  /** Starts a connection. */
  constructor(context: EngineContext) {
    this.connection = new Connection(context, this);
  }

  /** Receives the first `sizeBytes` of the window. */
  receive(sizeBytes: number): void {
    const { bytes, start } = this.connection.context.window;
    this.connection.receive(bytes, start, start + sizeBytes);
    this.wake();
  }

  /** See {@linkcode Transport.wake}. */
  wake(): void {
    const { connection } = this;
    const { output } = connection;
    let buffer = output.take();
    while (buffer !== null) {
      const size = buffer.end;
      if (this.sent !== null) this.sent.push(buffer.bytes.slice(0, size));
      this.sentBytes += size;
      output.sent(size);
      if (output.pendingBytes === 0) connection.outputSent();
      buffer = output.take();
    }
  }

  /** See {@linkcode Transport.takeOver}. */
  takeOver(): Duplex {
    return NO_DUPLEX;
  }

  /** See {@linkcode Transport.close}. */
  close(): void {}
}
