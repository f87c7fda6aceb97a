/**
 * Reads the trailer section of a chunked body and checks which fields it may
 * contain (RFC 9112 §7.1.2; RFC 9110 §6.5.1). `field_lines.ts` scans the lines;
 * `headers.ts` makes a list of them.
 *
 * Stricter than the RFC: a field that must not be a trailer is refused instead
 * of discarded, since a proxy in front of this server may have merged it into
 * the head.
 */

import { decodeLatin1, lowerCaseAscii, quoteBytes } from "./ascii.ts";
import { ProtocolError } from "./errors.ts";
import { FIELD_STRIDE, FieldScanner } from "./field_lines.ts";
import type { BodyLimits } from "./limits.ts";

/** The trailer section of a body: its bytes and the offsets of its lines. */
export interface TrailerSection {
  /** The field lines and the empty line after them; the section owns this array. */
  readonly bytes: Uint8Array;
  /** Four offsets into `bytes` for each line: start and end of the name, start and end of the value. */
  readonly table: Int32Array;
  /** Number of field lines, at least 1. */
  readonly count: number;
}

/** Initial size of the trailer buffer; it doubles up to the limit. */
const INITIAL_TRAILER_BYTES = 256;

/**
 * Copies a non-empty trailer section into a buffer and scans it as it arrives.
 * The buffer grows with the bytes that arrive, up to `maxTrailerBytes` and the
 * empty line.
 */
export class TrailerReader {
  /** The section once its empty line has been read. */
  section: TrailerSection | null = null;
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;
  #maxBufferBytes: number;
  #scanner: FieldScanner;
  /** Offset of the section from the start of the body's framing, in bytes. */
  #offset: number;

  /**
   * Creates a reader for one section.
   *
   * @param limits The limits; only those on trailers apply.
   * @param offset Offset of the section from the start of the body's framing, in
   * bytes.
   */
  constructor(limits: BodyLimits, offset: number) {
    const maxBytes = limits.maxTrailerBytes;
    // Room for the largest section and its empty line: when the buffer is full,
    // the scanner has either finished or thrown.
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
   * Continues to read the section; sets `section` at its empty line.
   *
   * @returns The offset in `bytes` after the last byte that belongs to the section.
   * @throws {ProtocolError} `FORBIDDEN_TRAILER`, `TRAILERS_TOO_LARGE`, or a code of
   * {@linkcode FieldScanner.scan}; the offset counts from the start of the body's
   * framing.
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
   * Scans the buffer, and corrects the offset of errors: the scanner counts from
   * the start of the section, since offsets from the start of a long body would
   * not fit into the 32 bits of its table.
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

  /**
   * Checks the names after all lines are complete, so that a malformed line is
   * always reported first, however the input is split.
   */
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
          } is not allowed after the body`,
          this.#offset + start,
        );
      }
    }
    const bytes = this.#buffer.subarray(0, position);
    this.section = { bytes, table, count };
  }
}

/** Fields that RFC 9110 §6.5.1 forbids in trailers, grouped by the reasons it gives. */
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
 * Returns whether a field must not be a trailer, received or sent (RFC 9110 §6.5.1).
 *
 * @param lowerCaseName The field's name in lower case.
 */
export function isForbiddenTrailer(lowerCaseName: string): boolean {
  return FORBIDDEN_TRAILERS.has(lowerCaseName);
}
