/**
 * The head parsers of one engine. A head that arrives as a whole is parsed by one
 * shared parser. A connection has a parser of its own while it holds part of a
 * head, or while it parses in the middle of another connection's handler.
 */

import type { HeadLimits } from "../../codec/limits.ts";
import { RequestHeadParser } from "../../codec/request_parser.ts";
import type { HeadScanner } from "../../codec/simd/head_scanner.ts";

/** Free parsers of each kind that are kept: more connections are rarely inside a head at one time. */
const MAX_FREE_PARSERS = 64;

/** See the file's header. */
export class ParserPool {
  /** Holds no partial head; a connection that feeds it one takes it away. */
  shared: RequestHeadParser;
  #limits: HeadLimits;
  #free: RequestHeadParser[] = [];
  #freeIsolated: RequestHeadParser[] = [];
  /** One for all parsers: its result is read before the next scan. */
  #scanner: HeadScanner | null;

  /** Creates a pool of parsers under these limits. */
  constructor(limits: HeadLimits, scanner: HeadScanner | null) {
    this.#limits = limits;
    this.#scanner = scanner;
    this.shared = this.#make();
  }

  /** Gives the shared parser away, with the partial head that it was fed. */
  takeShared(): RequestHeadParser {
    const parser = this.shared;
    this.shared = this.#free.pop() ?? this.#make();
    return parser;
  }

  /**
   * Gives a parser that shares nothing with the others, not even the scanner:
   * a handler of another connection may be reading a head that the scanner holds.
   */
  takeIsolated(): RequestHeadParser {
    return this.#freeIsolated.pop() ?? new RequestHeadParser(this.#limits);
  }

  /** Takes a parser back, in whatever state it is. */
  give(parser: RequestHeadParser): void {
    parser.reset();
    const free = parser.isIsolated ? this.#freeIsolated : this.#free;
    if (free.length < MAX_FREE_PARSERS) free.push(parser);
  }

  #make(): RequestHeadParser {
    return new RequestHeadParser(this.#limits, this.#scanner);
  }
}
