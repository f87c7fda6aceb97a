/**
 * The contract between the connection machine and the transport that moves its
 * bytes. The transport drives: it calls `receive`, `receiveEnd` or
 * `outputSent`, and when the call returns it looks at `output` and
 * `readCapacity` to see what to do next. During these calls the connection does
 * not call the transport, except to close it. When something changes outside of
 * such a call, the connection calls {@linkcode Transport.wake}.
 */

import type { ReceiveWindow } from "../../codec/simd/head_scanner.ts";
import type { Duplex } from "../duplex.ts";
import type { ServedConnection } from "./connections.ts";
import type { Output } from "./output.ts";
import type { ReceiveSlots } from "./receive_slots.ts";

/** The memory that transports receive into, shared by the connections of one engine. */
export interface ReceiveMemory {
  /** One buffer for all connections. Its bytes are consumed before the next read of any connection. */
  readonly window: ReceiveWindow;
  /** Small buffers, each for one connection whose read may stay pending. */
  readonly slots: ReceiveSlots;
  /**
   * Replaces both by memory in which heads are scanned without a copy; later calls
   * do nothing. A transport that receives into the window calls this first. Must
   * not be called while a handler of any connection of the engine is on the stack.
   */
  startScanning(): void;
  /** Counts a read into other memory, and starts to scan after some. The same condition applies. */
  notePlainRead(): void;
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
   * Takes bytes from the peer. Must not be called while a handler of any
   * connection of the engine is on the stack.
   *
   * @param bytes Not used after the call. Heads are scanned without a copy if
   * this is the array that holds the context's window and slots.
   */
  receive(bytes: Uint8Array, start: number, end: number): void;
  /** The peer has closed its direction. */
  receiveEnd(): void;
  /** The peer has closed its direction, but bytes that it sent before have not been received yet. */
  notePeerEnd(): void;
  /** All output has been sent. */
  outputSent(): void;
  /**
   * Closes the connection without waiting for anything.
   *
   * @param error What failed; omitted if the connection ended normally.
   */
  fail(error?: Error): void;
}

/** A transport, as the connection machine sees it. None of the methods throws. */
export interface Transport {
  /** The connection as hooks and handlers see it. */
  readonly duplex: Duplex;
  /**
   * A handler or a timer changed something: the transport has to look at
   * `output` and `readCapacity`. It must not call `receive` before `wake`
   * returns.
   */
  wake(): void;
  /**
   * Hands the byte streams over: the transport stops reading and writing, but
   * the connection counts as open until it is closed.
   *
   * @param unread Received bytes that the new owner reads first.
   */
  takeOver(unread: Uint8Array): Duplex;
  /**
   * Closes the connection.
   *
   * @param error The reason, unless the connection ended normally.
   */
  close(error?: Error): void;
}
