/** The ways in which an exchange can fail: one error class with a phase and a code. */

import { ProtocolError } from "../codec/errors.ts";

/** What an exchange was doing when it failed. */
export type ClientPhase = "connect" | "write" | "read" | "parse";

/** A stable name for one way to fail. */
export type ClientErrorCode =
  /** The TCP connection or the TLS handshake failed. */
  | "CONNECT_FAILED"
  /** The proxy refused to connect to the origin, or its response is malformed. */
  | "PROXY_REFUSED"
  /** A deadline passed; the message names its option. */
  | "DEADLINE"
  /** The connection ended before the response began, in phase `write` while the request was being sent. */
  | "CLOSED"
  /** The connection ended inside the response. */
  | "INCOMPLETE"
  /** The response breaks the protocol; the cause is the `ProtocolError`. */
  | "PROTOCOL"
  /** The request's body failed, or was not as long as declared. */
  | "BODY_FAILED"
  /** The redirect cannot be followed, or there were too many. */
  | "REDIRECT"
  /** The client was closed. */
  | "CLIENT_CLOSED";

/**
 * An exchange failed.
 *
 * @example Check whether an exchange may be repeated
 * ```ts
 * import { Client, ClientError } from "@khttp/khttp";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 * listener.close();
 * await using client = new Client(`127.0.0.1:${port}`);
 * const error = await assertRejects(() => client.get("/"), ClientError);
 * assertEquals([error.phase, error.retryable], ["connect", true]);
 * ```
 */
export class ClientError extends Error {
  /** What the exchange was doing. */
  readonly phase: ClientPhase;
  /** The stable name of what went wrong. */
  readonly code: ClientErrorCode;
  /** Whether the server cannot have processed any part of the request. */
  readonly retryable: boolean;

  /**
   * Creates the error.
   *
   * @param message One sentence: what failed, and the option if there is one.
   * @param init Phase and code, whether the request is safe to repeat, and the
   * original error.
   */
  constructor(
    message: string,
    init: {
      readonly phase: ClientPhase;
      readonly code: ClientErrorCode;
      readonly retryable?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, init.cause === undefined ? {} : { cause: init.cause });
    this.name = "ClientError";
    this.phase = init.phase;
    this.code = init.code;
    this.retryable = init.retryable ?? false;
  }
}

/** Carries the error of a callback through the request's body, so that the exchange fails with that error itself. */
export class CallbackFailure {
  /** What the callback threw. */
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** Reports a `ProtocolError` as a `ClientError` with that cause; returns any other error unchanged. */
export function toClientError(error: unknown): unknown {
  if (!(error instanceof ProtocolError)) return error;
  const isIncomplete = error.code === "TRUNCATED_BODY";
  return new ClientError(error.message, {
    phase: isIncomplete ? "read" : "parse",
    code: isIncomplete ? "INCOMPLETE" : "PROTOCOL",
    cause: error,
  });
}
