/**
 * The contract between the connection manager, a transport and the connection
 * machine. A transport moves the bytes of one connection: it feeds the machine
 * what the peer sends, and sends what the machine puts into its output.
 */

import type { ServedConnection } from "../connection/connections.ts";
import type { EngineContext } from "../connection/engine_context.ts";
import type { Output } from "../connection/output.ts";
import type { Duplex, Transport } from "../duplex.ts";
import type { ProceedOptions } from "../hooks.ts";

/** The connection machine, as its transport sees it. */
export interface ConnectionMachine extends ServedConnection {
  readonly context: EngineContext;
  /** What to send. */
  readonly output: Output;
  /** How many bytes `receive` may get, or 0 while the transport must not read. */
  readonly readCapacity: number;
  /** Whether the connection waits for a request. */
  readonly isIdle: boolean;
  /** Whether the peer has ended its direction. */
  readonly isInputEnded: boolean;
  /** Takes bytes from the engine's receive window or a receive slot; they may be overwritten afterwards. */
  receive(bytes: Uint8Array, start: number, end: number): void;
  /** Takes bytes from any other memory; they may be overwritten afterwards. */
  receiveElsewhere(bytes: Uint8Array, start: number, end: number): void;
  /** Notes that the peer has ended its direction. */
  receiveEnd(): void;
  /** Notes that bytes of the output were sent. */
  outputSent(): void;
  /** Closes the connection, with an error if it failed. */
  fail(error?: Error): void;
}

/** One connection's transport, as the connection manager sees it. */
export interface ServedTransport {
  readonly duplex: Duplex;
  readonly connection: ServedConnection;
  /** Starts to read. */
  start(): void;
}

/** What a transport needs from the connection manager. */
export interface TransportOwner {
  /** Creates the machine that a transport feeds; called once, by the transport's constructor. */
  connect(transport: Transport, options: ProceedOptions): ConnectionMachine;
  /** Called once, when the connection has ended, with the error if it failed. */
  transportClosed(transport: ServedTransport, error: Error | undefined): void;
}

/** What a transport is made of. */
export interface TransportInit {
  readonly context: EngineContext;
  readonly duplex: Duplex;
  /** Whether the duplex may break its contract: the application made it, or replaced its methods. */
  readonly isUntrusted: boolean;
  readonly options: ProceedOptions;
  readonly owner: TransportOwner;
}
