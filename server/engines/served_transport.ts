/** What an engine knows of the transports that it makes, one a connection. */

import type { Connection } from "../connection.ts";
import type { ProceedOptions } from "../hooks.ts";
import type { Services } from "../services.ts";
import type { Duplex } from "../transport.ts";

/** One connection's way between its machine and its bytes. */
export interface ServedTransport {
  readonly duplex: Duplex;
  readonly connection: Connection;
  /** Begins to read. */
  start(): void;
}

/** What a transport is made of. */
export interface TransportInit {
  readonly services: Services;
  readonly duplex: Duplex;
  readonly options: ProceedOptions;
  /** Called once, with how it ended. */
  readonly onClosed: (
    transport: ServedTransport,
    error: Error | undefined,
  ) => void;
}
