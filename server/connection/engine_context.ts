/**
 * What the connections of one engine share: buffers, parsers, the date and
 * the deadlines. Nothing here belongs to one connection.
 */

import type { HeadLimits } from "../../codec/limits.ts";
import { RequestHeadParser } from "../../codec/request_parser.ts";
import {
  HeadScanner,
  type ReceiveWindow,
  WINDOW_BYTES,
} from "../../codec/simd/head_scanner.ts";
import { ResponseHeadCache } from "./head_cache.ts";
import type { Clock } from "./clock.ts";
import { Connections } from "./connections.ts";
import type { Application, Handler } from "../hooks.ts";
import { headLimits } from "../options.ts";
import { OutputPool } from "./output.ts";
import { ReceiveSlots } from "./receive_slots.ts";

/** How many idle parsers of each kind are kept besides the shared one. */
const MAX_FREE_PARSERS = 64;

/** Parsers that no connection is in the middle of a head with. */
export class ParserPool {
  /** Parses heads that come whole; whoever gets half a head takes it away. */
  shared: RequestHeadParser;
  #limits: HeadLimits;
  #free: RequestHeadParser[] = [];
  #freeIsolated: RequestHeadParser[] = [];
  /** One for all: what it found is read before anybody scans again. */
  #scanner: HeadScanner | null;

  /** Creates a pool of parsers under these limits. */
  constructor(limits: HeadLimits, scanner: HeadScanner | null) {
    this.#limits = limits;
    this.#scanner = scanner;
    this.shared = this.#make();
  }

  /** Gives the shared parser away, with the half a head that it has seen. */
  takeShared(): RequestHeadParser {
    const parser = this.shared;
    this.shared = this.#free.pop() ?? this.#make();
    return parser;
  }

  /**
   * Gives a parser that shares nothing with the others, not even the scanner:
   * for octets that are parsed while a handler may be at work on another
   * connection's head.
   */
  takeIsolated(): RequestHeadParser {
    return this.#freeIsolated.pop() ?? new RequestHeadParser(this.#limits);
  }

  /** Takes a parser back, in whatever state. */
  give(parser: RequestHeadParser): void {
    parser.reset();
    const free = parser.isIsolated ? this.#freeIsolated : this.#free;
    if (free.length < MAX_FREE_PARSERS) free.push(parser);
  }

  #make(): RequestHeadParser {
    return new RequestHeadParser(this.#limits, this.#scanner);
  }
}

/** Makes routes known to a scanner, numbered from 1 on; gives their handlers if there was room. */
function learnRoutes(
  { router }: Application,
  scanner: HeadScanner | null,
): readonly Handler[] {
  const routes = router.literalRoutes;
  const keys = routes.map(({ method, path }) => `${method} ${path}`);
  if (scanner === null || !scanner.learnRoutes(keys)) return [];
  return routes.map(({ value }) => value.value);
}

/** A place to receive into where nothing is scanned in place. */
function plainWindow(): ReceiveWindow {
  const bytes = new Uint8Array(WINDOW_BYTES);
  return { bytes, start: 0, size: bytes.length };
}

/** The shared parts of one engine. */
export class EngineContext {
  readonly app: Application;
  /** Current time and timers; a fake one in tests. */
  readonly clock: Clock;
  readonly output: OutputPool = new OutputPool();
  readonly parsers: ParserPool;
  /** What finds heads, if there is WebAssembly. */
  readonly scanner: HeadScanner | null;
  /** Where an engine may receive octets, to have their heads scanned without a copy. */
  readonly window: ReceiveWindow;
  /** Such places for single connections. */
  readonly slots: ReceiveSlots;
  /** Handlers of the all-literal routes that the scanner knows by their numbers; empty if it knows none. */
  readonly handlers: readonly Handler[];
  readonly heads: ResponseHeadCache;
  readonly connections: Connections;
  /** Requests of connections that have ended. */
  requestCount = 0;
  /** Whether serving ends: no connection that is made from now on goes on after a response. */
  isStopping = false;

  /**
   * Creates the parts.
   *
   * @param app What is served.
   * @param clock Where time comes from.
   * @param isSecure Whether the connections come through TLS.
   */
  constructor(app: Application, clock: Clock, isSecure: boolean) {
    const { options } = app;
    this.app = app;
    this.clock = clock;
    const limits = headLimits(options, isSecure);
    this.scanner = HeadScanner.maybeCreate(limits);
    this.parsers = new ParserPool(limits, this.scanner);
    this.handlers = learnRoutes(app, this.scanner);
    this.window = this.scanner?.window ?? plainWindow();
    this.slots = new ReceiveSlots(this.scanner?.slots ?? null);
    this.heads = new ResponseHeadCache(clock.epochMs());
    this.connections = new Connections(
      clock,
      Math.min(
        options.drainTimeout,
        options.headerTimeout,
        options.idleTimeout,
        options.bodyTimeout,
        options.requestTimeout,
        options.writeTimeout,
      ),
      (epochMs) => this.heads.refresh(epochMs),
    );
  }
}
