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
import type { Application, Handler } from "../hooks.ts";
import type { Report } from "../failure_report.ts";
import { headLimits } from "../options.ts";
import { TEXT_TYPE } from "../response_fields.ts";
import { type Clock, Connections } from "./connections.ts";
import { ResponseHeadCache } from "./head_cache.ts";
import { PiecePool } from "./bodies/piece_pool.ts";
import { OutputPool } from "./output.ts";
import { ParserPool } from "./parser_pool.ts";
import { ReceiveSlots } from "./receive_slots.ts";

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

/** The receive window of an engine without a scanner. */
function plainWindow(): ReceiveWindow {
  const bytes = new Uint8Array(WINDOW_BYTES);
  return { bytes, start: 0, size: bytes.length };
}

/** The shared parts of one engine. */
export class EngineContext {
  readonly app: Application;
  /** Current time and timers; a fake one in tests. */
  readonly clock: Clock;
  /** Called with errors of requests that no error hook gets. */
  readonly report: Report;
  readonly output: OutputPool = new OutputPool();
  /** Memory for pieces of files. */
  readonly pieces: PiecePool = new PiecePool();
  readonly parsers: ParserPool;
  /** Finds heads by SIMD; `null` without WebAssembly. */
  readonly scanner: HeadScanner | null;
  /** Memory to receive into: heads in it are scanned without a copy. */
  readonly window: ReceiveWindow;
  /** Small receive buffers for connections whose read may stay pending. */
  readonly slots: ReceiveSlots;
  /** Handlers of the routes that the scanner finds, by their number minus 1. */
  readonly handlers: readonly Handler[];
  /** The fallback of an application without routes, which handles every request; otherwise `null`. */
  readonly onlyHandler: Handler | null;
  /** Heads of responses whose body is not a string. */
  readonly heads: ResponseHeadCache;
  /** Heads of responses whose body is a string. */
  readonly textHeads: ResponseHeadCache;
  /** Encodes bodies that are strings. It is cleared at each sweep, and when the engine's last connection closes. */
  readonly texts: TextBytes = new TextBytes();
  readonly connections: Connections;
  /** Whether the connections come through TLS. */
  readonly isSecure: boolean;
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
    const limits = headLimits(options, isSecure);
    this.scanner = HeadScanner.maybeCreate(limits);
    this.parsers = new ParserPool(limits, this.scanner);
    this.handlers = learnRoutes(app, this.scanner);
    this.onlyHandler = app.router.isEmpty ? app.fallback : null;
    this.window = this.scanner?.window ?? plainWindow();
    this.slots = new ReceiveSlots(this.scanner?.slots ?? null);
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
}
