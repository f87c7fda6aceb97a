/**
 * Decides how a handler's final response is framed and whether its connection
 * stays open. Nothing else decides either: {@linkcode allowsRepeat} tells when
 * an earlier response may be sent again, and `closing.ts` always closes. These
 * are pure functions: the exchange provides the facts and calls them when it
 * writes the head, and `response_writer.ts` writes the plan.
 *
 * The reasons to close are in the order of RFC 9112 §9.3, §9.5 and §9.6.
 * `codec/response_framing.ts` decides the length (RFC 9112 §6), and
 * `codec/persistence.ts` what the request's `Connection` field means.
 */

import { UNTIL_CLOSE } from "../../codec/framing.ts";
import type { Headers } from "../../codec/headers.ts";
import { namesProtocol } from "../../codec/request_checks.ts";
import { CONNECTION_CLOSE, isPersistent } from "../../codec/persistence.ts";
import {
  CONNECTION_BITS,
  IS_CONNECT,
  IS_HEAD,
  IS_HTTP_1_0,
  minorVersionOf,
  OFFERS_UPGRADE,
} from "../../codec/request_flags.ts";
import {
  mayHaveContent,
  responseBodyLength,
} from "../../codec/response_framing.ts";
import { Status } from "../../codec/status.ts";

/**
 * Request flags that change the head of a response. Two requests without these
 * flags get the same head for the same response.
 */
const CHANGES_HEAD = IS_HEAD | IS_HTTP_1_0 | IS_CONNECT | CONNECTION_CLOSE;

/** What planning needs to know about the request's body. */
export interface BodyFacts {
  /** Whether all of it was consumed. */
  readonly isDone: boolean;
  /** Why it cannot be read to its end, or `null`. */
  readonly fault: Error | null;
  /** Whether a read of it is pending. */
  readonly isAwaited: boolean;
  /** Whether none of its bytes has arrived. */
  readonly isUntouched: boolean;
  /** How many more bytes of the body are known to follow. */
  readonly remainingBytes: number;
}

/** What planning needs to know about an exchange and its connection. */
export interface ExchangeFacts {
  /** What is special about the request; bits of `codec/request_flags.ts`. */
  readonly flags: number;
  /** The request's body, or `null` if there is none. */
  readonly body: BodyFacts | null;
  /** Whether the handler reads or has read the body. */
  readonly isBodyUsed: boolean;
  /** Whether the client waits for `100 Continue` and has not received it. */
  readonly awaitsContinue: boolean;
  /** Whether the response is a stream that has begun. */
  readonly isStreaming: boolean;
  /** Whether a fault or a deadline has ruled out another request. */
  readonly mustClose: boolean;
  /**
   * Whether the connection takes no further request: it has reached its limit
   * of requests or its maximum age, the server is shutting down, or the client
   * has ended its direction.
   */
  readonly isLastExchange: boolean;
  /** The server's options that matter here. */
  readonly options: {
    readonly http10KeepAlive: boolean;
    readonly drainBytes: number;
  };
}

/** The head of a final response, ready to be written. */
export interface ResponsePlan {
  readonly status: Status;
  readonly headers: Headers | null;
  /** Bytes of the body, or one of the constants of the codec's framing files. */
  readonly length: number;
  /** Whether content may follow the head. */
  readonly hasContent: boolean;
  /** Whether the connection closes afterwards, which `Connection: close` announces. */
  readonly closes: boolean;
  /** Whether to write `Connection: keep-alive`, which HTTP/1.0 clients expect (RFC 9112 appendix C.2.2). */
  readonly saysKeepAlive: boolean;
}

/**
 * Checks that a final response can have this status.
 *
 * @throws {RangeError} If it is an interim status, or no status at all.
 * @throws {TypeError} If it is a success status for CONNECT: the bytes after
 * such a response belong to the tunnel and have no framing (RFC 9110 §9.3.6).
 */
export function checkFinalStatus(requestFlags: number, status: Status): void {
  if (!(status instanceof Status)) {
    throw new RangeError(
      `Cannot send status ${status}: it must be a number or a Status, before the body, as in send(status, body, headers)`,
    );
  }
  if (status.code < 200) {
    throw new RangeError(
      `Cannot send status ${status.code} as a final response: use informational()`,
    );
  }
  if ((requestFlags & IS_CONNECT) !== 0 && status.code < 300) {
    throw new TypeError(
      "Cannot answer CONNECT with success: take the connection over with hijack()",
    );
  }
}

/**
 * Checks that an interim response can have this status (RFC 9110 §15.2).
 *
 * @throws {RangeError} If it is a final status, or 101, which ends HTTP on the connection.
 */
export function checkInterimStatus(status: Status): void {
  if (status.code <= 199 && status.code !== 101) return;
  throw new RangeError(
    `Cannot send status ${status.code} as an interim response`,
  );
}

/**
 * Checks that a request may be answered with a switch to another protocol (RFC
 * 9110 §7.8). The request's body comes before the bytes of that protocol, so it
 * has to be read first.
 *
 * @throws {TypeError} If the client did not offer the protocol, or part of the
 * body is unread.
 */
export function checkUpgrade(
  request: {
    readonly flags: number;
    readonly ctx: { readonly headers: Headers };
    readonly body: BodyFacts | null;
  },
  protocol: string,
): void {
  const { flags, ctx, body } = request;
  const what = `Cannot upgrade to ${JSON.stringify(protocol)}`;
  if ((flags & OFFERS_UPGRADE) === 0 || !namesProtocol(ctx.headers, protocol)) {
    throw new TypeError(`${what}: it was not offered`);
  }
  if (body?.isDone === false) {
    throw new TypeError(`${what}: the body was not read to its end`);
  }
}

/**
 * Plans a final response. Planning has no side effects: the same exchange may
 * be planned again until its head is written.
 *
 * @param headers The application's fields, or `null` for none.
 * @param sizeBytes Size of the body, or `UNKNOWN_SIZE` for a stream.
 * @throws {TypeError} If the application declares a length or a coding that
 * the response cannot have.
 */
export function planResponse(
  facts: ExchangeFacts,
  status: Status,
  headers: Headers | null,
  sizeBytes: number,
): ResponsePlan {
  const fields = headers === null ? null : headers.outgoing();
  const length = responseBodyLength(
    status.code,
    facts.flags,
    fields,
    sizeBytes,
  );
  return planHead(facts, status, headers, length);
}

/**
 * Plans a response whose length is already decided. A streamed response calls
 * this when its head is written: the length may be known by then, and the other
 * facts may have changed since the response began.
 */
export function planHead(
  facts: ExchangeFacts,
  status: Status,
  headers: Headers | null,
  length: number,
): ResponsePlan {
  const { flags } = facts;
  const closes = closesAfter(facts, headers, length);
  return {
    status,
    headers,
    length,
    hasContent: mayHaveContent(status.code, flags),
    closes,
    saysKeepAlive: !closes && (flags & IS_HTTP_1_0) !== 0,
  };
}

function closesAfter(
  facts: ExchangeFacts,
  headers: Headers | null,
  length: number,
): boolean {
  const { flags, body, options } = facts;
  // RFC 9112 §9.3, Persistence
  // 1. The request says `close`, or is HTTP/1.0 without a `keep-alive` that we honor.
  const connection = flags & CONNECTION_BITS;
  const minorVersion = minorVersionOf(flags);
  if (!isPersistent(minorVersion, connection, options.http10KeepAlive)) {
    return true;
  }
  // 2. CONNECT: a client may send bytes for the tunnel before it has read that
  // the tunnel was refused, and they must not be parsed as requests (RFC 9110
  // §9.3.6).
  if ((flags & IS_CONNECT) !== 0) return true;
  // 3. The response's length is not defined by its own framing.
  if (length === UNTIL_CLOSE) return true;
  // 4. The request's body will not be read to its end.
  if (body !== null && leavesBody(facts, body)) return true;
  // RFC 9112 §9.5, Failures and Timeouts
  // 5. A fault or a passed deadline: the bytes that follow cannot be trusted.
  if (facts.mustClose) return true;
  // RFC 9112 §9.6, Tear-down
  // 6. The connection takes no further request.
  if (facts.isLastExchange) return true;
  // 7. The application says `close`.
  return headers !== null && headers.outgoing().closes;
}

/** Returns whether the rest of a body is broken, may never arrive, or is too long to be discarded. */
function leavesBody(facts: ExchangeFacts, body: BodyFacts): boolean {
  if (body.isDone) return false;
  if (body.fault !== null) return true;
  // A final response ends the wait for `100 Continue`. The client may then omit
  // the body or send it, so its next bytes are ambiguous (RFC 9110 §10.1.1).
  if (facts.awaitsContinue && body.isUntouched) return true;
  // The response may be a stream made from the body, and a pending read still
  // needs the rest.
  if (facts.isBodyUsed && (facts.isStreaming || body.isAwaited)) return false;
  return body.remainingBytes > facts.options.drainBytes;
}

/**
 * Returns whether this exchange does not change the head of a response, so that
 * bytes that were written for another exchange may be sent again.
 *
 * Where this holds, {@linkcode planResponse} closes only for a reason in the
 * response itself: its fields or its length.
 */
export function allowsRepeat(facts: ExchangeFacts): boolean {
  return (facts.flags & CHANGES_HEAD) === 0 && !facts.mustClose &&
    !facts.isLastExchange &&
    (facts.body === null || !leavesBody(facts, facts.body));
}
