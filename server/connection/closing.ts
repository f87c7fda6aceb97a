/**
 * The last part of a connection's life: what went wrong, and how much input is
 * still read and dropped so that the peer gets the last response before the
 * socket closes (RFC 9112 §9.6). The connection decides when.
 */

import { ProtocolError } from "../../codec/errors.ts";
import { Status } from "../../codec/status.ts";
import type { ResponseHeadCache } from "./head_cache.ts";
import type { Output } from "./output.ts";
import { writeAscii } from "./response_writer.ts";

/**
 * Bytes that a closing connection reads and drops: what a peer may send before
 * it notices the last response. The same as `drainBytes` by default, since no
 * more should be read for a connection that closes than for one that stays open.
 */
const MAX_DISCARDED_BYTES = 65_536;

/** See the file's header; made when the connection first needs one. */
export class Closing {
  /** What broke the protocol, a response or a body; the teardown hook is told. */
  fault: Error | null = null;
  #discardedBytes = 0;

  /** Keeps the first fault. */
  noteFault(error: Error): void {
    this.fault ??= error;
  }

  /** Bytes that may still be read: one more than are accepted, which shows that the peer sends too many. */
  get capacity(): number {
    return Math.max(0, MAX_DISCARDED_BYTES + 1 - this.#discardedBytes);
  }

  /** Whether more was dropped than the peer is allowed to send. */
  get isExhausted(): boolean {
    return this.#discardedBytes > MAX_DISCARDED_BYTES;
  }

  /** Counts bytes that were read and dropped. */
  discard(sizeBytes: number): void {
    this.#discardedBytes += sizeBytes;
  }
}

/** The peer closed its direction inside a head. */
export function truncatedHead(offset: number): ProtocolError {
  return new ProtocolError(
    "TRUNCATED_HEAD",
    "Cannot read request: the connection ended inside its head",
    offset,
  );
}

/**
 * Writes the last response of a connection whose peer broke the protocol.
 *
 * @param text The body; by default the status' reason phrase.
 */
export function writeRefusal(
  output: Output,
  heads: ResponseHeadCache,
  error: ProtocolError,
  text?: string,
): void {
  const status = Status.of(error.status);
  const body = text ?? status.reason;
  const plan = {
    status,
    headers: null,
    length: body.length,
    hasContent: true,
    closes: true,
    saysKeepAlive: false,
  };
  writeAscii(output, heads, plan, body);
}
