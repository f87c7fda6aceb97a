/**
 * What the connections of one engine share: buffers, parsers, prepared heads,
 * the time and the set of all connections. It holds no state of a single
 * connection.
 */

import {
  HeadScanner,
  type ReceiveWindow,
  WINDOW_BYTES,
} from "../../codec/simd/head_scanner.ts";
import { TextBytes } from "../../codec/text_bytes.ts";
import type {
  Application,
  DirectCall,
  DirectHandler,
  Handler,
} from "../hooks.ts";
import type { Report } from "../failure_report.ts";
import type { HeadLimits } from "../../codec/limits.ts";
import { headLimits } from "../options.ts";
import { TEXT_TYPE } from "../response_fields.ts";
import { type Clock, Connections } from "./connections.ts";
import { ResponseHeadCache } from "./head_cache.ts";
import { JoinQueue } from "./bodies/join_queue.ts";
import { PiecePool } from "./bodies/piece_pool.ts";
import { OutputPool } from "./output.ts";
import { ParserPool } from "./parser_pool.ts";
import { ReceiveSlots } from "./receive_slots.ts";
import type { ReceiveMemory } from "./transport.ts";

/**
 * Gives a scanner the routes without parameters, numbered from 1.
 *
 * @returns Their handlers; empty if the scanner had no room for them.
 */
function learnRoutes(
  { router }: Application,
  scanner: HeadScanner | null,
): readonly Handler[] {
  const routes = router.literalRoutes;
  const keys = routes.map(({ method, path }) => `${method} ${path}`);
  if (scanner === null || !scanner.learnRoutes(keys)) return [];
  return routes.map(({ value }) => value.value);
}

/**
 * How many reads the plain parser gets before the scanner starts, unless the
 * engine starts it earlier.
 *
 * perf: saves 2 ms and 5 MiB in a server that has answered only a few requests
 * (bench/start.ts). The number is small because V8 keeps what it has learned from
 * the plain parser: 3 reads cost each later request 23 instructions, 64 cost 71,
 * and 1,000 cost 235 (bench/machine_count.ts, hello).
 */
const PLAIN_READS = 8;

/** A receive window without a scanner. */
function plainWindow(size: number): ReceiveWindow {
  return { bytes: new Uint8Array(size), start: 0, size };
}

/** The shared parts of one engine. */
export class EngineContext implements ReceiveMemory {
  readonly app: Application;
  /** Current time and timers; a fake one in tests. */
  readonly clock: Clock;
  /** Called with errors of requests that no error hook gets. */
  readonly report: Report;
  readonly output: OutputPool = new OutputPool();
  /** Memory for pieces of files. */
  readonly pieces: PiecePool = new PiecePool();
  /** The order in which streamed responses join their pieces. */
  readonly joins: JoinQueue = new JoinQueue();
  /** Replaced by {@linkcode EngineContext.startScanning}, like the next four fields. */
  parsers: ParserPool;
  /** Finds heads by SIMD; `null` until it is needed, and without WebAssembly. */
  scanner: HeadScanner | null = null;
  /** Memory to receive into: heads in it are scanned without a copy. */
  window: ReceiveWindow = plainWindow(0);
  /** Small receive buffers for connections whose read may stay pending. */
  slots: ReceiveSlots = new ReceiveSlots(null);
  /** Handlers of the routes that the scanner finds, by their number minus 1. */
  handlers: readonly Handler[] = [];
  /** The fallback, or its {@linkcode DirectHandler.direct} if it has one. */
  readonly fallback: DirectCall | null;
  /** The fallback of an application without routes, which handles every request; otherwise `null`. */
  readonly onlyHandler: DirectCall | null;
  /** Heads of responses whose body is not a string. */
  readonly heads: ResponseHeadCache;
  /** Heads of responses whose body is a string. */
  readonly textHeads: ResponseHeadCache;
  /** Encodes bodies that are strings. It is cleared at each sweep, and when the engine's last connection closes. */
  readonly texts: TextBytes = new TextBytes();
  readonly connections: Connections;
  /** Whether the connections come through TLS. */
  readonly isSecure: boolean;
  #limits: HeadLimits;
  #isScanning = false;
  #plainReads = 0;
  /** How many requests the connections had that are closed now. */
  requestCount = 0;
  /** Whether a new connection closes after its first response, since serving is ending. */
  announcesEnd = false;

  /**
   * Creates the parts.
   *
   * @param isSecure Whether the connections come through TLS.
   * @param report Called with errors of requests that no error hook gets.
   */
  constructor(
    app: Application,
    clock: Clock,
    isSecure: boolean,
    report: Report,
  ) {
    const { options } = app;
    this.app = app;
    this.clock = clock;
    this.report = report;
    this.isSecure = isSecure;
    this.#limits = headLimits(options, isSecure);
    this.parsers = new ParserPool(this.#limits, null);
    const { fallback } = app;
    // only functions of the library have it
    const direct = (fallback as Partial<DirectHandler> | null)?.direct;
    this.fallback = direct ?? fallback;
    this.onlyHandler = app.router.isEmpty ? this.fallback : null;
    this.heads = new ResponseHeadCache(clock.epochMs());
    this.textHeads = new ResponseHeadCache(clock.epochMs(), TEXT_TYPE);
    this.connections = new Connections(
      clock,
      Math.min(
        options.drainTimeout,
        options.lingerTimeout,
        options.halfCloseTimeout,
        options.headerTimeout,
        options.idleTimeout,
        options.bodyTimeout,
        options.requestTimeout,
        options.handlerTimeout,
        options.writeTimeout,
      ),
      (epochMs) => {
        this.heads.refresh(epochMs);
        this.textHeads.refresh(epochMs);
        this.texts.clear();
      },
    );
  }

  /** See {@linkcode ReceiveMemory.startScanning}. */
  startScanning(): void {
    if (this.#isScanning) return;
    this.#isScanning = true;
    const scanner = HeadScanner.maybeCreate(this.#limits);
    this.scanner = scanner;
    this.parsers = new ParserPool(this.#limits, scanner);
    this.handlers = learnRoutes(this.app, scanner);
    this.window = scanner?.window ?? plainWindow(WINDOW_BYTES);
    this.slots = new ReceiveSlots(scanner?.slots ?? null);
  }

  /** See {@linkcode ReceiveMemory.notePlainRead}. */
  notePlainRead(): void {
    if (this.#isScanning) return;
    if (++this.#plainReads > PLAIN_READS) this.startScanning();
  }
}
