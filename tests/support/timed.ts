/** Connections of an engine whose clock stands until the test moves it; in memory, and what they have in common. */

import { assertEquals } from "@std/assert";
import { type Handler, ProtocolError, type ServerOptions } from "../../mod.ts";
import { RouterBuilder } from "../../router/router.ts";
import type { Application, Hooks } from "../../server/application.ts";
import type { Clock } from "../../server/connection/clock.ts";
import { ConnectionManager } from "../../server/engines/connection_manager.ts";
import type { Engine } from "../../server/engines/engine.ts";
import { ListenEngine } from "../../server/engines/listen/engine.ts";
import { resolveOptions } from "../../server/options.ts";
import { MemoryConnection } from "./memory_duplex.ts";
import type { ResponseReader } from "./raw_client.ts";
import { FakeClock } from "./fake_clock.ts";
import { turn } from "./turns.ts";

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

/** A connection manager that listens on 127.0.0.1. */
export interface ListeningManager {
  readonly manager: ConnectionManager;
  readonly port: number;
}

/** Serves an application on an engine, on a free port of 127.0.0.1, under a clock. */
export function listenWith(
  app: Application,
  engine: Engine,
  clock: Clock,
): ListeningManager {
  const manager = new ConnectionManager(app, engine, {
    onError: () => {},
    clock,
  });
  manager.listen([{ transport: "tcp", hostname: "127.0.0.1", port: 0 }]);
  const { port } = manager.addrs[0] as Deno.NetAddr; // a TCP address was given
  return { manager, port };
}

/** The same on the default engine. */
export function listenTimed(app: Application, clock: Clock): ListeningManager {
  return listenWith(app, new ListenEngine(), clock);
}

/** Hooks of a connection whose setup and teardown are the harness's. */
export type TimedHooks = Partial<Pick<Hooks, "preRouting" | "error">>;

/** One connection of an engine whose clock stands, whichever engine it is. */
export interface TimedPeer extends ResponseReader {
  readonly clock: FakeClock;
  /** What the teardown hook was told. */
  readonly error: Error | undefined;
  /** The same, as code or name. */
  readonly errorCode: string | undefined;
  /** How often the server closed it. */
  readonly closeCount: number;
  /** Octets that the server has written so far. */
  readonly writtenBytes: number;
  /** Settles with the connection's end. */
  readonly ended: Promise<void>;
  /** Takes no octet from the server until the result is called; the system may take some in between. */
  holdWrites(): () => void;
  /** Sends octets to the server. */
  send(text: string): void;
  /** Ends our direction. */
  end(): void;
  /** Cuts the connection; the server is told `error`, or what the system says. */
  reset(error: Error): void;
  /** Lets everything happen that can happen without the peer. */
  settle(): Promise<void>;
  /** Moves the time by `durationMs`, sees nothing happen, and then by what sweeps are late. */
  pass(durationMs: number, lateMs?: number): Promise<void>;
  /** Sees the end: gives what is left to read, and sees that no timer is. */
  finish(): Promise<string>;
}

/** An error as code or name. */
export function codeOf(error: Error | undefined): string | undefined {
  return error instanceof ProtocolError ? error.code : error?.name;
}

/** A connection in memory, through the transport of the default engine. */
export class Timed extends MemoryConnection implements TimedPeer {
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
    for (let n = 0; n < 5; n++) await turn();
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
