/** The face that a connection shows to its exchanges. */

import type { Output } from "./output.ts";
import type { EngineContext } from "./engine_context.ts";
import type { Duplex } from "../duplex.ts";

/** What an exchange asks of its connection. */
export interface ExchangeOwner {
  readonly context: EngineContext;
  readonly output: Output;
  readonly duplex: Duplex;
  /** Whether it is at work just now, and looks by itself at what its exchanges came to. */
  readonly isRunning: boolean;
  /** Whether this response is the connection's last, whatever it says itself. */
  readonly isLastExchange: boolean;
  /** The response, the handler or the body came to an end, or there is output. */
  exchangeProgressed(): void;
  /** Resolves when all output was sent; rejects when it cannot be. */
  drained(): Promise<void>;
  /** Keeps the octets of the head that was parsed last, so that they can be read later. */
  retainHead(): void;
  /** Resolves when that many bytes of the connection's output were sent; rejects when they cannot be. */
  sentUpTo(position: number): Promise<void>;
  /** Gives the signal that fires when the peer goes away. */
  abortSignal(): AbortSignal;
  /** Hands the connection to the handler once all output was sent. */
  takeOver(): Promise<Duplex>;
  /** The body that was being sent failed. */
  exchangeFailed(error: unknown): void;
}
