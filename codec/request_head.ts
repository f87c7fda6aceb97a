/**
 * A request head as a view: the received bytes, and the offsets of its parts
 * (RFC 9112 §3, §5). `request_parser.ts` fills it. Strings are decoded when
 * they are read, since most handlers read few of them. */

import { decodeLatin1, equalsLatin1, SLASH } from "./ascii.ts";
import type { ByteBlocks } from "./byte_blocks.ts";
import { copyOffsets, FIELD_STRIDE, type Offsets } from "./field_lines.ts";
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

/** The route number of a head for which no scanner has looked up the route. */
export const UNKNOWN_ROUTE = -1;

/** The indexes into {@linkcode RequestHead.offsets}; see the getters of these names. */
export const HeadOffset = Object.freeze(
  {
    METHOD_START: 0,
    METHOD_END: 1,
    PATH_END: 2,
    TARGET_END: 3,
    /** Number of field lines. */
    COUNT: 4,
    /** The flags that a scanner found; see `request_flags.ts`. */
    SCAN_FLAGS: 5,
    ROUTE: 6,
  } as const,
);

// perf: V8 does not treat an exported binding as a constant, even in its own file,
// so the indexes are copied into constants (bench/machine_bench.ts).
const { METHOD_START, METHOD_END, PATH_END, TARGET_END, COUNT, ROUTE } =
  HeadOffset;

/** Length of {@linkcode RequestHead.offsets}. */
export const HEAD_OFFSET_COUNT = 7;

/**
 * A parsed request head, as a view of the bytes from which it was parsed.
 *
 * Strings are decoded when they are read. The view is valid while its bytes
 * stay unchanged; {@linkcode RequestHead.detach} makes it independent of them.
 */
export class RequestHead {
  /** Size of the head in bytes, with the CRLF before it if there was one. */
  sizeBytes = 0;
  /** Length of the body in bytes, or -1 if it is chunked. */
  bodyLength = 0;
  /** Offset in {@linkcode RequestHead.bytes} from which all other offsets count. */
  base = 0;
  /** The bytes that contain the head; the parser's caller owns them until {@linkcode RequestHead.detach}. */
  bytes: Uint8Array = NO_BYTES;
  /**
   * The head's flags, as bits; see `request_flags.ts`.
   *
   * @ignore
   */
  flags = 0;
  /**
   * Offsets and numbers that the parser found; see {@linkcode HeadOffset}.
   *
   * perf: a scanner's results stay in its memory and are read from there on
   * demand. Copying them took 60 instructions a request
   * (bench/machine_bench.ts).
   *
   * @ignore
   */
  offsets: Offsets;
  /**
   * The table of lines that a scanner found, or a copy of it; `null` if the plain
   * parser parsed the head.
   *
   * @ignore
   */
  scanned: Offsets | null = null;
  /** Created when it is first read, so that few heads have one. */
  #knownFields: KnownFields | null = null;

  /**
   * Creates a view without a head.
   *
   * @ignore
   */
  constructor(offsets: Offsets = new Int32Array(HEAD_OFFSET_COUNT)) {
    this.offsets = offsets;
  }

  /**
   * The fields that the library acts on.
   *
   * @ignore
   */
  get knownFields(): KnownFields {
    const { scanned } = this;
    const known = this.#knownFields ??= new KnownFields(NO_BYTES, NO_TABLE);
    if (scanned !== null) {
      const count = this.offsets[COUNT]!; // the array has all entries, here and below
      known.readScanned(this.bytes, this.base, scanned, count);
    }
    return known;
  }

  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  get minorVersion(): number {
    return minorVersionOf(this.flags);
  }

  /** The members of `Connection` as bits: 1 for `close`, 2 for `keep-alive`, 4 for `upgrade`. */
  get connectionOptions(): number {
    return this.flags & CONNECTION_BITS;
  }

  /** Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). */
  get expectsContinue(): boolean {
    return (this.flags & EXPECTS_CONTINUE) !== 0;
  }

  /** Whether the client offers another protocol that the server may accept (RFC 9110 §7.8). */
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

  /** Offset after the method. */
  get methodEnd(): number {
    return this.offsets[METHOD_END]!;
  }

  /** Offset of the `?` in the target, or after a target without one. */
  get pathEnd(): number {
    return this.offsets[PATH_END]!;
  }

  /** Offset after the target. */
  get targetEnd(): number {
    return this.offsets[TARGET_END]!;
  }

  /** Number of the route that a scanner found, 0 if it found none, or -1 if no scanner looked it up. */
  get route(): number {
    return this.offsets[ROUTE]!;
  }

  /** The method as sent; methods are case-sensitive (RFC 9110 §9.1). */
  get method(): string {
    const { bytes, base } = this;
    const start = base + this.methodStart;
    const end = base + this.methodEnd;
    return knownMethod(bytes, start, end) ?? decodeLatin1(bytes, start, end);
  }

  /** Returns whether the method is this one, without creating a string. */
  isMethod(method: string): boolean {
    return equalsLatin1(
      this.bytes,
      this.base + this.methodStart,
      this.base + this.methodEnd,
      method,
    );
  }

  /** Whether the target begins with `/` (RFC 9112 §3.2.1). */
  get isOriginForm(): boolean {
    return this.bytes[this.base + this.methodEnd + 1] === SLASH;
  }

  /** The path of an origin-form target as sent, without its query. */
  get originPath(): string {
    const { bytes, base } = this;
    return decodeLatin1(bytes, base + this.methodEnd + 1, base + this.pathEnd);
  }

  /** The target as sent. */
  get target(): string {
    const { bytes, base } = this;
    return decodeLatin1(
      bytes,
      base + this.methodEnd + 1,
      base + this.targetEnd,
    );
  }

  /** The target and its parts; a new object at each read. */
  get uri(): RequestTarget {
    return RequestTarget.parse(this.target, this.method);
  }

  /** The fields; a new list at each read. It stays valid when the head is detached. */
  get headers(): Headers {
    return Headers.fromSection(this.knownFields);
  }

  /** Copies the head's bytes, so that the view stays valid when the owner of the bytes reuses them. */
  detach(): void {
    this.#moveTo(this.bytes.slice(this.base, this.base + this.sizeBytes), 0);
  }

  /**
   * Like {@linkcode RequestHead.detach}, but copies into a block that heads share.
   *
   * @ignore
   */
  detachInto(blocks: ByteBlocks): void {
    const { bytes, base } = this;
    const copied = blocks.copy(bytes, base, base + this.sizeBytes);
    this.#moveTo(blocks.bytes, copied);
  }

  #moveTo(bytes: Uint8Array, base: number): void {
    const { offsets, scanned } = this;
    this.bytes = bytes;
    this.base = base;
    this.offsets = copyOffsets(offsets, HEAD_OFFSET_COUNT);
    if (scanned !== null) {
      this.scanned = copyOffsets(scanned, offsets[COUNT]! * FIELD_STRIDE);
    }
    const known = this.#knownFields;
    if (known === null) return;
    // A list of fields may have it.
    known.bytes = bytes;
    known.base = base;
    if (this.scanned !== null) known.table = this.scanned;
  }
}
