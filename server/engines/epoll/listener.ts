/** A listening TCP socket, from which an accept loop takes connections. */

import type { Duplex } from "../../duplex.ts";
import type { Listener } from "../listener.ts";
import type { EventLoop } from "./event_loop.ts";
import { CLOSE_ON_EXEC, NON_BLOCKING } from "./libc.ts";
import { LISTENER_EVENTS, type Watched } from "./poller.ts";
import { EpollSocket } from "./socket.ts";
import { MAX_SOCKET_ADDRESS_BYTES } from "./socket_address.ts";
import { boundAddress } from "./socket_calls.ts";
import { EAGAIN, systemError } from "../system_error.ts";

const SHUT_RD = 0;

/** How many connections are accepted in a row before the accepted ones are read. */
const MAX_ACCEPTS_IN_A_ROW = 64;

/** What a listener is made of. */
export interface EpollListenerInit {
  readonly loop: EventLoop;
  /** A socket that listens. */
  readonly fd: number;
  /** Whether to close the socket at the end. Otherwise another thread owns it and closes it. */
  readonly isOwned: boolean;
}

/** See the file's header. */
export class EpollListener implements Listener, Watched {
  readonly addr: Deno.NetAddr;
  /** See {@linkcode Watched.generation}. */
  generation = 0;
  #fd: number;
  #isOwned: boolean;
  #loop: EventLoop;
  #isClosed = false;
  #acceptsInARow = 0;
  /** The structure that accept writes the peer's address to, and its size. */
  #peer = new Uint8Array(MAX_SOCKET_ADDRESS_BYTES);
  #peerSize = new Uint32Array(1);
  #peerAt: Deno.PointerValue;
  #peerSizeAt: Deno.PointerValue;
  /** The pending accept, if there is one. */
  #waiting: PromiseWithResolvers<void> | null = null;

  /**
   * Starts to watch a listening socket.
   *
   * @throws {Error} If it cannot be watched; a socket that is owned is closed then.
   */
  constructor({ loop, fd, isOwned }: EpollListenerInit) {
    this.#loop = loop;
    this.#fd = fd;
    this.#isOwned = isOwned;
    this.#peerAt = loop.libc.addressOf(this.#peer);
    this.#peerSizeAt = loop.libc.addressOf(
      new Uint8Array(this.#peerSize.buffer),
    );
    try {
      this.addr = boundAddress(loop.libc, fd);
      loop.watch(fd, this, LISTENER_EVENTS);
    } catch (error) {
      this.#release();
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
      const socket = this.acceptQueued();
      if (socket !== null) return socket;
      await this.#changed();
    }
  }

  /** See {@linkcode Listener.acceptQueued}. */
  acceptQueued(): Duplex | null {
    const fd = this.#acceptNow();
    if (fd >= 0) return new EpollSocket(this.#loop, fd, this.#peer.slice());
    const errno = this.#loop.libc.errno();
    if (errno === EAGAIN) return null;
    throw systemError("accept connection", errno);
  }

  /**
   * Accepts a connection together with the peer's address, which the system no
   * longer has after a reset. Returns the descriptor, or -1.
   */
  #acceptNow(): number {
    this.#peerSize[0] = MAX_SOCKET_ADDRESS_BYTES;
    return this.#loop.libc.calls.accept4(
      this.#fd,
      this.#peerAt,
      this.#peerSizeAt,
      NON_BLOCKING | CLOSE_ON_EXEC,
    );
  }

  /** See {@linkcode Listener.close}. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#loop.forget(this.#fd);
    this.#release();
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

  /** Ends listening: nothing can connect afterwards, even if the owner has yet to close the socket. */
  #release(): void {
    const { calls } = this.#loop.libc;
    if (this.#isOwned) calls.close(this.#fd);
    else calls.shutdown(this.#fd, SHUT_RD);
  }

  /** Resolves when a connection may be queued, or when the listener is closed. */
  #changed(): Promise<void> {
    this.#acceptsInARow = 0;
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#loop.hasMicrotasks = true; // accepting continues in microtasks
    waiting?.resolve();
  }

  #nextTurn(): Promise<void> {
    this.#acceptsInARow = 0;
    return this.#loop.nextTurn();
  }
}
