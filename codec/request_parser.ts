/**
 * Parses request heads: the request line, the field lines, and then every rule
 * that can be checked before a handler sees the request (RFC 9112 §3, §5). A
 * SIMD scanner, if there is one, parses complete plain heads. `request_line.ts`
 * and `field_lines.ts` parse all others, which may arrive in any split, and
 * read each byte once.
 *
 * Faults in single bytes are reported in the order of the bytes. The rules of
 * `request_checks.ts` are applied after the last field line, except those for the
 * target, which come before the first.
 */

import { SLASH } from "./ascii.ts";
import type { ByteBlocks } from "./byte_blocks.ts";
import { NEED_DATA, ProtocolError } from "./errors.ts";
import { FieldScanner } from "./field_lines.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "./limits.ts";
import {
  HEAD_OFFSET_COUNT,
  HeadOffset,
  RequestHead,
  UNKNOWN_ROUTE,
} from "./request_head.ts";
import { RequestLineScanner } from "./request_line.ts";
import {
  DECLARES_LENGTH,
  IS_CHUNKED,
  IS_CONNECT,
  IS_HEAD,
  IS_HTTP_1_0,
} from "./request_flags.ts";
import type { HeadScanner } from "./simd/head_scanner.ts";
import {
  checkHost,
  invalidTarget,
  readKnownFields,
  requireTarget,
} from "./request_checks.ts";

/** A request without any of these flags has no body. */
const FRAMES_BODY = DECLARES_LENGTH | IS_CHUNKED;

/** Length of `CONNECT` in bytes. */
const CONNECT_BYTES = 7;

/**
 * Parses request heads, one after the other.
 *
 * Until a head is complete, each call must pass the same head from its first
 * byte; the bytes may be in another array or at another offset.
 */
export class RequestHeadParser {
  #limits: HeadLimits;
  #line: RequestLineScanner;
  #fields: FieldScanner;
  /** The results of the plain path; see {@linkcode RequestHead.offsets}. */
  #offsets = new Int32Array(HEAD_OFFSET_COUNT);
  #head = new RequestHead(this.#offsets);
  #isInFields = false;
  #scanner: HeadScanner | null;
  /** The scanner, or `null` while the plain path is inside a head. */
  #readyScanner: HeadScanner | null;

  /**
   * Creates a parser for heads under these limits.
   *
   * @param scanner Scans complete plain heads, if there is one.
   */
  constructor(limits: HeadLimits, scanner: HeadScanner | null = null) {
    this.#limits = limits;
    this.#scanner = scanner;
    this.#readyScanner = scanner;
    this.#line = new RequestLineScanner(limits);
    this.#fields = new FieldScanner({
      maxBytes: limits.maxHeaderBytes,
      maxCount: limits.maxHeaderCount,
      optionNames: ["maxHeaderBytes, maxRequestHeadSize", "maxHeaderCount"],
      codes: ["HEAD_TOO_LARGE", "TOO_MANY_FIELDS"],
    });
  }

  /** Whether this parser uses no scanner, which it would share with other parsers. */
  get isIsolated(): boolean {
    return this.#scanner === null;
  }

  /** Stops using the scanner; a head that it has found stays valid until its next scan. */
  disableScanner(): void {
    this.#scanner = null;
    this.#readyScanner = null;
  }

  /** Whether no byte of a head has arrived yet, except one CRLF. */
  get isIdle(): boolean {
    return this.#line.isBlank;
  }

  /**
   * Starts or continues to parse a head.
   *
   * @param bytes Contains the head's bytes so far, from `start` to `end`.
   * @returns A view that is valid until the bytes change or the next call, or
   * {@linkcode NEED_DATA}.
   * @throws {ProtocolError} At the first byte that no valid head can have, or for
   * the first rule that the complete head breaks.
   */
  parse(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): RequestHead | typeof NEED_DATA {
    // perf: the scanner takes 0.4 times the time of the plain path on a
    // browser's head, and 0.6 times on a short one
    // (bench/request_head_bench.ts, Deno 2.9).
    const scanner = this.#readyScanner;
    if (scanner !== null) {
      const sizeBytes = scanner.scan(bytes, start, end);
      if (sizeBytes !== 0) {
        const head = this.#take(scanner, bytes, start, sizeBytes);
        if (head !== null) return head;
      }
    }
    return this.#parsePlain(bytes, start, end);
  }

  #parsePlain(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): RequestHead | typeof NEED_DATA {
    const line = this.#line;
    const fields = this.#fields;
    this.#readyScanner = null;
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

  /** Drops the current head, so that the next call starts a new one. */
  reset(): void {
    this.#line.start();
    this.#readyScanner = this.#scanner;
    this.#isInFields = false;
  }

  /**
   * Makes the last head independent of the parser and of its bytes.
   *
   * @param blocks Where to copy its bytes. @default {a new array}
   */
  detach(blocks?: ByteBlocks): void {
    const head = this.#head;
    if (blocks === undefined) head.detach();
    else head.detachInto(blocks);
    if (head.scanned === null) this.#fields.releaseTable();
    this.#head = new RequestHead(this.#offsets);
  }

  /** Fills the view from the scanner's results; returns `null` if the body is too long. */
  #take(
    scanner: HeadScanner,
    bytes: Uint8Array,
    start: number,
    sizeBytes: number,
  ): RequestHead | null {
    const head = this.#head;
    // perf: unchanged references are not written again (bench/machine_bench.ts).
    if (head.bytes !== bytes || head.scanned === null) {
      head.bytes = bytes;
      head.offsets = scanner.offsets;
      head.scanned = scanner.table;
    }
    head.base = start;
    head.sizeBytes = sizeBytes;
    const { flags } = scanner;
    head.flags = flags;
    if ((flags & FRAMES_BODY) !== 0) return this.#takeFramed(head, scanner);
    head.bodyLength = 0;
    return head;
  }

  #takeFramed(
    head: RequestHead,
    { bodyLength }: HeadScanner,
  ): RequestHead | null {
    head.bodyLength = bodyLength;
    return bodyLength <= this.#limits.maxBodyBytes ? head : null;
  }

  /** Checks the rules for a target that is not in origin form, before any field line is read. */
  #checkTarget(bytes: Uint8Array, start: number): void {
    const { methodStart, methodEnd } = this.#line;
    if (
      bytes[start + methodEnd + 1] === SLASH &&
      methodEnd - methodStart !== CONNECT_BYTES
    ) return;
    const head = this.#readLine(bytes, start);
    if (head.isOriginForm && !head.isConnect) return;
    const { scheme, pathAndQuery } = requireTarget(head);
    if (this.#limits.strictTarget && /[[\]]/.test(pathAndQuery)) {
      throw invalidTarget(
        head,
        "brackets are allowed only around an IPv6 address",
      );
    }
    if (scheme !== "https" || this.#limits.acceptsHttps) return;
    throw new ProtocolError(
      "MISDIRECTED_REQUEST",
      "Cannot serve a target with scheme https on a connection without TLS (trustForwardedScheme)",
      head.methodEnd + 1,
    );
  }

  #readLine(bytes: Uint8Array, start: number): RequestHead {
    const { methodStart, methodEnd, pathEnd, targetEnd, minorVersion } =
      this.#line;
    const head = this.#head;
    const offsets = this.#offsets;
    offsets[HeadOffset.METHOD_START] = methodStart;
    offsets[HeadOffset.METHOD_END] = methodEnd;
    offsets[HeadOffset.PATH_END] = pathEnd;
    offsets[HeadOffset.TARGET_END] = targetEnd;
    offsets[HeadOffset.ROUTE] = UNKNOWN_ROUTE;
    head.offsets = offsets;
    head.scanned = null;
    head.bytes = bytes;
    head.base = start;
    head.flags = minorVersion === 0 ? IS_HTTP_1_0 : 0;
    if (head.isMethod("HEAD")) head.flags |= IS_HEAD;
    else if (head.isMethod("CONNECT")) head.flags |= IS_CONNECT;
    return head;
  }

  #finish(bytes: Uint8Array, start: number): RequestHead {
    const fields = this.#fields;
    const head = this.#readLine(bytes, start);
    head.sizeBytes = fields.position;
    head.knownFields.read(bytes, start, fields.table, fields.count);
    checkHost(head);
    // perf: none of the checks applies to a plain head (bench/request_head_bench.ts, Deno 2.9).
    if (head.knownFields.isPlain) head.bodyLength = 0;
    else readKnownFields(head, this.#limits.maxBodyBytes);
    this.reset();
    return head;
  }
}

/**
 * Parses one request head at the start of `bytes` (RFC 9112 §3, §5).
 *
 * @param bytes The bytes as received; bytes after the head are ignored.
 * @param limits Limits that differ from the defaults.
 * @returns The head, which owns a copy of its bytes, or {@linkcode NEED_DATA} if
 * it is incomplete.
 * @throws {ProtocolError} If the bytes cannot become a valid head. `code` is one
 * of those for the start line, field lines, routing fields and framing in
 * {@linkcode PROTOCOL_ERROR_STATUS}; `offset` counts from the start of `bytes`.
 *
 * @example A head, and bytes after it
 * ```ts
 * import { NEED_DATA, parseRequestHead } from "@khttp/khttp/codec";
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
