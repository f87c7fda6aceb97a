/** The scanner of response heads that all connections of a client share. */

import type { ResponseHeadLimits } from "../codec/response_parser.ts";
import { ResponseScanner } from "../codec/simd/response_scanner.ts";

/**
 * Heads that are parsed without a scanner first. Creating it takes a
 * millisecond, as much as it saves in about a thousand heads.
 */
const HEADS_BEFORE = 256;

/** Creates a scanner once the client has received many heads. */
export class SharedScanner {
  #limits: ResponseHeadLimits;
  #headCount = 0;
  #scanner: ResponseScanner | null = null;

  /** Creates the holder, without a scanner yet. */
  constructor(limits: ResponseHeadLimits) {
    this.#limits = limits;
  }

  /** Returns the scanner for the next head, or `null` if the plain parser is to parse it. */
  next(): ResponseScanner | null {
    if (this.#headCount < HEADS_BEFORE) {
      this.#headCount++;
      if (this.#headCount === HEADS_BEFORE) {
        this.#scanner = ResponseScanner.maybeCreate(this.#limits);
      }
    }
    return this.#scanner;
  }
}
