/** Connections of an engine whose clock stands until the test moves it. */

import { assertEquals } from "@std/assert";
import { type Handler, ProtocolError, type ServerOptions } from "../mod.ts";
import { RouterBuilder } from "../router/router.ts";
import type { Application, Hooks } from "../server/application.ts";
import { Engine, type EngineEvents } from "../server/engines/engine.ts";
import { resolveOptions } from "../server/options.ts";
import { MemoryConnection } from "./_memory_duplex.ts";
import { FakeClock } from "./server/_fake_clock.ts";
import { turn } from "./_turns.ts";

/** More than two sweeps can be late by, whatever the options, in ms. */
export const SWEEPS_MS = 600;

/** An application of one handler. */
export function applicationOf(
  handler: Handler,
  options: Partial<ServerOptions> = {},
  hooks: Partial<Hooks> = {},
): Application {
  return {
    router: new RouterBuilder<Handler>().build(),
    fallback: handler,
    hooks: {
      connectionSetup: null,
      preRouting: null,
      connectionTeardown: null,
      error: null,
      ...hooks,
    },
    options: resolveOptions(options),
    tls: null,
  };
}

/** Events that nobody wants to hear of. */
export const NO_EVENTS: EngineEvents = Object.freeze({
  onFinished: () => {},
  onError: () => {},
});

/** One connection of an engine whose clock stands. */
export class Timed extends MemoryConnection {
  readonly clock: FakeClock = new FakeClock();
  /** What the teardown hook was told. */
  error: Error | undefined;
  /** Settles with the connection's end. */
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
    const engine = new Engine(
      applicationOf(handler, options, { connectionTeardown, ...hooks }),
      NO_EVENTS,
      { clock: this.clock },
    );
    this.ended = engine.handle(this.duplex);
  }

  /** What the teardown hook was told, as code or name. */
  get errorCode(): string | undefined {
    const { error } = this;
    return error instanceof ProtocolError ? error.code : error?.name;
  }

  /** Moves the time by `durationMs`, sees nothing happen, and then by what sweeps are late. */
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

  /** Sees the end: gives what is left to read, and sees that no timer is. */
  async finish(): Promise<string> {
    const rest = await this.toEnd();
    this.end();
    await this.ended;
    assertEquals(this.clock.tickerCount, 0);
    return rest;
  }
}
