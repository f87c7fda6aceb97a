/** A listening TCP socket: what an acceptor takes connections from. */

import type { Duplex } from "../../transport.ts";
import type { Listener } from "../acceptor.ts";
import type { EventLoop, Watched } from "./event_loop.ts";
import { READABLE } from "./poller.ts";
import { EpollSocket } from "./socket.ts";
import {
  decodeSocketAddress,
  familyOf,
  isIpv6,
  MAX_SOCKET_ADDRESS_BYTES,
} from "./socket_address.ts";
import { EAGAIN, systemError } from "./system_error.ts";

const SOCK_STREAM = 1;
const NON_BLOCKING = 0o4000;
const CLOSE_ON_EXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const EDGE_TRIGGERED = 1 << 31;

/** How many connections may queue in the system, unless its own limit is lower. */
const BACKLOG = 4096;

/** Accepts in a row until the connections that are there get their turn. */
const MAX_ACCEPTS_IN_A_ROW = 64;

/** What a listener is made of. */
export interface EpollListenerInit {
  readonly loop: EventLoop;
  /** The structure of the address to bind. */
  readonly address: Uint8Array<ArrayBuffer>;
  /** Whether others may listen there too, each getting a part of the connections. */
  readonly isShared: boolean;
}

/** See the file's header. */
export class EpollListener implements Listener, Watched {
  readonly addr: Deno.NetAddr;
  /** See {@linkcode Watched.generation}. */
  generation = 0;
  #fd: number;
  #loop: EventLoop;
  #isClosed = false;
  #acceptsInARow = 0;
  /** Whoever waits for a connection. */
  #waiting: PromiseWithResolvers<void> | null = null;

  /**
   * Binds an address.
   *
   * @throws {Error} What the system says against it.
   */
  constructor({ loop, address, isShared }: EpollListenerInit) {
    const { libc } = loop;
    this.#loop = loop;
    const type = SOCK_STREAM | NON_BLOCKING | CLOSE_ON_EXEC;
    this.#fd = libc.calls.socket(familyOf(address), type, 0);
    if (this.#fd < 0) throw systemError("make socket", libc.errno());
    try {
      this.#set(SOL_SOCKET, SO_REUSEADDR, 1);
      if (isShared) this.#set(SOL_SOCKET, SO_REUSEPORT, 1);
      if (isIpv6(address)) this.#set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
      this.#set(IPPROTO_TCP, TCP_NODELAY, 1); // those that are accepted have it from here
      this.#check(libc.calls.bind(this.#fd, address, address.length), address);
      this.#check(libc.calls.listen(this.#fd, BACKLOG), address);
      this.addr = this.#boundAddress();
      loop.watch(this.#fd, this, READABLE | EDGE_TRIGGERED);
    } catch (error) {
      libc.calls.close(this.#fd);
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
    this.#loop.libc.calls.close(this.#fd);
    this.#wake();
  }

  /** See {@linkcode Listener.ref}. */
  ref(): void {
    this.#loop.setRef(true);
  }

  /** See {@linkcode Listener.unref}. */
  unref(): void {
    this.#loop.setRef(false);
  }

  #boundAddress(): Deno.NetAddr {
    const bytes = new Uint8Array(MAX_SOCKET_ADDRESS_BYTES);
    const size = Uint32Array.of(bytes.length);
    this.#loop.libc.calls.getsockname(this.#fd, bytes, size);
    const addr = decodeSocketAddress(bytes);
    if (addr === null) {
      throw systemError("find address", this.#loop.libc.errno());
    }
    return addr;
  }

  #set(level: number, name: number, value: number): void {
    const bytes = Int32Array.of(value);
    this.#loop.libc.calls.setsockopt(
      this.#fd,
      level,
      name,
      bytes,
      bytes.byteLength,
    );
  }

  #check(result: number, address: Uint8Array): void {
    if (result === 0) return;
    const errno = this.#loop.libc.errno();
    const { hostname, port } = decodeSocketAddress(address)!; // it was encoded by us
    throw systemError(`listen on ${hostname}, port ${port}`, errno);
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
    return new Promise((run) => this.#loop.schedule({ run }));
  }
}
