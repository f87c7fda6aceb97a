/** What an engine knows of the transports that it makes, one a connection. */

import type { Connection } from "../connection/connection.ts";
import type { ProceedOptions } from "../hooks.ts";
import type { EngineContext } from "../connection/engine_context.ts";
import type { Duplex } from "../duplex.ts";

/** One connection's way between its machine and its bytes. */
export interface ServedTransport {
  readonly duplex: Duplex;
  readonly connection: Connection;
  /** Begins to read. */
  start(): void;
}

/** What a transport tells its engine. */
export interface TransportOwner {
  /** It ended, with an error or well; said once. */
  transportClosed(transport: ServedTransport, error: Error | undefined): void;
}

/** What a transport is made of. */
export interface TransportInit {
  readonly context: EngineContext;
  readonly duplex: Duplex;
  /** Whether the duplex may do anything: it was handed in, or the setup hook gave or changed it. */
  readonly isUntrusted: boolean;
  readonly options: ProceedOptions;
  /** Who is told of its end. */
  readonly owner: TransportOwner;
}
