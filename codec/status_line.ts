/**
 * Scans the status line, `HTTP-version SP 3DIGIT SP [ reason-phrase ] CRLF`
 * (RFC 9112 §4). The callers interpret the code.
 *
 * More lenient than the RFC in one point: the SP before an absent reason may be
 * missing. Some servers omit it, and the line stays unambiguous.
 */

import { CR, DIGIT_0, FIELD_VALUE, LF, quoteBytes, SP } from "./ascii.ts";
import { ProtocolError } from "./errors.ts";

const PREFIX = "HTTP/1.";

/** Offsets of the parts in the line. */
const MINOR_AT = 7;
const CODE_AT = 9;
const REASON_AT = 12;

/** Scans one status line and remembers where it stopped. */
export class StatusLineScanner {
  /** 0 or 1. */
  minorVersion = 1;
  /** The status code, 100 to 999. */
  code = 0;
  /** Offset of the reason phrase. */
  reasonStart = 0;
  /** Offset after the reason phrase. */
  reasonEnd = 0;
  /** Offset of the next byte to read; once done, of the first byte after the line. */
  position = 0;
  #maxBytes: number;
  #isDone = false;

  /** Creates a scanner for lines of at most `maxBytes` bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Starts a line. */
  start(): void {
    this.code = 0;
    this.reasonStart = 0;
    this.reasonEnd = 0;
    this.position = 0;
    this.#isDone = false;
  }

  /**
   * Continues where the last call stopped.
   *
   * @returns Whether the line is complete.
   * @throws {ProtocolError} `INVALID_STATUS_LINE` at the first byte that no valid
   * line can have; `HEAD_TOO_LARGE` beyond `maxBytes`.
   */
  scan(bytes: Uint8Array, base: number, end: number): boolean {
    while (!this.#isDone && base + this.position < end) {
      const byte = bytes[base + this.position]!; // in range: below end
      if (!this.#take(byte, this.position)) {
        throw new ProtocolError(
          "INVALID_STATUS_LINE",
          `Cannot parse status line: invalid byte ${
            quoteBytes(bytes, base + this.position, base + this.position + 1)
          }`,
          this.position,
        );
      }
      this.position++;
      if (this.position <= this.#maxBytes || this.#isDone) continue;
      throw new ProtocolError(
        "HEAD_TOO_LARGE",
        `Cannot parse status line: longer than ${this.#maxBytes} bytes (maxHeaderBytes)`,
        this.position,
      );
    }
    return this.#isDone;
  }

  /** Reads the byte at offset `at`; returns whether it is allowed there. */
  #take(byte: number, at: number): boolean {
    if (at < MINOR_AT) return byte === PREFIX.charCodeAt(at);
    if (at === MINOR_AT) {
      this.minorVersion = byte - DIGIT_0;
      return this.minorVersion === 0 || this.minorVersion === 1;
    }
    if (at < CODE_AT) return byte === SP;
    if (at < REASON_AT) {
      const digit = byte - DIGIT_0;
      this.code = this.code * 10 + digit;
      // RFC 9110 §15 defines codes up to 599; a client treats higher ones like 5xx.
      if (at === CODE_AT) return digit >= 1 && digit <= 9;
      return digit >= 0 && digit <= 9;
    }
    return this.#takeReason(byte, at);
  }

  #takeReason(byte: number, at: number): boolean {
    if (this.reasonEnd > 0) { // after the CR
      this.#isDone = byte === LF;
      return this.#isDone;
    }
    if (byte === CR) {
      if (this.reasonStart === 0) this.reasonStart = at;
      this.reasonEnd = at;
      return true;
    }
    if (at === REASON_AT) {
      this.reasonStart = at + 1;
      return byte === SP;
    }
    return FIELD_VALUE[byte] === 1;
  }
}
