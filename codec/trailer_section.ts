/**
 * The trailer section of a chunked body: gathered, scanned and judged (RFC 9112
 * §7.1.2; RFC 9110 §6.5.1). The grammar of its lines is `field_lines.ts`'s,
 * making field values of them `headers.ts`'s.
 *
 * Stricter than the text on purpose: a field that may not be a trailer is
 * refused, not discarded, since some reader before us may have merged it.
 */

import { decodeLatin1, lowerCaseAscii, quoteBytes } from "./ascii.ts";
import { ProtocolError } from "./errors.ts";
import { FIELD_STRIDE, FieldScanner } from "./field_lines.ts";
import type { BodyLimits } from "./limits.ts";

/** The trailer section of a body: its octets and where its fields are in them. */
export interface TrailerSection {
  /** The field lines and the empty line behind them; nobody else's memory. */
  readonly bytes: Uint8Array;
  /** {@linkcode FIELD_STRIDE} offsets into `bytes` for each field. */
  readonly table: Int32Array;
  /** Number of field lines, at least 1. */
  readonly count: number;
}

/** Octets for which a new trailer buffer has room; it doubles up to the limit. */
const INITIAL_TRAILER_BYTES = 256;

/**
 * Gathers a trailer section that is not empty and scans it while it comes.
 * Memory follows what arrived and ends at `maxTrailerBytes` and an empty line.
 */
export class TrailerReader {
  /** The section once its empty line was read. */
  section: TrailerSection | null = null;
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;
  #maxBufferBytes: number;
  #scanner: FieldScanner;
  /** Octets from the start of the body's framing to the section. */
  #offset: number;

  /**
   * Creates a reader for one section.
   *
   * @param limits Only those on trailers are used.
   * @param offset Octets from the start of the body's framing to the section.
   */
  constructor(limits: BodyLimits, offset: number) {
    const maxBytes = limits.maxTrailerBytes;
    // The scanner decides within the empty line behind the greatest section.
    this.#maxBufferBytes = maxBytes + 2;
    this.#buffer = new Uint8Array(
      Math.min(INITIAL_TRAILER_BYTES, this.#maxBufferBytes),
    );
    this.#scanner = new FieldScanner({
      maxBytes,
      maxCount: limits.maxTrailerCount,
      optionNames: ["maxTrailerBytes", "maxTrailerCount"],
      codes: ["TRAILERS_TOO_LARGE", "TRAILERS_TOO_LARGE"],
    });
    this.#scanner.start(0);
    this.#offset = offset;
  }

  /**
   * Goes on with the section until its empty line; sets `section` there.
   *
   * @returns The offset in `bytes` behind the last octet that belongs to it.
   * @throws {ProtocolError} For a line that is malformed, forbidden or too much;
   * its offset counts from the start of the body's framing.
   */
  read(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    while (pos < end) {
      if (this.#length === this.#buffer.length) this.#grow();
      const before = this.#length;
      const after = Math.min(before + end - pos, this.#buffer.length);
      for (let to = before, from = pos; to < after; to++, from++) {
        this.#buffer[to] = bytes[from]!; // `from` stays below `end`
      }
      this.#length = after;
      if (this.#scan(after)) {
        this.#finish();
        return pos + this.#scanner.position - before;
      }
      pos += after - before;
    }
    return pos;
  }

  #grow(): void {
    const larger = new Uint8Array(
      Math.min(this.#buffer.length * 2, this.#maxBufferBytes),
    );
    larger.set(this.#buffer);
    this.#buffer = larger;
  }

  /**
   * The scanner counts from the section's start, since offsets from a long
   * body's start would not fit the 32 bits of its table; its errors are moved.
   */
  #scan(end: number): boolean {
    try {
      return this.#scanner.scan(this.#buffer, 0, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const suffix = ` at offset ${error.offset}`;
      const message = error.message.slice(0, -suffix.length);
      throw new ProtocolError(
        error.code,
        message,
        error.offset + this.#offset,
      );
    }
  }

  /** Names are judged when all lines are here, so that a later bad line always comes first. */
  #finish(): void {
    const { table, count, position } = this.#scanner;
    for (let entry = 0; entry < count * FIELD_STRIDE; entry += FIELD_STRIDE) {
      const start = table[entry]!; // `entry` stays below `count` entries
      const end = table[entry + 1]!;
      const name = lowerCaseAscii(decodeLatin1(this.#buffer, start, end));
      if (isForbiddenTrailer(name)) {
        throw new ProtocolError(
          "FORBIDDEN_TRAILER",
          `Cannot accept trailer field: ${
            quoteBytes(this.#buffer, start, end)
          } may not come after the body`,
          this.#offset + start,
        );
      }
    }
    const bytes = this.#buffer.subarray(0, position);
    this.section = { bytes, table, count };
  }
}

/** What RFC 9110 §6.5.1 keeps out of trailers, by the reasons it gives. */
const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  // framing
  ..."content-length transfer-encoding trailer".split(" "),
  // routing and the connection
  ..."host max-forwards connection keep-alive proxy-connection".split(" "),
  ..."te upgrade".split(" "),
  // request modifiers
  ..."expect range if-match if-none-match if-modified-since".split(" "),
  ..."if-unmodified-since if-range cache-control pragma".split(" "),
  // authentication and state
  ..."authorization proxy-authorization www-authenticate".split(" "),
  ..."proxy-authenticate cookie set-cookie".split(" "),
  // content format
  ..."content-type content-encoding content-range".split(" "),
]);

/**
 * Says whether a field may not be a trailer, received or sent (RFC 9110 §6.5.1).
 *
 * @param lowerCaseName The field's name in lower case.
 * @returns Whether the field must be known before the body.
 */
export function isForbiddenTrailer(lowerCaseName: string): boolean {
  return FORBIDDEN_TRAILERS.has(lowerCaseName);
}
