/** A listening TCP socket: what an acceptor takes connections from. */

import type { Duplex } from "../../duplex.ts";
import type { Listener } from "../accept_loop.ts";
import type { EventLoop } from "./event_loop.ts";
import { boundAddress } from "./listening_socket.ts";
import { CLOSE_ON_EXEC, NON_BLOCKING } from "./numbers.ts";
import { LISTENER_EVENTS, type Watched } from "./poller.ts";
import { EpollSocket } from "./socket.ts";
import { EAGAIN, systemError } from "./system_error.ts";

const SHUT_RD = 0;

/** Accepts in a row until the connections that are there get their turn. */
const MAX_ACCEPTS_IN_A_ROW = 64;

/** What a listener is made of. */
export interface EpollListenerInit {
  readonly loop: EventLoop;
  /** A socket that listens. */
  readonly fd: number;
  /** Whether somebody else owns the socket: its number is not given back then. */
  readonly isLent: boolean;
}

/** See the file's header. */
export class EpollListener implements Listener, Watched {
  readonly addr: Deno.NetAddr;
  /** See {@linkcode Watched.generation}. */
  generation = 0;
  #fd: number;
  #isLent: boolean;
  #loop: EventLoop;
  #isClosed = false;
  #acceptsInARow = 0;
  /** Whoever waits for a connection. */
  #waiting: PromiseWithResolvers<void> | null = null;

  /**
   * Accepts from a socket.
   *
   * @throws {Error} If it cannot be watched; it is given back then.
   */
  constructor({ loop, fd, isLent }: EpollListenerInit) {
    this.#loop = loop;
    this.#fd = fd;
    this.#isLent = isLent;
    try {
      this.addr = boundAddress(loop.libc, fd);
      loop.watch(fd, this, LISTENER_EVENTS);
    } catch (error) {
      this.#giveBack();
      throw error;
    }
  }

  /** See {@linkcode Watched.handleEvents}. */
  handleEvents(): void {
    this.#wake();
  }

  /** See {@linkcode Listener.accept}. */
  async accept(): Promise<Duplex> {
    if (++this.#acceptsInARow > MAX_ACCEPTS_IN_A_ROW) await this.#nextTurn();
    for (;;) {
      if (this.#isClosed) {
        throw new Deno.errors.BadResource("Cannot accept: it is closed");
      }
      const type = NON_BLOCKING | CLOSE_ON_EXEC;
      const fd = this.#loop.libc.calls.accept4(this.#fd, null, null, type);
      if (fd >= 0) return new EpollSocket(this.#loop, fd);
      const errno = this.#loop.libc.errno();
      if (errno !== EAGAIN) throw systemError("accept connection", errno);
      await this.#changed();
    }
  }

  /** See {@linkcode Listener.close}. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#loop.forget(this.#fd);
    this.#giveBack();
    this.#wake();
  }

  /** See {@linkcode Listener.settled}. */
  settled(): Promise<void> {
    return this.#loop.settled();
  }

  /** See {@linkcode Listener.ref}. */
  ref(): void {
    this.#loop.setRef(true);
  }

  /** See {@linkcode Listener.unref}. */
  unref(): void {
    this.#loop.setRef(false);
  }

  /** The owner of a socket closes it; nobody can connect to it from here on either way. */
  #giveBack(): void {
    const { calls } = this.#loop.libc;
    if (this.#isLent) calls.shutdown(this.#fd, SHUT_RD);
    else calls.close(this.#fd);
  }

  /** Resolves when there may be another connection, or the end. */
  #changed(): Promise<void> {
    this.#acceptsInARow = 0;
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#loop.isFresh = true; // accepting goes on by microtasks
    waiting?.resolve();
  }

  #nextTurn(): Promise<void> {
    this.#acceptsInARow = 0;
    return this.#loop.nextTurn();
  }
}
