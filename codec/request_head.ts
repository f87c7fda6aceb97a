/**
 * A request's head: request line, field lines, and every rule that can be
 * checked before a handler sees it (RFC 9112 §3, §5, §6.3; RFC 9110 §7.2).
 *
 * The parser looks at each octet once, however the bytes were cut, and gives
 * a view on them. Rules that concern whole fields come after the section's
 * end, in the order: Host, repeated fields, framing, body allowed, Expect.
 */

import {
  decodeOctets,
  equalsIgnoringCase,
  equalsText,
  SLASH,
} from "./ascii.ts";
import {
  type Authority,
  isPlainAuthority,
  isSameAuthority,
  parseAuthority,
} from "./authority.ts";
import { ABSENT, ControlIndex } from "./control_index.ts";
import { NEED_DATA, ProtocolError } from "./errors.ts";
import { FieldScanner } from "./field_lines.ts";
import { requestBodyLength } from "./framing.ts";
import { Headers } from "./headers.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "./limits.ts";
import { knownMethod } from "./methods.ts";
import { CONNECTION_UPGRADE, connectionOptions } from "./persistence.ts";
import { RequestLineScanner } from "./request_line.ts";
import { RequestTarget } from "./request_target.ts";

const NO_BYTES = new Uint8Array(0);
/** Octets of the method that names an authority. */
const CONNECT_OCTETS = 7;
const NO_TABLE = new Int32Array(0);

/**
 * A parsed head, as a view on the bytes it was parsed from.
 *
 * Text is made when it is read. {@linkcode RequestHead.detach} makes the view
 * independent of the bytes.
 */
export class RequestHead {
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minorVersion = 1;
  /** Octets of the head, with a CRLF in front of it if there was one. */
  sizeBytes = 0;
  /** Octets of the body, or `CHUNKED`. */
  bodyLength = 0;
  /** Bits that `Connection` names; see `persistence.ts`. */
  connectionOptions = 0;
  /** Whether the peer waits for `100 Continue` (RFC 9110 §10.1.1). */
  expectsContinue = false;
  /** Whether another protocol is offered in a way that may be taken (RFC 9110 §7.8). */
  offersUpgrade = false;
  /** Where offsets count from in {@linkcode RequestHead.bytes}. */
  base = 0;
  /** The octets, valid as long as their owner says. */
  bytes: Uint8Array = NO_BYTES;
  /** Offset of the method. */
  methodStart = 0;
  /** Offset behind the method. */
  methodEnd = 0;
  /** Offset of the `?`, or behind the target. */
  pathEnd = 0;
  /** Offset behind the target. */
  targetEnd = 0;
  /**
   * The control fields of the head.
   *
   * @internal
   */
  readonly index: ControlIndex = new ControlIndex(NO_BYTES, NO_TABLE);

  /** The method, byte for byte. */
  get method(): string {
    const { bytes, base } = this;
    const start = base + this.methodStart;
    const end = base + this.methodEnd;
    return knownMethod(bytes, start, end) ?? decodeOctets(bytes, start, end);
  }

  /** Says whether the method is this one, without making text. */
  isMethod(method: string): boolean {
    return equalsText(
      this.bytes,
      this.base + this.methodStart,
      this.base + this.methodEnd,
      method,
    );
  }

  /** Whether the target begins with `/`, so that method and path stand together in the octets. */
  get isOriginForm(): boolean {
    return this.bytes[this.base + this.methodEnd + 1] === SLASH;
  }

  /** The path in origin form as text, without its query. */
  get originPath(): string {
    const { bytes, base } = this;
    return decodeOctets(bytes, base + this.methodEnd + 1, base + this.pathEnd);
  }

  /** The target as text. */
  get target(): string {
    const { bytes, base } = this;
    return decodeOctets(
      bytes,
      base + this.methodEnd + 1,
      base + this.targetEnd,
    );
  }

  /** The target and its parts; a new object each time. */
  get uri(): RequestTarget {
    return RequestTarget.parse(this.target, this.method);
  }

  /** The fields; a new list each time. */
  get headers(): Headers {
    const { bytes, base, table, count } = this.index;
    return Headers.fromSection({ bytes, base, table, count });
  }

  /** Copies the octets that the view needs; it then holds for good. */
  detach(): void {
    const { index } = this;
    this.bytes = this.bytes.slice(this.base, this.base + this.sizeBytes);
    this.base = 0;
    index.bytes = this.bytes;
    index.base = 0;
  }
}

/**
 * Parses request heads, one after the other.
 *
 * The same parser must be fed the same head from its first octet until it is
 * complete; the octets may lie elsewhere at each call.
 */
export class RequestHeadParser {
  #limits: HeadLimits;
  #line: RequestLineScanner;
  #fields: FieldScanner;
  #head = new RequestHead();
  #isInFields = false;

  /** Creates a parser for heads under these limits. */
  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#line = new RequestLineScanner(limits);
    this.#fields = new FieldScanner({
      maxBytes: limits.maxHeaderBytes,
      maxCount: limits.maxHeaderCount,
      optionNames: ["maxHeaderBytes, maxRequestHeadSize", "maxHeaderCount"],
      codes: ["HEAD_TOO_LARGE", "TOO_MANY_FIELDS"],
    });
  }

  /** Whether no octet of a message has come yet, one CRLF aside. */
  get isIdle(): boolean {
    return this.#line.isBlank;
  }

  /**
   * Whether the head that is being parsed, or was refused, is one of HEAD, so
   * that not even a refusal may have a body (RFC 9110 §9.3.2).
   */
  isHeadRequest(bytes: Uint8Array, start: number): boolean {
    const { methodStart, methodEnd } = this.#line;
    return equalsText(bytes, start + methodStart, start + methodEnd, "HEAD");
  }

  /**
   * Parses a head, or goes on with one.
   *
   * @param bytes Holds the head from `start` on, its octets so far up to `end`.
   * @returns A view that is valid until the bytes change or the next call, or
   * {@linkcode NEED_DATA}.
   * @throws {ProtocolError} For the first octet that no valid head has, or
   * the first rule that the complete head breaks.
   */
  parse(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): RequestHead | typeof NEED_DATA {
    const line = this.#line;
    const fields = this.#fields;
    if (!this.#isInFields) {
      if (!line.scan(bytes, start, end)) return NEED_DATA;
      this.#checkTarget(bytes, start);
      const room = this.#limits.maxRequestHeadSize - line.position - 2;
      fields.start(line.position, Math.max(room, 0));
      this.#isInFields = true;
    }
    if (!fields.scan(bytes, start, end)) return NEED_DATA;
    return this.#finish(bytes, start);
  }

  /** Forgets the head, so that the next call begins a new one. */
  reset(): void {
    this.#line.start();
    this.#isInFields = false;
  }

  /** Gives the head that was parsed last to its reader for good. */
  detach(): void {
    this.#head.detach();
    this.#head = new RequestHead();
    this.#fields.releaseTable();
  }

  /** A target that does not begin with `/` needs a look as a whole, before any field. */
  #checkTarget(bytes: Uint8Array, start: number): void {
    const { methodStart, methodEnd } = this.#line;
    if (
      bytes[start + methodEnd + 1] === SLASH &&
      methodEnd - methodStart !== CONNECT_OCTETS
    ) return;
    const head = this.#readLine(bytes, start);
    if (head.isOriginForm && !head.isMethod("CONNECT")) return;
    const { scheme, pathAndQuery } = requireTarget(head);
    if (this.#limits.strictTarget && /[[\]]/.test(pathAndQuery)) {
      throw invalidTarget(head, "brackets stand only around an IPv6 address");
    }
    if (scheme !== "https" || this.#limits.acceptsHttps) return;
    throw new ProtocolError(
      "MISDIRECTED_REQUEST",
      "Cannot serve a target with scheme https on a clear-text connection (trustForwardedScheme)",
      head.methodEnd + 1,
    );
  }

  #readLine(bytes: Uint8Array, start: number): RequestHead {
    const line = this.#line;
    const head = this.#head;
    head.bytes = bytes;
    head.base = start;
    head.methodStart = line.methodStart;
    head.methodEnd = line.methodEnd;
    head.pathEnd = line.pathEnd;
    head.targetEnd = line.targetEnd;
    head.minorVersion = line.minorVersion;
    return head;
  }

  #finish(bytes: Uint8Array, start: number): RequestHead {
    const fields = this.#fields;
    const head = this.#readLine(bytes, start);
    head.sizeBytes = fields.position;
    head.index.read(bytes, start, fields.table, fields.count);
    checkHost(head);
    if (head.index.isPlain) {
      // perf: none of the rules below has anything to say (bench/server.ts, GET /).
      head.connectionOptions = 0;
      head.bodyLength = 0;
      head.offersUpgrade = false;
      head.expectsContinue = false;
    } else readControlFields(head, this.#limits.maxBodyBytes);
    this.reset();
    return head;
  }
}

/** Framing, persistence and what else the control fields say. */
function readControlFields(head: RequestHead, maxBodyBytes: number): void {
  head.connectionOptions = connectionOptions(head.index);
  head.bodyLength = requestBodyLength(head.index, head.minorVersion);
  head.offersUpgrade = offersUpgrade(head);
  checkBodyAllowed(head);
  if (head.bodyLength > maxBodyBytes) {
    throw new ProtocolError(
      "BODY_TOO_LARGE",
      `Cannot accept a body of ${head.bodyLength} bytes: more than ${maxBodyBytes} (maxBodyBytes)`,
      head.sizeBytes,
    );
  }
  head.expectsContinue = expectsContinue(head);
}

/** One valid Host, and no other authority beside it (RFC 9112 §3.2; RFC 9110 §7.2). */
function checkHost(head: RequestHead): void {
  const { index, bytes } = head;
  const { host } = index;
  if (host === ABSENT) {
    if (head.minorVersion === 0) return; // it predates Host
    throw new ProtocolError(
      "MISSING_HOST",
      "Cannot serve an HTTP/1.1 request without Host",
      head.sizeBytes,
    );
  }
  const start = index.valueStart(host);
  const end = index.valueEnd(host);
  const isOrigin = head.isOriginForm;
  if (isOrigin && isPlainAuthority(bytes, start, end)) return;
  const named = parseAuthority(decodeOctets(bytes, start, end));
  if (named === null) {
    throw new ProtocolError(
      "INVALID_HOST",
      "Cannot parse Host: not a host with an optional port",
      start - head.base,
    );
  }
  if (isOrigin || namesSameAuthority(head, named)) return;
  // §3.2.2 says to ignore Host; two authorities on one request split routing
  // from caches, so a mismatch is refused.
  throw new ProtocolError(
    "HOST_MISMATCH",
    "Cannot serve a request whose target and Host name two authorities",
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

function requireTarget(head: RequestHead): RequestTarget {
  const target = RequestTarget.maybeParse(head.target, head.method);
  if (target !== null) return target;
  throw invalidTarget(head, "none of the four forms for this method");
}

function invalidTarget(head: RequestHead, why: string): ProtocolError {
  return new ProtocolError(
    "INVALID_TARGET",
    `Cannot parse request target: ${why}`,
    head.methodEnd + 1,
  );
}

/** An offer counts in HTTP/1.1 with `Connection: upgrade`, and never for h2c (RFC 9110 §7.8). */
function offersUpgrade(head: RequestHead): boolean {
  const { index } = head;
  if (index.upgrade === ABSENT || head.minorVersion === 0) return false;
  if ((head.connectionOptions & CONNECTION_UPGRADE) === 0) return false;
  return !equalsIgnoringCase(
    index.bytes,
    index.valueStart(index.upgrade),
    index.valueEnd(index.upgrade),
    "h2c",
  );
}

/** What follows such a head is not HTTP, or must not be mirrored, so a body is ambiguous. */
function checkBodyAllowed(head: RequestHead): void {
  if (head.bodyLength === 0) {
    return;
  }
  const isRefused = head.offersUpgrade || head.isMethod("CONNECT") ||
    head.isMethod("TRACE");
  if (!isRefused) return;
  throw new ProtocolError(
    "BODY_NOT_ALLOWED",
    "Cannot accept a body on CONNECT, TRACE or a request to upgrade",
    head.sizeBytes,
  );
}

/** The only expectation there is is `100-continue` (RFC 9110 §10.1.1). */
function expectsContinue(head: RequestHead): boolean {
  const { index } = head;
  if (index.expect === ABSENT || head.minorVersion === 0) return false;
  const start = index.valueStart(index.expect);
  const end = index.valueEnd(index.expect);
  if (
    !index.hasMoreExpectations &&
    equalsIgnoringCase(index.bytes, start, end, "100-continue")
  ) return true;
  throw new ProtocolError(
    "EXPECTATION_FAILED",
    "Cannot meet an expectation other than 100-continue",
    start - index.base,
  );
}

/**
 * Parses one request head that stands at the start of `bytes`.
 *
 * @param bytes Octets as received; what follows the head is left alone.
 * @param limits Limits that differ from the defaults.
 * @returns The head, which keeps its own copy of the octets, or
 * {@linkcode NEED_DATA}.
 * @throws {ProtocolError} If the octets cannot become a valid head.
 *
 * @example A head and what follows it
 * ```ts
 * import { NEED_DATA, parseRequestHead } from "@khttp/khttp";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const wire = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\nrest";
 * const head = parseRequestHead(new TextEncoder().encode(wire));
 * assert(head !== NEED_DATA);
 * assertEquals([head.method, head.uri.path], ["GET", "/a"]);
 * assertEquals(head.sizeBytes, wire.length - 4);
 * ```
 */
export function parseRequestHead(
  bytes: Uint8Array,
  limits: Partial<HeadLimits> = {},
): RequestHead | typeof NEED_DATA {
  const parser = new RequestHeadParser({ ...DEFAULT_HEAD_LIMITS, ...limits });
  const head = parser.parse(bytes, 0, bytes.length);
  if (head !== NEED_DATA) parser.detach();
  return head;
}
