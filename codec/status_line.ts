/**
 * The status line: `HTTP-version SP 3DIGIT SP [ reason-phrase ] CRLF`
 * (RFC 9112 §4). The SP in front of an absent reason may be missing: that is
 * unambiguous and seen in the wild; nothing else is tolerated.
 */

import { CR, DIGIT_0, FIELD_VALUE, LF, quoteBytes, SP } from "./ascii.ts";
import { ProtocolError } from "./errors.ts";

const PREFIX = "HTTP/1.";

/** Offsets in the line. */
const MINOR_AT = 7;
const CODE_AT = 9;
const REASON_AT = 12;

/** Scans one status line and remembers where it stopped. */
export class StatusLineScanner {
  /** 0 or 1. */
  minorVersion = 1;
  /** The status code, 100 to 599. */
  code = 0;
  /** Offset of the reason phrase. */
  reasonStart = 0;
  /** Offset behind the reason phrase. */
  reasonEnd = 0;
  /** Offset of the next octet; after the line, of the first octet behind it. */
  position = 0;
  #maxBytes: number;
  #isDone = false;

  /** Creates a scanner for lines of at most that many octets. */
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
   * Goes on from where the last call stopped.
   *
   * @returns Whether the line is complete.
   * @throws {ProtocolError} For the first octet that no valid line has there.
   */
  scan(bytes: Uint8Array, base: number, end: number): boolean {
    while (!this.#isDone && base + this.position < end) {
      const octet = bytes[base + this.position]!; // in range: below end
      if (!this.#take(octet, this.position)) {
        throw new ProtocolError(
          "INVALID_STATUS_LINE",
          `Cannot parse status line: invalid octet ${
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

  /** Takes one octet; says whether it may stand there. */
  #take(octet: number, at: number): boolean {
    if (at < MINOR_AT) return octet === PREFIX.charCodeAt(at);
    if (at === MINOR_AT) {
      this.minorVersion = octet - DIGIT_0;
      return this.minorVersion === 0 || this.minorVersion === 1;
    }
    if (at < CODE_AT) return octet === SP;
    if (at < REASON_AT) {
      const digit = octet - DIGIT_0;
      this.code = this.code * 10 + digit;
      if (at === CODE_AT) return digit >= 1 && digit <= 5; // RFC 9110 §15
      return digit >= 0 && digit <= 9;
    }
    return this.#takeReason(octet, at);
  }

  #takeReason(octet: number, at: number): boolean {
    if (this.reasonEnd > 0) { // a CR came
      this.#isDone = octet === LF;
      return this.#isDone;
    }
    if (octet === CR) {
      if (this.reasonStart === 0) this.reasonStart = at;
      this.reasonEnd = at;
      return true;
    }
    if (at === REASON_AT) {
      this.reasonStart = at + 1;
      return octet === SP;
    }
    return FIELD_VALUE[octet] === 1;
  }
}
