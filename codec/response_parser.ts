/**
 * Parses response heads: status line, field lines, and the length of the body
 * (RFC 9112 §4, §5, §6.3). It is as strict as the parser for requests, since an
 * origin can be hostile too. It can also join folded lines, which is off by
 * default (§5.2).
 */

import { decodeLatin1 } from "./ascii.ts";
import { KnownFields } from "./known_fields.ts";
import { NEED_DATA, ProtocolError } from "./errors.ts";
import { FieldScanner } from "./field_lines.ts";
import { hasNoBody, receivedBodyLength } from "./framing.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "./limits.ts";
import { connectionOptions } from "./persistence.ts";
import {
  ReceivedResponseHead,
  type ResponseHead,
  type ResponseParts,
  type ResponseSizes,
} from "./response_head.ts";
import type { ResponseScanner } from "./simd/response_scanner.ts";
import { StatusLineScanner } from "./status_line.ts";

/** The limits that apply to response heads. */
export type ResponseHeadLimits = Pick<
  HeadLimits,
  "maxHeaderBytes" | "maxHeaderCount"
>;

/** How a parser works. */
export interface ResponseParserOptions {
  /**
   * Whether the bytes of a head stay unchanged while it is used. If not, the
   * parser copies them. @default {false}
   */
  readonly keepsBytes?: boolean;
}

/**
 * Parses response heads, one after the other.
 *
 * Until a head is complete, each call must pass the same head from its first
 * byte; the bytes may be in another array or at another offset.
 */
export class ResponseHeadParser {
  /** Parses complete heads of the usual shape, if it is set; its limits must be the same. */
  scanner: ResponseScanner | null = null;
  #line: StatusLineScanner;
  #fields: FieldScanner;
  #knownFields = new KnownFields(new Uint8Array(0), new Int32Array(0));
  #isInFields = false;
  #keepsBytes: boolean;

  /** Creates a parser for heads under these limits. */
  constructor(
    limits: ResponseHeadLimits = DEFAULT_HEAD_LIMITS,
    { keepsBytes = false }: ResponseParserOptions = {},
  ) {
    this.#keepsBytes = keepsBytes;
    this.#line = new StatusLineScanner(limits.maxHeaderBytes);
    this.#fields = new FieldScanner({
      maxBytes: limits.maxHeaderBytes,
      maxCount: limits.maxHeaderCount,
      optionNames: ["maxHeaderBytes", "maxHeaderCount"],
      codes: ["HEAD_TOO_LARGE", "TOO_MANY_FIELDS"],
    });
  }

  /** Whether no byte of a head has arrived yet. */
  get isIdle(): boolean {
    return this.#line.position === 0;
  }

  /**
   * Starts or continues to parse a head.
   *
   * @param bytes Contains the head's bytes so far, from `start` to `end`.
   * @param requestMethod The request's method: responses to HEAD have no body, and
   * a successful CONNECT opens a tunnel.
   * @returns The head, or {@linkcode NEED_DATA}.
   * @throws {ProtocolError} If the bytes cannot become a valid head.
   */
  parse(
    bytes: Uint8Array,
    start: number,
    end: number,
    requestMethod: string,
  ): ReceivedResponseHead | typeof NEED_DATA {
    const { scanner } = this;
    if (scanner !== null && this.isIdle) {
      const sizeBytes = scanner.scan(bytes, start, end);
      if (sizeBytes > 0) {
        scanner.storeTable();
        const bodyLength = hasNoBody(scanner.status, requestMethod)
          ? 0
          : scanner.declaredLength;
        const sizes = { sizeBytes, bodyLength };
        return this.#makeHead(scanner, bytes, start, sizes);
      }
    }
    return this.#parsePlain(bytes, start, end, requestMethod);
  }

  #parsePlain(
    bytes: Uint8Array,
    start: number,
    end: number,
    requestMethod: string,
  ): ReceivedResponseHead | typeof NEED_DATA {
    const line = this.#line;
    const fields = this.#fields;
    if (!this.#isInFields) {
      if (!line.scan(bytes, start, end)) return NEED_DATA;
      fields.start(line.position);
      this.#isInFields = true;
    }
    if (!fields.scan(bytes, start, end)) return NEED_DATA;
    const { minorVersion, code: status, reasonStart, reasonEnd } = line;
    const { count } = fields;
    const known = this.#knownFields;
    known.read(bytes, start, fields.table, count);
    const facts = { status, minorVersion, requestMethod };
    const bodyLength = receivedBodyLength(known, facts);
    const parts: ResponseParts = {
      ...{ status, minorVersion, reasonStart, reasonEnd },
      connectionOptions: connectionOptions(known),
      ...{ table: fields.releaseTable(), tableStart: 0, count },
      hasKeepAlive: true,
    };
    this.reset();
    const sizes = { sizeBytes: fields.position, bodyLength };
    return this.#makeHead(parts, bytes, start, sizes);
  }

  #makeHead(
    parts: ResponseParts,
    bytes: Uint8Array,
    start: number,
    sizes: ResponseSizes,
  ): ReceivedResponseHead {
    return this.#keepsBytes
      ? new ReceivedResponseHead(parts, bytes, start, sizes)
      : new ReceivedResponseHead(
        parts,
        bytes.slice(start, start + sizes.sizeBytes),
        0,
        sizes,
      );
  }

  /** Drops the current head, so that the next call starts a new one. */
  reset(): void {
    this.#line.start();
    this.#isInFields = false;
  }
}

/**
 * Parses one response head at the start of `bytes` (RFC 9112 §4, §5).
 *
 * @param bytes The bytes as received; bytes after the head are ignored.
 * @param requestMethod The request's method: responses to HEAD have no body, and a
 * successful CONNECT opens a tunnel. @default {"GET"}
 * @param limits Limits that differ from the defaults.
 * @returns The head, or {@linkcode NEED_DATA} if it is incomplete.
 * @throws {ProtocolError} If the bytes cannot become a valid head. `code` is one
 * of those for the start line, field lines and framing in
 * {@linkcode PROTOCOL_ERROR_STATUS}; `offset` counts from the start of `bytes`.
 *
 * @example The status, and the length of the body
 * ```ts
 * import { NEED_DATA, parseResponseHead } from "@khttp/khttp/codec";
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

/** Fields whose folded lines are never joined, since their values decide framing. */
const UNFOLDABLE = ["content-length", "transfer-encoding"] as const;

/**
 * Overwrites each line fold in `bytes` with spaces (RFC 9112 §5.2). A user agent
 * should do that; this client does it only if the caller asks for it.
 *
 * @throws {ProtocolError} `OBSOLETE_LINE_FOLDING` in a field that frames the body,
 * or before the first field.
 */
export function unfoldLines(
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  let lineStart = start;
  for (let pos = start; pos + 2 < end; pos++) {
    if (bytes[pos] !== 0x0d || bytes[pos + 1] !== 0x0a) continue;
    if (bytes[pos + 2] === 0x0d) return; // the end of the section
    if (bytes[pos + 2] !== 0x20 && bytes[pos + 2] !== 0x09) {
      lineStart = pos + 2;
      continue;
    }
    if (lineStart === start) { // directly after the status line (RFC 9112 §2.2)
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
