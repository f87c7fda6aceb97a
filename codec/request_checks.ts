/**
 * The rules that apply to complete parts of a request head, checked in this
 * order: target, Host, framing, whether a body is allowed and within the limit,
 * Expect (RFC 9112 §3.2, §6.3; RFC 9110 §7.2, §7.8, §10.1.1). `known_fields.ts`
 * has already refused repeated fields; `framing.ts` and `persistence.ts` decide
 * what the fields mean.
 */

import { decodeLatin1, equalsIgnoringCase, lowerCaseAscii } from "./ascii.ts";
import {
  type Authority,
  isPlainAuthority,
  isSameAuthority,
  parseAuthority,
} from "./authority.ts";
import { ABSENT } from "./known_fields.ts";
import { ProtocolError } from "./errors.ts";
import { CHUNKED, requestBodyLength } from "./framing.ts";
import { trimOptionalWhiteSpace } from "./head_encoder.ts";
import type { Headers } from "./headers.ts";
import { CONNECTION_UPGRADE, connectionOptions } from "./persistence.ts";
import type { RequestHead } from "./request_head.ts";
import {
  DECLARES_LENGTH,
  EXPECTS_CONTINUE,
  IS_CHUNKED,
  OFFERS_UPGRADE,
} from "./request_flags.ts";
import { RequestTarget } from "./request_target.ts";

/**
 * Sets the head's flags and body length from its fields.
 *
 * @param maxBodyBytes The largest declared length that is accepted, in bytes.
 * @throws {ProtocolError} `BODY_NOT_ALLOWED`, `BODY_TOO_LARGE`,
 * `EXPECTATION_FAILED`, or a code of `framing.ts` or `persistence.ts`.
 */
export function readKnownFields(
  head: RequestHead,
  maxBodyBytes: number,
): void {
  head.flags |= connectionOptions(head.knownFields);
  head.bodyLength = requestBodyLength(head.knownFields, head.minorVersion);
  if (head.bodyLength === CHUNKED) head.flags |= IS_CHUNKED;
  else if (head.knownFields.contentLength !== ABSENT) {
    head.flags |= DECLARES_LENGTH;
  }
  if (offersUpgrade(head)) head.flags |= OFFERS_UPGRADE;
  checkBodyAllowed(head);
  if (head.bodyLength > maxBodyBytes) {
    throw new ProtocolError(
      "BODY_TOO_LARGE",
      `Cannot accept a body of ${head.bodyLength} bytes: more than ${maxBodyBytes} (maxBodyBytes)`,
      head.sizeBytes,
    );
  }
  if (expectsContinue(head)) head.flags |= EXPECTS_CONTINUE;
}

/**
 * Requires a valid `Host` that agrees with the target (RFC 9112 §3.2; RFC 9110 §7.2).
 *
 * @throws {ProtocolError} `MISSING_HOST`, `INVALID_HOST` or `HOST_MISMATCH`.
 */
export function checkHost(head: RequestHead): void {
  const { knownFields, bytes } = head;
  const { host } = knownFields;
  if (host === ABSENT) {
    if (head.minorVersion === 0) return; // HTTP/1.0 has no Host
    throw new ProtocolError(
      "MISSING_HOST",
      "Cannot serve an HTTP/1.1 request without Host",
      head.sizeBytes,
    );
  }
  const start = knownFields.valueStart(host);
  const end = knownFields.valueEnd(host);
  const isOrigin = head.isOriginForm;
  if (isOrigin && isPlainAuthority(bytes, start, end)) return;
  const named = parseAuthority(decodeLatin1(bytes, start, end));
  if (named === null) {
    throw new ProtocolError(
      "INVALID_HOST",
      "Cannot parse Host: it is not a host with an optional port",
      start - head.base,
    );
  }
  if (isOrigin || namesSameAuthority(head, named)) return;
  // RFC 9112 §3.2.2 says to ignore Host here. A request with two authorities
  // could be routed by one and cached under the other, so a mismatch is
  // refused.
  throw new ProtocolError(
    "HOST_MISMATCH",
    "Cannot serve a request whose target and Host name different authorities",
    start - head.base,
  );
}

function namesSameAuthority(head: RequestHead, named: Authority): boolean {
  const { authority, form, scheme } = head.uri;
  if (authority === null) return true; // asterisk form
  const targeted = parseAuthority(authority);
  if (targeted === null) return false;
  if (form === "authority" && named.port === null) {
    return targeted.host === named.host; // a tunnel has no default port
  }
  return isSameAuthority(targeted, named, scheme === "https" ? 443 : 80);
}

/**
 * Parses the target of a complete request line.
 *
 * @throws {ProtocolError} `INVALID_TARGET` if it has none of the four forms, or
 * one that the method does not allow (RFC 9112 §3.2).
 */
export function requireTarget(head: RequestHead): RequestTarget {
  const target = RequestTarget.maybeParse(head.target, head.method);
  if (target !== null) return target;
  throw invalidTarget(head, "its form is not allowed for the method");
}

/** Creates the error for a target that is refused as a whole, not at one byte. */
export function invalidTarget(head: RequestHead, why: string): ProtocolError {
  return new ProtocolError(
    "INVALID_TARGET",
    `Cannot parse request target: ${why}`,
    head.methodEnd + 1,
  );
}

/**
 * Returns whether the server may accept `Upgrade`: only in HTTP/1.1, with
 * `Connection: upgrade`, and not for h2c (RFC 9110 §7.8).
 */
function offersUpgrade(head: RequestHead): boolean {
  const { knownFields } = head;
  if (knownFields.upgrade === ABSENT || head.minorVersion === 0) return false;
  if ((head.connectionOptions & CONNECTION_UPGRADE) === 0) return false;
  return !equalsIgnoringCase(
    knownFields.bytes,
    knownFields.valueStart(knownFields.upgrade),
    knownFields.valueEnd(knownFields.upgrade),
    "h2c",
  );
}

/** Returns whether the `Upgrade` lines of a list have this member (RFC 9110 §7.8). */
export function namesProtocol(headers: Headers, protocol: string): boolean {
  const wanted = lowerCaseAscii(protocol);
  return headers.getAll("upgrade").join(",").split(",").some((member) =>
    lowerCaseAscii(trimOptionalWhiteSpace(member)) === wanted
  );
}

/**
 * Refuses a body where its meaning is ambiguous: after CONNECT, the bytes that
 * follow are not HTTP; TRACE must not have content (RFC 9110 §9.3.8). An
 * upgrade request may have a body, which comes before the other protocol's
 * bytes (RFC 9110 §7.8).
 */
function checkBodyAllowed(head: RequestHead): void {
  if (head.bodyLength === 0) return;
  if (!head.isMethod("CONNECT") && !head.isMethod("TRACE")) return;
  throw new ProtocolError(
    "BODY_NOT_ALLOWED",
    "Cannot accept a body with CONNECT or TRACE",
    head.sizeBytes,
  );
}

/** Returns whether the client expects `100-continue`, and refuses any other expectation (RFC 9110 §10.1.1). */
function expectsContinue(head: RequestHead): boolean {
  const { knownFields } = head;
  if (knownFields.expect === ABSENT || head.minorVersion === 0) return false;
  const start = knownFields.valueStart(knownFields.expect);
  const end = knownFields.valueEnd(knownFields.expect);
  if (
    !knownFields.hasMoreExpectations &&
    equalsIgnoringCase(knownFields.bytes, start, end, "100-continue")
  ) return true;
  throw new ProtocolError(
    "EXPECTATION_FAILED",
    "Cannot meet an expectation other than 100-continue",
    start - knownFields.base,
  );
}
