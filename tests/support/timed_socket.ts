/**
 * A {@linkcode TimedPeer} over a socket of an engine: the same script
 * as in memory, with the kernel between client and server.
 */

import { assertEquals } from "@std/assert";
import type { Handler } from "../../mod.ts";
import type { Engine } from "../../server/engines/engine.ts";
import { EpollEngine } from "../../server/engines/epoll/engine.ts";
import { NodeEngine } from "../../server/engines/node/engine.ts";
import type { ServerOptions } from "../../server/options.ts";
import { type RigConnection, type RigServer, SocketRig } from "./socket_rig.ts";
import { ResponseReader } from "./raw_client.ts";
import { encodeLatin1 } from "./latin1.ts";
import { Resetter } from "./sockets.ts";
import {
  applicationOf,
  type ListeningManager,
  listenWith,
} from "./application.ts";
import {
  codeOf,
  SWEEPS_MS,
  type TimedHooks,
  type TimedPeer,
} from "./timed_peer.ts";
import { turn } from "./turns.ts";
import { FakeClock } from "./fake_clock.ts";
import { writeAll } from "./write_all.ts";

/** Events that one wait returns: few, so that some batches end between two connections. */
const MAX_EVENTS = 8;

/** See the file's header. */
export class TimedSocket extends ResponseReader implements TimedPeer {
  readonly clock: FakeClock = new FakeClock();
  /** Settles when the connection and the engine have ended. */
  readonly ended: Promise<void>;
  #rig: SocketRig;
  #connection: Promise<RigConnection>;
  #known: RigConnection | null = null;
  /** Settles when all sends so far are done; they run one after another. */
  #sending: Promise<void>;
  #arrived: Inbox;
  #hasReset = false;

  constructor(
    makeEngine: () => Engine,
    handler: Handler,
    options: Partial<ServerOptions> = {},
    hooks: TimedHooks = {},
  ) {
    const arrived = new Inbox();
    super(() => arrived.take());
    this.#arrived = arrived;
    this.#rig = new SocketRig((rigHooks) => {
      const app = applicationOf(handler, options, { ...hooks, ...rigHooks });
      return startRig(listenWith(app, makeEngine(), this.clock));
    });
    this.#connection = this.#rig.connect();
    this.#sending = this.#connection.then((connection) => {
      this.#known = connection;
      arrived.fill(connection.conn);
    });
    this.ended = this.#end();
  }

  /** See {@linkcode TimedPeer.error}. */
  get error(): Error | undefined {
    return this.#known?.side.error;
  }

  /** See {@linkcode TimedPeer.errorCode}. */
  get errorCode(): string | undefined {
    return codeOf(this.error);
  }

  /** See {@linkcode TimedPeer.closeCount}. */
  get closeCount(): number {
    return this.#known?.side.teardownCount ?? 0;
  }

  /** See {@linkcode TimedPeer.writtenBytes}. */
  get writtenBytes(): number {
    return this.#arrived.size;
  }

  /** See {@linkcode TimedPeer.holdWrites}. */
  holdWrites(): () => void {
    return this.#arrived.hold();
  }

  /** See {@linkcode TimedPeer.send}. */
  send(text: string): void {
    const bytes = encodeLatin1(text);
    this.#then((conn) => writeAll(conn, bytes));
  }

  /** See {@linkcode TimedPeer.end}. */
  end(): void {
    this.#then((conn) => conn.closeWrite());
  }

  /** See {@linkcode TimedPeer.reset}. */
  reset(_error: Error): void {
    this.#then((conn) => {
      this.#hasReset = true;
      using resetter = new Resetter();
      resetter.reset(conn);
      return Promise.resolve();
    });
  }

  /** See {@linkcode TimedPeer.settle}. */
  async settle(): Promise<void> {
    await this.#sending;
    for (let n = 0; n < 3; n++) {
      await this.#rig.seen();
      await turn();
    }
  }

  /** See {@linkcode TimedPeer.pass}. */
  async pass(durationMs: number, lateMs: number = SWEEPS_MS): Promise<void> {
    await this.settle();
    const { closeCount } = this;
    const { size } = this.#arrived;
    this.clock.advance(durationMs);
    await this.settle();
    assertEquals([this.closeCount, this.#arrived.size], [closeCount, size]);
    this.clock.advance(lateMs);
    await this.settle();
  }

  /** See {@linkcode TimedPeer.finish}. */
  async finish(): Promise<string> {
    const rest = await this.toEnd();
    this.end();
    await this.ended;
    assertEquals(this.clock.tickerCount, 0);
    return rest;
  }

  /** Runs `act` after all earlier sends; ignores its failure if the server has closed. */
  #then(act: (conn: Deno.TcpConn) => Promise<void>): void {
    this.#sending = this.#sending.then(async () => {
      const { conn } = await this.#connection;
      await act(conn).catch(() => {});
    });
  }

  async #end(): Promise<void> {
    const { conn, side } = await this.#connection;
    await side.tornDown.promise;
    await this.#sending;
    this.#arrived.release();
    await this.#arrived.ended;
    if (!this.#hasReset) conn.close();
    await this.#rig.stop();
  }
}

/** Makes the epoll engine. */
export function epollEngine(): Engine {
  return new EpollEngine({ libc: undefined, maxEvents: MAX_EVENTS });
}

/** Makes the engine on `node:net`. */
export function nodeEngine(): Engine {
  return new NodeEngine();
}

function startRig({ manager, port }: ListeningManager): RigServer {
  return {
    port,
    stop(): Promise<void> {
      manager.stop();
      return manager.finished;
    },
  };
}

/** Reads a connection ahead of the test, which takes the bytes later. */
class Inbox {
  /** Number of bytes that have arrived so far. */
  size = 0;
  /** Resolves when the server has ended or reset the connection. */
  readonly ended: Promise<void>;
  #pieces: (Uint8Array | null)[] = [];
  #wake: () => void = () => {};
  #over: PromiseWithResolvers<void> = Promise.withResolvers();
  /** The next read waits for this promise. */
  #gate: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor() {
    this.ended = this.#over.promise;
    this.#gate.resolve();
  }

  /** Resumes reading. */
  release(): void {
    this.#gate.resolve();
  }

  /** Reads nothing more until the returned function is called. */
  hold(): () => void {
    this.#gate = Promise.withResolvers();
    return this.#gate.resolve;
  }

  /** Reads a connection to its end. */
  async fill(conn: Deno.Conn): Promise<void> {
    for (;;) {
      await this.#gate.promise;
      const buffer = new Uint8Array(65_536);
      const size = await conn.read(buffer).catch(() => null);
      this.size += size ?? 0;
      this.#pieces.push(size === null ? null : buffer.subarray(0, size));
      this.#wake();
      if (size === null) break;
    }
    this.#over.resolve();
  }

  /** The next piece, or `null` at the end. */
  async take(): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.#pieces[0];
      if (piece === null) return null; // stays in the queue, so that the next call gets it too
      this.#pieces.shift();
      if (piece !== undefined) return piece;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
