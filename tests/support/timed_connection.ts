/** A {@linkcode TimedPeer} in memory, through the transport of the default engine. */

import { assertEquals } from "@std/assert";
import type { Handler, ServerOptions } from "../../mod.ts";
import type { Application, Hooks } from "../../server/hooks.ts";
import type { Clock } from "../../server/connection/connections.ts";
import { ConnectionManager } from "../../server/engines/connection_manager.ts";
import { ListenEngine } from "../../server/engines/listen/engine.ts";
import {
  applicationOf,
  type ListeningManager,
  listenWith,
} from "./application.ts";
import { FakeClock } from "./fake_clock.ts";
import { MemoryConnection } from "./memory_duplex.ts";
import { codeOf, SWEEPS_MS, type TimedPeer } from "./timed_peer.ts";
import { turn, turns } from "./turns.ts";

/** See the file's header. */
export class TimedConnection extends MemoryConnection implements TimedPeer {
  readonly clock: FakeClock = new FakeClock();
  /** See {@linkcode TimedPeer.error}. */
  error: Error | undefined;
  /** See {@linkcode TimedPeer.ended}. */
  readonly ended: Promise<void>;

  constructor(
    handler: Handler,
    options: Partial<ServerOptions> = {},
    hooks: Partial<Hooks> = {},
  ) {
    super();
    const connectionTeardown = (_: unknown, error?: Error): void => {
      this.error = error;
    };
    const manager = new ConnectionManager(
      applicationOf(handler, options, { connectionTeardown, ...hooks }),
      new ListenEngine(),
      { onError: () => {}, clock: this.clock },
    );
    this.ended = manager.handle(this.duplex);
  }

  /** See {@linkcode TimedPeer.errorCode}. */
  get errorCode(): string | undefined {
    return codeOf(this.error);
  }

  /** See {@linkcode TimedPeer.writtenBytes}. */
  get writtenBytes(): number {
    return this.writes.join("").length;
  }

  /** See {@linkcode TimedPeer.settle}. */
  async settle(): Promise<void> {
    await turns(5);
  }

  /** See {@linkcode TimedPeer.pass}. */
  async pass(durationMs: number, lateMs: number = SWEEPS_MS): Promise<void> {
    await turn();
    const { closeCount, writes } = this;
    const before = writes.length;
    this.clock.advance(durationMs);
    await turn();
    assertEquals([this.closeCount, writes.length], [closeCount, before]);
    this.clock.advance(lateMs);
    await turn();
  }

  /** See {@linkcode TimedPeer.finish}. */
  async finish(): Promise<string> {
    const rest = await this.toEnd();
    this.end();
    await this.ended;
    assertEquals(this.clock.tickerCount, 0);
    return rest;
  }
}

/** Serves an application on the default engine, on a free port, with the given clock. */
export function listenTimed(app: Application, clock: Clock): ListeningManager {
  return listenWith(app, new ListenEngine(), clock);
}
