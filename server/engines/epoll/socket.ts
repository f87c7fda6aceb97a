/**
 * One connected socket: octets in and out without waiting, and the duplex that
 * hooks and whoever takes a connection over see, which waits by promises.
 */

import type { Duplex } from "../../duplex.ts";
import type { EventLoop } from "./event_loop.ts";
import {
  IPPROTO_TCP,
  MSG_NOSIGNAL,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./numbers.ts";
import { ENDED, READABLE, SOCKET_EVENTS, type Watched } from "./poller.ts";
import { findAddress, setOption } from "./socket_calls.ts";
import { EAGAIN, EINTR, systemError } from "./system_error.ts";

/** Said of a call that would have to wait. */
export const WOULD_WAIT = -1;

/** Flags of a send, and of one behind which more follows at once. */
const SEND = MSG_NOSIGNAL;
const SEND_MORE = MSG_NOSIGNAL | 0x8000; // MSG_MORE

const SHUT_WR = 1;
const SO_KEEPALIVE = 9;

/** What is known of a socket, as bits. */
const MAY_READ = 1;
const IS_ENDING = 2;
const IS_CLOSED = 4;
const IS_DELAYING = 8;

// perf: an import is looked up at each use, a constant is not (bench/server.ts, GET /).
const CAN_READ: number = READABLE;
const HAS_ENDED: number = ENDED;

/** Whoever moves a socket's octets instead of its duplex. */
export interface SocketUser {
  /** Octets, the end or room to write may have come. */
  socketReady(): void;
}

interface KnownAddresses {
  local: Deno.Addr | undefined;
  remote: Deno.Addr | undefined;
}

/** One socket, watched from its beginning to its end. */
export class EpollSocket implements Duplex, Watched {
  /** Bits; those that it was born with: it sends at once, as its listener does. */
  #state = 0;
  /** Whoever is told of events. */
  user: SocketUser | null = null;
  /** See {@linkcode Watched.generation}. */
  generation = 0;
  #fd: number;
  /** The loop that watches it. */
  readonly loop: EventLoop;
  /** Addresses that were asked for. */
  #addresses: KnownAddresses | null = null;
  /** Those who wait for the next event. */
  #waiting: PromiseWithResolvers<void> | null = null;

  /**
   * Takes an accepted descriptor over, which does not block.
   *
   * @throws {Error} If the system has no room to watch it; it is closed then.
   */
  constructor(loop: EventLoop, fd: number) {
    this.#fd = fd;
    this.loop = loop;
    try {
      loop.watch(fd, this, SOCKET_EVENTS);
    } catch (error) {
      loop.libc.calls.close(fd);
      throw error;
    }
  }

  /** Whether reading may give something; only a read can tell. */
  get isReadable(): boolean {
    return (this.#state & MAY_READ) !== 0;
  }

  /** Our address, as long as the socket is open, and afterwards if it was asked for before. */
  get localAddr(): Deno.Addr | undefined {
    return this.#known().local ??= this.#address("getsockname");
  }

  /** The peer's address, as long. */
  get remoteAddr(): Deno.Addr | undefined {
    return this.#known().remote ??= this.#address("getpeername");
  }

  /** See {@linkcode Watched.handleEvents}. */
  handleEvents(bits: number): void {
    // After an end, reading goes on until that is seen.
    if ((bits & HAS_ENDED) !== 0) this.#state |= MAY_READ | IS_ENDING;
    else if ((bits & CAN_READ) !== 0) this.#state |= MAY_READ;
    if (this.user !== null) this.user.socketReady();
    else this.#schedule();
  }

  /**
   * Receives into a place that never moves.
   *
   * @returns How many octets; 0 at the end, {@linkcode WOULD_WAIT} if there are none yet.
   * @throws {Error} If the connection failed.
   */
  receive(address: Deno.PointerValue, size: number): number {
    const received = this.loop.libc.recv(this.#fd, address, size, 0);
    if (received <= 0) {
      return received === 0 ? this.#ended() : this.#failedToReceive();
    }
    // All that was there has come, unless the end has come with it.
    if (received < size && (this.#state & IS_ENDING) === 0) this.#empty();
    return received;
  }

  /**
   * Sends octets from a place that does not move.
   *
   * @param hasMore Whether more follow at once, so that the system waits for them.
   * @returns How many it took; {@linkcode WOULD_WAIT} if it has no room.
   * @throws {Error} If the connection failed.
   */
  sendFrom(address: Deno.PointerValue, size: number, hasMore: boolean): number {
    const flags = hasMore ? SEND_MORE : SEND;
    const sent = this.loop.libc.send(this.#fd, address, size, flags);
    return sent < 0 ? this.#failedToSend() : sent;
  }

  /** As {@linkcode EpollSocket.sendFrom}, from anywhere. */
  send(bytes: Uint8Array<ArrayBuffer>, hasMore: boolean): number {
    const flags = hasMore ? SEND_MORE : SEND;
    const { calls } = this.loop.libc;
    const sent = calls.sendBytes(this.#fd, bytes, bytes.length, flags);
    return sent < 0 ? this.#failedToSend() : sent;
  }

  /** Ends the writing direction. */
  shutdownWrite(): void {
    if (!this.#isClosed()) this.loop.libc.calls.shutdown(this.#fd, SHUT_WR);
  }

  /** See {@linkcode Duplex.read}. */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return 0;
    for (;;) {
      this.#requireOpen();
      this.#state |= MAY_READ; // until the system says otherwise
      const received = this.loop.libc.calls.recvBytes(
        this.#fd,
        plainBytes(buffer),
        buffer.length,
        0,
      );
      if (received > 0) {
        this.loop.spend(received);
        if (this.loop.isSpent()) await this.loop.nextTurn();
        return received;
      }
      if (received === 0) return null;
      this.#failedToReceive();
      if (!this.isReadable) await this.#changed();
    }
  }

  /** See {@linkcode Duplex.write}. */
  async write(bytes: Uint8Array): Promise<number> {
    for (;;) {
      this.#requireOpen();
      const sent = this.send(plainBytes(bytes), false);
      if (sent !== WOULD_WAIT) {
        this.loop.spend(sent);
        if (this.loop.isSpent()) await this.loop.nextTurn();
        return sent;
      }
      await this.#changed();
    }
  }

  /** See {@linkcode Duplex.closeWrite}. */
  // deno-lint-ignore require-await -- what it throws has to be a rejection
  async closeWrite(): Promise<void> {
    this.#requireOpen();
    this.shutdownWrite();
  }

  /** See {@linkcode Duplex.close}. */
  close(): void {
    if (this.#isClosed()) return;
    this.#state |= IS_CLOSED;
    this.loop.forget(this.#fd);
    this.loop.libc.calls.close(this.#fd);
    this.#schedule();
  }

  /** See {@linkcode Duplex.setNoDelay}. */
  setNoDelay(noDelay: boolean = true): void {
    if (noDelay === ((this.#state & IS_DELAYING) === 0)) return;
    this.#state ^= IS_DELAYING;
    this.#set(IPPROTO_TCP, TCP_NODELAY, noDelay);
  }

  /** See {@linkcode Duplex.setKeepAlive}. */
  setKeepAlive(keepAlive: boolean = true): void {
    this.#set(SOL_SOCKET, SO_KEEPALIVE, keepAlive);
  }

  #set(level: number, name: number, isOn: boolean): void {
    this.#requireOpen();
    setOption(this.loop.libc, this.#fd, [level, name, isOn ? 1 : 0]);
  }

  #failedToReceive(): number {
    const errno = this.loop.libc.errno();
    if (errno === EINTR) return WOULD_WAIT; // `isReadable` stays, so that it is tried again
    if (errno !== EAGAIN) throw systemError("read from connection", errno);
    this.#empty();
    return WOULD_WAIT;
  }

  #ended(): number {
    this.#empty();
    return 0;
  }

  /** Nothing more has come. */
  #empty(): void {
    this.#state &= ~MAY_READ;
  }

  #isClosed(): boolean {
    return (this.#state & IS_CLOSED) !== 0;
  }

  #failedToSend(): number {
    const errno = this.loop.libc.errno();
    if (errno === EINTR) return 0;
    if (errno !== EAGAIN) throw systemError("write to connection", errno);
    return WOULD_WAIT;
  }

  #known(): KnownAddresses {
    return this.#addresses ??= { local: undefined, remote: undefined };
  }

  #address(call: "getsockname" | "getpeername"): Deno.Addr | undefined {
    if (this.#isClosed()) return undefined;
    return findAddress(this.loop.libc, this.#fd, call) ?? undefined;
  }

  #changed(): Promise<void> {
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  #schedule(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    this.loop.isFresh = true;
    waiting.resolve();
  }

  #requireOpen(): void {
    if (!this.#isClosed()) return;
    throw new Deno.errors.BadResource(
      "Cannot use connection: it is closed",
    );
  }
}

/** The calls take no shared memory, and nobody has put any there. */
export function plainBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>; // see above
}
