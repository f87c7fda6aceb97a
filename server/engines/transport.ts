/**
 * The contract between the connection manager and the transports that its
 * engine creates. The contract between a transport and the connection machine
 * is in `server/connection/transport.ts`.
 */

import type { ServedConnection } from "../connection/connections.ts";
import type {
  ConnectionMachine,
  ReceiveMemory,
  Transport,
} from "../connection/transport.ts";
import type { Duplex } from "../duplex.ts";
import type { ProceedOptions } from "../hooks.ts";

/** One connection's transport, as the connection manager sees it. */
export interface ServedTransport {
  readonly duplex: Duplex;
  readonly connection: ServedConnection;
  /** Starts to read. */
  start(): void;
}

/** What a transport needs from the connection manager. */
export interface TransportOwner {
  /** Whether there is a teardown hook, which may read a closed connection's addresses. */
  readonly hasTeardownHook: boolean;
  /** Creates the connection machine that a transport drives; called once, by the transport's constructor. */
  connect(transport: Transport, options: ProceedOptions): ConnectionMachine;
  /** Called once, when the connection has ended, with the error if it failed. */
  transportClosed(transport: ServedTransport, error: Error | undefined): void;
}

/** What a transport is made of. */
export interface TransportInit {
  readonly context: ReceiveMemory;
  readonly duplex: Duplex;
  /** Whether the duplex may break its contract, because the application created it or replaced its methods. */
  readonly isUntrusted: boolean;
  readonly options: ProceedOptions;
  readonly owner: TransportOwner;
}
