/**
 * A request's head as a view: octets, and offsets of what stands in them
 * (RFC 9112 §3, §5). It is filled by `request_parser.ts`; text is made when
 * somebody reads it.
 */

import { decodeOctets, equalsText, SLASH } from "./ascii.ts";
import { ControlIndex } from "./control_index.ts";
import { Headers } from "./headers.ts";
import { knownMethod } from "./methods.ts";
import { RequestTarget } from "./request_target.ts";

const NO_BYTES = new Uint8Array(0);
const NO_TABLE = new Int32Array(0);

/** Says that nobody looked for the route of a head. */
export const UNKNOWN_ROUTE = -1;

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
  /** Whether the method is HEAD, whose response has no body (RFC 9110 §9.3.2). */
  isHead = false;
  /** Whether the method is CONNECT (RFC 9110 §9.3.6). */
  isConnect = false;
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
  /** Number of the route that its scanner had learned, 0 for none, or {@linkcode UNKNOWN_ROUTE}. */
  route: number = UNKNOWN_ROUTE;
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

  /** The fields; a new list each time, which moves along when the head is detached. */
  get headers(): Headers {
    return Headers.fromSection(this.index);
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
