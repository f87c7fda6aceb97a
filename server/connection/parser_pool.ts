/**
 * The head parsers of one engine. One shared parser parses the heads that
 * arrive completely. A connection has its own parser while it holds part of a
 * head, or while it parses during a call of another connection's handler.
 */

import { ByteBlocks } from "../../codec/byte_blocks.ts";
import type { HeadLimits } from "../../codec/limits.ts";
import { RequestHeadParser } from "../../codec/request_parser.ts";
import type { HeadScanner } from "../../codec/simd/head_scanner.ts";

/** How many free parsers of each kind are kept. More connections rarely hold part of a head at the same time. */
const MAX_FREE_PARSERS = 64;

/** See the file's header. */
export class ParserPool {
  /** Never holds a partial head: a connection that feeds it one takes it out of the pool. */
  shared: RequestHeadParser;
  /** Copies of the heads of exchanges that continue after a read. */
  readonly copies: ByteBlocks = new ByteBlocks();
  #limits: HeadLimits;
  #free: RequestHeadParser[] = [];
  #freeIsolated: RequestHeadParser[] = [];
  /** Shared by all parsers: each reads the result before the next scan. */
  #scanner: HeadScanner | null;

  /** Creates a pool of parsers under these limits. */
  constructor(limits: HeadLimits, scanner: HeadScanner | null) {
    this.#limits = limits;
    this.#scanner = scanner;
    this.shared = this.#make();
  }

  /** Returns the shared parser, with the partial head that it holds, and replaces it. */
  takeShared(): RequestHeadParser {
    const parser = this.shared;
    this.shared = this.#free.pop() ?? this.#make();
    return parser;
  }

  /**
   * Returns a parser that does not use the shared scanner: a handler of another
   * connection may be reading a head that the scanner holds.
   */
  takeIsolated(): RequestHeadParser {
    return this.#freeIsolated.pop() ?? new RequestHeadParser(this.#limits);
  }

  /** Takes a parser back, in any state. */
  give(parser: RequestHeadParser): void {
    parser.reset();
    const free = parser.isIsolated ? this.#freeIsolated : this.#free;
    if (free.length < MAX_FREE_PARSERS) free.push(parser);
  }

  #make(): RequestHeadParser {
    return new RequestHeadParser(this.#limits, this.#scanner);
  }
}
