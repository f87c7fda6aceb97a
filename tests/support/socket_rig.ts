/**
 * A server on an engine with sockets and its clients in one thread: connections
 * whose bytes arrive in the pieces that the test gives, and the server's
 * record of each. A connection of the rig's own tells when the engine has
 * received everything that was sent before.
 */

import { connectTcp } from "./connect_tcp.ts";
import type { Duplex } from "../../mod.ts";
import {
  ConnectionSetupAction,
  type ConnectionSetupHook,
  type ConnectionTeardownHook,
} from "../../server/hooks.ts";

/** The server's record of a connection. */
export interface ServerSide {
  /** What handlers recorded. */
  readonly log: unknown[];
  /** How often the teardown hook ran. */
  teardownCount: number;
  /** The error that the teardown hook got. */
  error: Error | undefined;
  /** Resolves when the teardown hook runs. */
  readonly tornDown: PromiseWithResolvers<void>;
}

/** The hooks that a rig needs. */
export interface RigHooks {
  readonly connectionSetup: ConnectionSetupHook;
  readonly connectionTeardown: ConnectionTeardownHook;
}

/** A server that was started for a rig. */
export interface RigServer {
  readonly port: number;
  /** Ends serving; resolves when everything is closed. */
  stop(): Promise<void>;
}

const PING = new Uint8Array(1);

/** A client's connection, and the server's record of it. */
export interface RigConnection {
  readonly conn: Deno.TcpConn;
  readonly side: ServerSide;
}

/** See the file's header. */
export class SocketRig {
  #server: RigServer;
  #ready: Promise<void>;
  #sides: WeakMap<Duplex, ServerSide> = new WeakMap();
  #arrivals: Map<number, PromiseWithResolvers<ServerSide>> = new Map();
  /** The rig's own connection: the client's end, the server's end, and the setup hook's decision that ends it. */
  #outside: Deno.TcpConn | null = null;
  #inside: PromiseWithResolvers<Duplex> = Promise.withResolvers();
  #isInsideKnown = false;
  #insideAction: PromiseWithResolvers<ConnectionSetupAction> = Promise
    .withResolvers();
  #running: Promise<void> | null = null;
  #waiting: Promise<void> | null = null;
  #isStopping = false;

  /** Starts a server. */
  constructor(start: (hooks: RigHooks) => RigServer) {
    this.#server = start({
      connectionSetup: (accepted) => {
        if (!accepted.ok) return ConnectionSetupAction.drop;
        if (!this.#isInsideKnown) {
          this.#isInsideKnown = true;
          this.#inside.resolve(accepted.conn);
          return this.#insideAction.promise;
        }
        this.#arrived(accepted.conn);
        return ConnectionSetupAction.proceed(accepted.conn);
      },
      connectionTeardown: (conn, error) => {
        const side = this.#sideOf(conn);
        side.teardownCount++;
        side.error = error;
        side.tornDown.resolve();
      },
    });
    this.#ready = this.#connect().then(async (conn) => {
      this.#outside = conn;
      await this.#inside.promise;
    });
  }

  /** The log of the connection that a handler's context names. */
  logOf = (conn: Duplex): unknown[] => this.#sideOf(conn).log;

  /** Opens a connection, and waits until the server has it. */
  async connect(): Promise<RigConnection> {
    await this.#ready;
    const conn = await this.#connect();
    const { port } = conn.localAddr as Deno.NetAddr; // a TCP connection
    const arrival = this.#arrivalAt(port);
    const side = await arrival.promise;
    this.#arrivals.delete(port);
    return { conn, side };
  }

  /** Resolves when the engine has received all bytes that were sent before, or when the rig stops. */
  seen(): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return this.#waiting ??= this.#pingNext();
  }

  /** Ends serving. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#ready;
    await this.#waiting;
    await this.#running;
    this.#insideAction.resolve(ConnectionSetupAction.drop);
    this.#outside?.close();
    this.#outside = null;
    await this.#server.stop();
  }

  async #connect(): Promise<Deno.TcpConn> {
    const { port } = this.#server;
    const conn = await connectTcp(port);
    conn.setNoDelay(true);
    return conn;
  }

  /** Starts a ping after the one in flight, which may have overtaken bytes that were sent since. */
  async #pingNext(): Promise<void> {
    await this.#ready;
    await this.#running;
    this.#waiting = null;
    this.#running = this.#ping();
    await this.#running;
  }

  /** Works because the engines read connections in the order in which bytes arrived. */
  async #ping(): Promise<void> {
    const inside = await this.#inside.promise;
    const read = inside.read(new Uint8Array(1));
    await this.#outside?.write(PING);
    await read;
  }

  #arrived(conn: Duplex): void {
    const { port } = conn.remoteAddr as Deno.NetAddr; // a TCP connection
    this.#arrivalAt(port).resolve(this.#sideOf(conn));
  }

  #arrivalAt(port: number): PromiseWithResolvers<ServerSide> {
    let arrival = this.#arrivals.get(port);
    if (arrival === undefined) {
      arrival = Promise.withResolvers();
      this.#arrivals.set(port, arrival);
    }
    return arrival;
  }

  #sideOf(conn: Duplex): ServerSide {
    let side = this.#sides.get(conn);
    if (side === undefined) {
      side = {
        log: [],
        teardownCount: 0,
        error: undefined,
        tornDown: Promise.withResolvers(),
      };
      this.#sides.set(conn, side);
    }
    return side;
  }
}
