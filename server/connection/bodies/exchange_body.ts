/** The contracts between a request's body and its exchange and connection. */

import type { ReceiveBuffer } from "../../../codec/receive_buffer.ts";
import type { ReceivedBody } from "../../request_view.ts";
import type { BodyFacts } from "../response_plan.ts";

/** What a body needs from its connection. */
export interface BodyOwner {
  /** Received bytes that are not consumed yet. */
  readonly input: ReceiveBuffer;
  /** Whether the peer will send nothing more. */
  readonly isInputEnded: boolean;
  /** A reader waits for bytes. */
  bodyAwaited(): void;
  /** The body consumed bytes of the input, or has ended. */
  bodyProgressed(): void;
}

/** The body of one request. */
export interface ExchangeBody extends ReceivedBody, BodyFacts {
  readonly remainingBytes: number;
  /** Whether all of it arrived with the head, so that its bytes are not in the input. */
  readonly hasArrived: boolean;
  /** Serves a waiting read after bytes arrived or the peer ended its direction. */
  advance(): void;
  /** Makes the bytes independent of the receive window, which is about to be overwritten. */
  keep(): void;
  /** Ends the body with its exchange. A reader that goes on must not touch the input any more. */
  detach(): void;
  /** Ends the body of a connection that is taken over. It puts the unread bytes at the start of the input. */
  giveBack(): void;
  /** Makes the waiting read and all later reads reject. The first error stays. */
  fail(error: Error): void;
  /**
   * Discards the rest of a body that the handler did not read.
   *
   * @param maxBytes The most bytes of payload to discard, over all calls.
   * @returns `true` if the body is done, `false` if more bytes are needed, and
   * `null` if the connection has to close: the rest is too long or broken.
   */
  drain(maxBytes: number): boolean | null;
}

/** The error for a read after the exchange. The reader must not mistake a part of the body for all of it. */
export function drainedError(): TypeError {
  return new TypeError(
    "Cannot read body after the exchange: read it before the handler's promise settles",
  );
}
