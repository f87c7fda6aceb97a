/**
 * Parses response heads: status line, field lines, and how long the body is
 * (RFC 9112 §4, §5, §6.3). As strict as for requests, since a hostile origin
 * is an attacker too.
 */

import { decodeLatin1 } from "./ascii.ts";
import { KnownFields } from "./known_fields.ts";
import { NEED_DATA, ProtocolError } from "./errors.ts";
import { FieldScanner } from "./field_lines.ts";
import { receivedBodyLength } from "./framing.ts";
import { Headers } from "./headers.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "./limits.ts";
import { connectionOptions } from "./persistence.ts";
import { StatusLineScanner } from "./status_line.ts";

/** A parsed response head, with a copy of its octets. */
export interface ResponseHead {
  /** The status code, 100 to 599. */
  readonly status: number;
  /** The reason phrase; may be empty and means nothing. */
  readonly reason: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minorVersion: number;
  /** The fields. */
  readonly headers: Headers;
  /** Octets of the head. */
  readonly sizeBytes: number;
  /** Octets of the body, or a constant of `framing.ts`. */
  readonly bodyLength: number;
  /** Bits that `Connection` names; see `persistence.ts`. */
  readonly connectionOptions: number;
}

/** The limits that concern responses. */
export type ResponseHeadLimits = Pick<
  HeadLimits,
  "maxHeaderBytes" | "maxHeaderCount"
>;

/** Parses response heads, one after the other; fed as the parser of requests is. */
export class ResponseHeadParser {
  #line: StatusLineScanner;
  #fields: FieldScanner;
  #index = new KnownFields(new Uint8Array(0), new Int32Array(0));
  #isInFields = false;

  /** Creates a parser for heads under these limits. */
  constructor(limits: ResponseHeadLimits = DEFAULT_HEAD_LIMITS) {
    this.#line = new StatusLineScanner(limits.maxHeaderBytes);
    this.#fields = new FieldScanner({
      maxBytes: limits.maxHeaderBytes,
      maxCount: limits.maxHeaderCount,
      optionNames: ["maxHeaderBytes", "maxHeaderCount"],
      codes: ["HEAD_TOO_LARGE", "TOO_MANY_FIELDS"],
    });
  }

  /** Whether no octet of a head has come yet. */
  get isIdle(): boolean {
    return this.#line.position === 0;
  }

  /**
   * Parses a head, or goes on with one.
   *
   * @param bytes Holds the head from `start` on, its octets so far up to `end`.
   * @param requestMethod The method of the request, which decides about the body.
   * @returns The head, or {@linkcode NEED_DATA}.
   * @throws {ProtocolError} If the octets cannot become a valid head.
   */
  parse(
    bytes: Uint8Array,
    start: number,
    end: number,
    requestMethod: string,
  ): ResponseHead | typeof NEED_DATA {
    const line = this.#line;
    const fields = this.#fields;
    if (!this.#isInFields) {
      if (!line.scan(bytes, start, end)) return NEED_DATA;
      fields.start(line.position);
      this.#isInFields = true;
    }
    if (!fields.scan(bytes, start, end)) return NEED_DATA;
    const index = this.#index;
    const sizeBytes = fields.position;
    const octets = bytes.slice(start, start + sizeBytes);
    index.read(octets, 0, fields.table, fields.count);
    const head: ResponseHead = {
      status: line.code,
      reason: decodeLatin1(octets, line.reasonStart, line.reasonEnd),
      minorVersion: line.minorVersion,
      sizeBytes,
      bodyLength: receivedBodyLength(index, {
        status: line.code,
        minorVersion: line.minorVersion,
        requestMethod,
      }),
      connectionOptions: connectionOptions(index),
      headers: Headers.fromSection({
        bytes: octets,
        base: 0,
        table: fields.releaseTable(),
        count: fields.count,
      }),
    };
    this.reset();
    return head;
  }

  /** Forgets the head, so that the next call begins a new one. */
  reset(): void {
    this.#line.start();
    this.#isInFields = false;
  }
}

/**
 * Parses one response head that stands at the start of `bytes`.
 *
 * @param bytes Octets as received; what follows the head is left alone.
 * @param requestMethod The method of the request, which decides about the body.
 * @returns The head, or {@linkcode NEED_DATA}.
 * @throws {ProtocolError} If the octets cannot become a valid head.
 *
 * @example A head
 * ```ts
 * import { NEED_DATA, parseResponseHead } from "@khttp/khttp";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const wire = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
 * const head = parseResponseHead(new TextEncoder().encode(wire));
 * assert(head !== NEED_DATA);
 * assertEquals([head.status, head.bodyLength], [200, 5]);
 * ```
 */
export function parseResponseHead(
  bytes: Uint8Array,
  requestMethod = "GET",
  limits: Partial<ResponseHeadLimits> = {},
): ResponseHead | typeof NEED_DATA {
  return new ResponseHeadParser({ ...DEFAULT_HEAD_LIMITS, ...limits })
    .parse(bytes, 0, bytes.length, requestMethod);
}

/** Folded lines that may never be joined: their value decides about framing. */
const UNFOLDABLE = ["content-length", "transfer-encoding"] as const;

/**
 * Replaces obsolete line folding by spaces, in place (RFC 9112 §5.2): what a
 * user agent should do, and what we do only if asked to.
 *
 * @throws {ProtocolError} `OBSOLETE_LINE_FOLDING` in a field that frames the body.
 */
export function unfoldLines(
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  let lineStart = start;
  for (let pos = start; pos + 2 < end; pos++) {
    if (bytes[pos] !== 0x0d || bytes[pos + 1] !== 0x0a) continue;
    if (bytes[pos + 2] === 0x0d) return; // the section's end
    if (bytes[pos + 2] !== 0x20 && bytes[pos + 2] !== 0x09) {
      lineStart = pos + 2;
      continue;
    }
    if (lineStart === start) { // §2.2: not behind the status line
      throw new ProtocolError(
        "OBSOLETE_LINE_FOLDING",
        "Cannot unfold the first field line: there is none before it",
        pos + 2 - start,
      );
    }
    const colon = bytes.indexOf(0x3a, lineStart);
    const name = decodeLatin1(bytes, lineStart, colon).toLowerCase();
    if (UNFOLDABLE.some((field) => field === name)) {
      throw new ProtocolError(
        "OBSOLETE_LINE_FOLDING",
        `Cannot unfold field ${JSON.stringify(name)}: it frames the body`,
        pos - start,
      );
    }
    bytes.fill(0x20, pos, pos + 2);
  }
}
