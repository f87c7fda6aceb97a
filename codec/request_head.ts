/**
 * A request's head as a view: octets, and offsets of what stands in them
 * (RFC 9112 §3, §5). It is filled by `request_parser.ts`; text is made when
 * somebody reads it.
 */

import { decodeLatin1, equalsLatin1, SLASH } from "./ascii.ts";
import { KnownFields } from "./known_fields.ts";
import { Headers } from "./headers.ts";
import { knownMethod } from "./methods.ts";
import {
  CONNECTION_BITS,
  EXPECTS_CONTINUE,
  IS_CONNECT,
  IS_HEAD,
  minorVersionOf,
  OFFERS_UPGRADE,
} from "./request_flags.ts";
import { RequestTarget } from "./request_target.ts";

const NO_BYTES = new Uint8Array(0);
const NO_TABLE = new Int32Array(0);

/** Says that nobody looked for the route of a head. */
export const UNKNOWN_ROUTE = -1;

/** What stands where in {@linkcode RequestHead.offsets}; see the properties of these names. */
export const HeadOffset = Object.freeze(
  {
    METHOD_START: 0,
    METHOD_END: 1,
    PATH_END: 2,
    TARGET_END: 3,
    /** Number of field lines. */
    COUNT: 4,
    /** What the scanner was told by method and control fields, as bits. */
    SCAN_FLAGS: 5,
    ROUTE: 6,
  } as const,
);

// perf: not even an export of this very file is a constant to the compiler (bench/server.ts, GET /).
const { METHOD_START, METHOD_END, PATH_END, TARGET_END, COUNT, ROUTE } =
  HeadOffset;

/** How many numbers that are. */
export const HEAD_OFFSET_COUNT = 7;

/**
 * A parsed head, as a view on the bytes it was parsed from.
 *
 * Text is made when it is read. {@linkcode RequestHead.detach} makes the view
 * independent of the bytes.
 */
export class RequestHead {
  /** Octets of the head, with a CRLF in front of it if there was one. */
  sizeBytes = 0;
  /** Octets of the body, or `CHUNKED`. */
  bodyLength = 0;
  /** Where offsets count from in {@linkcode RequestHead.bytes}. */
  base = 0;
  /** The octets, valid as long as their owner says. */
  bytes: Uint8Array = NO_BYTES;
  /**
   * What sets the head apart, as bits; see `request_traits.ts`.
   *
   * @internal
   */
  flags = 0;
  /**
   * Offsets and numbers that the parser found, {@linkcode HEAD_OFFSET_COUNT} of them.
   *
   * perf: a scanner's results are read where they are, when somebody asks;
   * copying them took 60 instructions a request (bench/server.ts, GET /).
   *
   * @internal
   */
  offsets: Int32Array = new Int32Array(HEAD_OFFSET_COUNT);
  /**
   * The lines that a scanner found, until they are taken into the index.
   *
   * @internal
   */
  scanned: Int32Array | null = null;
  #knownFields: KnownFields = new KnownFields(NO_BYTES, NO_TABLE);

  /**
   * The control fields of the head.
   *
   * @internal
   */
  get knownFields(): KnownFields {
    const { scanned } = this;
    if (scanned !== null) {
      const count = this.offsets[COUNT]!; // all places are there, here and below
      this.#knownFields.readScanned(this.bytes, this.base, scanned, count);
    }
    return this.#knownFields;
  }

  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  get minorVersion(): number {
    return minorVersionOf(this.flags);
  }

  /** Bits that `Connection` names; see `persistence.ts`. */
  get connectionOptions(): number {
    return this.flags & CONNECTION_BITS;
  }

  /** Whether the peer waits for `100 Continue` (RFC 9110 §10.1.1). */
  get expectsContinue(): boolean {
    return (this.flags & EXPECTS_CONTINUE) !== 0;
  }

  /** Whether another protocol is offered in a way that may be taken (RFC 9110 §7.8). */
  get offersUpgrade(): boolean {
    return (this.flags & OFFERS_UPGRADE) !== 0;
  }

  /** Whether the method is HEAD, whose response has no body (RFC 9110 §9.3.2). */
  get isHead(): boolean {
    return (this.flags & IS_HEAD) !== 0;
  }

  /** Whether the method is CONNECT (RFC 9110 §9.3.6). */
  get isConnect(): boolean {
    return (this.flags & IS_CONNECT) !== 0;
  }

  /** Offset of the method. */
  get methodStart(): number {
    return this.offsets[METHOD_START]!; // see `knownFields`
  }

  /** Offset behind the method. */
  get methodEnd(): number {
    return this.offsets[METHOD_END]!;
  }

  /** Offset of the `?`, or behind the target. */
  get pathEnd(): number {
    return this.offsets[PATH_END]!;
  }

  /** Offset behind the target. */
  get targetEnd(): number {
    return this.offsets[TARGET_END]!;
  }

  /** Number of the route that its scanner had learned, 0 for none, or {@linkcode UNKNOWN_ROUTE}. */
  get route(): number {
    return this.offsets[ROUTE]!;
  }

  /** The method, byte for byte. */
  get method(): string {
    const { bytes, base } = this;
    const start = base + this.methodStart;
    const end = base + this.methodEnd;
    return knownMethod(bytes, start, end) ?? decodeLatin1(bytes, start, end);
  }

  /** Says whether the method is this one, without making text. */
  isMethod(method: string): boolean {
    return equalsLatin1(
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
    return decodeLatin1(bytes, base + this.methodEnd + 1, base + this.pathEnd);
  }

  /** The target as text. */
  get target(): string {
    const { bytes, base } = this;
    return decodeLatin1(
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
    return Headers.fromSection(this.knownFields);
  }

  /** Copies the octets that the view needs; it then holds for good. */
  detach(): void {
    const { knownFields } = this; // while it can be read
    this.bytes = this.bytes.slice(this.base, this.base + this.sizeBytes);
    this.offsets = this.offsets.slice();
    this.scanned = null;
    this.base = 0;
    knownFields.bytes = this.bytes;
    knownFields.base = 0;
  }
}
