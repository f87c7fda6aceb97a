/**
 * A listening server of `node:net`, from which an accept loop takes
 * connections.
 *
 * The server cannot be told to stop accepting for a while. So while the accept
 * loop takes no connections, they wait here, unread, as they would in the
 * system's queue; and when this queue is as long as the system's, further
 * connections are closed.
 */

import type { Addr } from "../../../codec/socket_address.ts";
import type { Server, Socket } from "node:net";
import type { ListenAddress } from "../../address.ts";
import type { Duplex } from "../../duplex.ts";
import type { Listener } from "../listener.ts";
import { setTimerRef } from "../runtime.ts";
import { runtimeTurn } from "../runtime_turn.ts";
import { BACKLOG, tcpAddress } from "./bind.ts";
import { NodeSocket } from "./socket.ts";
import type { TurnBudget } from "./turn_budget.ts";

/**
 * How often Deno's listening sockets are asked to go on, in ms. After a failed
 * accept, such as one without a descriptor, they report nothing and stop.
 */
const REVIVE_MS = 1000;

interface ServerInternals {
  readonly _handle?: { listen?(backlog: number): number } | null;
}

/** See the file's header. */
export class NodeListener implements Listener {
  /** See {@linkcode Listener.addr}. */
  readonly addr: Addr;
  #server: Server;
  #budget: TurnBudget;
  #queue: NodeSocket[] = [];
  /** A failure that no accept has reported yet. */
  #failure: Error | null = null;
  /** The pending accept. */
  #waiting: PromiseWithResolvers<Duplex> | null = null;
  #reviver: ReturnType<typeof setInterval> | null = null;
  #isClosed = false;

  /** Takes over a server that listens. */
  constructor(server: Server, address: ListenAddress, budget: TurnBudget) {
    this.#server = server;
    this.#budget = budget;
    this.addr = boundAddress(server, address);
    server.removeAllListeners("error");
    server.on("error", (error) => this.#fail(error));
    server.on("connection", (stream) => this.#take(stream));
    if (typeof Deno !== "undefined") this.#reviveRegularly();
  }

  /** See {@linkcode Listener.accept}. */
  accept(): Promise<Duplex> {
    const socket = this.#queue.shift();
    if (socket !== undefined) return Promise.resolve(socket);
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) return Promise.reject(failure);
    if (this.#isClosed) return Promise.reject(closed());
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** See {@linkcode Listener.polled}. The second callback comes after a poll, even if the first one does not. */
  async polled(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** See {@linkcode Listener.settled}. A connection is read in the turn after the one that accepts it. */
  async settled(): Promise<void> {
    await runtimeTurn();
    await runtimeTurn();
  }

  /** See {@linkcode Listener.close}. Connections that wait are closed too, as in the system's queue. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#reviver !== null) clearInterval(this.#reviver);
    this.#server.close();
    for (const socket of this.#queue) socket.close();
    this.#queue = [];
    this.#waiting?.reject(closed());
    this.#waiting = null;
  }

  /** See {@linkcode Listener.ref}. */
  ref(): void {
    this.#server.ref();
  }

  /** See {@linkcode Listener.unref}. */
  unref(): void {
    this.#server.unref();
  }

  #take(stream: Socket): void {
    if (this.#isClosed || this.#queue.length >= BACKLOG) {
      stream.destroy();
      return;
    }
    const { addr } = this;
    const path = addr.transport === "unix" ? addr.path : null;
    const socket = new NodeSocket(stream, this.#budget, path);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#queue.push(socket);
    else waiting.resolve(socket);
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#failure ??= error;
    else waiting.reject(error);
  }

  #reviveRegularly(): void {
    const { _handle } = this.#server as ServerInternals; // it listens
    this.#reviver = setInterval(
      () => void _handle?.listen?.(BACKLOG),
      REVIVE_MS,
    );
    setTimerRef(this.#reviver, false);
  }
}

function boundAddress(server: Server, address: ListenAddress): Addr {
  if (address.transport === "unix") {
    return { transport: "unix", path: address.path };
  }
  return tcpAddress(server);
}

function closed(): Error {
  return new Error("Cannot accept: the listener is closed");
}
