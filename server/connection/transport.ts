/**
 * The contract between the connection machine and the transport that moves its
 * bytes. The transport drives: it calls `receive`, `receiveEnd` or `outputSent`,
 * and when the call returns it looks at `output` and `readCapacity` to see what
 * to do next. None of these calls comes back into the transport, except to close
 * it. What changes without such a call is reported by {@linkcode Transport.wake}.
 */

import type { ReceiveWindow } from "../../codec/simd/head_scanner.ts";
import type { Duplex } from "../duplex.ts";
import type { ServedConnection } from "./connections.ts";
import type { Output } from "./output.ts";
import type { ReceiveSlots } from "./receive_slots.ts";

/** The memory that transports receive into, shared by the connections of one engine. */
export interface ReceiveMemory {
  /** Memory for one read at a time of any connection. */
  readonly window: ReceiveWindow;
  /** Memory for connections with a read of their own. */
  readonly slots: ReceiveSlots;
}

/** The connection machine, as its transport sees it. */
export interface ConnectionMachine extends ServedConnection {
  readonly context: ReceiveMemory;
  /** What to send, and whether to close the write direction. */
  readonly output: Output;
  /** How many bytes may be received now; 0 while the transport must not read. */
  readonly readCapacity: number;
  /** Whether no part of a request has arrived. */
  readonly isIdle: boolean;
  /** Whether the peer has closed its direction. */
  readonly isInputEnded: boolean;
  /**
   * Takes bytes from the peer. No handler may be running meanwhile, on this
   * connection or another one of the engine.
   *
   * @param bytes Not used after the call. Heads are scanned without a copy if it
   * is the array of the context's window, in which the slots are as well.
   */
  receive(bytes: Uint8Array, start: number, end: number): void;
  /** The peer has closed its direction. */
  receiveEnd(): void;
  /** The peer has closed its direction, but bytes before the end could not be received yet. */
  notePeerEnd(): void;
  /** All output has been sent. */
  outputSent(): void;
  /**
   * Closes the connection without waiting for anything.
   *
   * @param error What failed; nothing at the usual end.
   */
  fail(error?: Error): void;
}

/** A transport, as the connection machine sees it. None of the methods throws. */
export interface Transport {
  /** The connection as hooks and handlers see it. */
  readonly duplex: Duplex;
  /**
   * Something changed because a handler or a timer went on: the transport looks
   * at `output` and `readCapacity`. It must not call `receive` before it returns.
   */
  wake(): void;
  /**
   * Gives the byte streams away: the transport reads and writes no more, but
   * still counts the connection until it is closed.
   *
   * @param unread Received bytes, to be read before all others.
   */
  takeOver(unread: Uint8Array): Duplex;
  /**
   * Closes the connection.
   *
   * @param error Why, unless it ended well.
   */
  close(error?: Error): void;
}
