/**
 * How a connection ends early: the errors for a peer that ended its direction,
 * and the last response to a peer that broke the protocol (RFC 9112 §9.6). The
 * connection decides when.
 */

import { ProtocolError } from "../../codec/errors.ts";
import { Status } from "../../codec/status.ts";
import type { ResponseHeadCache } from "./head_cache.ts";
import type { Output } from "./output.ts";
import { writeAscii } from "./response_writer.ts";

/**
 * The abort reason of a request's signal after the peer ended its direction. A
 * client that disconnected looks the same.
 */
export function peerEnded(): Error {
  return new DOMException(
    "The client has ended its direction: it may have disconnected",
    "AbortError",
  );
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
