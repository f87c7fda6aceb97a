/**
 * One connected socket. The engine's transport moves its bytes by calls that
 * never wait; hooks, and handlers that take the connection over, use it as a
 * duplex with promises.
 */

import type { PromptDuplex } from "../../duplex.ts";
import {
  EAGAIN,
  ECONNRESET,
  EINTR,
  EPIPE,
  systemError,
} from "../system_error.ts";
import type { EventLoop } from "./event_loop.ts";
import {
  CANNOT_SEND_FILE,
  IPPROTO_TCP,
  MSG_NOSIGNAL,
  SOL_SOCKET,
  TCP_NODELAY,
  WOULD_WAIT,
} from "./libc.ts";
import { ENDED, READABLE, SOCKET_EVENTS, type Watched } from "./poller.ts";
import { decodeSocketAddress } from "./socket_address.ts";
import { findAddress, setOption } from "./socket_properties.ts";

/** Flags of a send, and of one that another send follows immediately. */
const SEND = MSG_NOSIGNAL;
const SEND_MORE = MSG_NOSIGNAL | 0x8000; // MSG_MORE

const SHUT_WR = 1;
const SO_KEEPALIVE = 9;

const NO_BYTES = new Uint8Array(0);

/** State bits of a socket. */
const MAY_READ = 1;
/** The peer has ended its direction, or the connection failed. */
const IS_ENDING = 2;
const IS_CLOSED = 4;
/** Nagle's algorithm is on. */
const IS_DELAYING = 8;

// perf: V8 looks up an import at each use, but not a constant of this module
// (bench/server.ts, GET /).
const CAN_READ: number = READABLE;
const HAS_ENDED: number = ENDED;

/** A transport that moves a socket's bytes without its duplex methods. */
export interface SocketUser {
  /** Called when there may be bytes to read, the end of the stream, or room to write. */
  socketReady(): void;
}

/** A `read` that waits for an event. */
interface PendingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (size: number | null) => void;
  readonly reject: (error: unknown) => void;
}

interface KnownAddresses {
  local: Deno.Addr | undefined;
  remote: Deno.Addr | undefined;
}

/** See the file's header. The event loop watches the socket until it is closed. */
export class EpollSocket implements PromptDuplex, Watched {
  /** State bits. `IS_DELAYING` is not set at first, since the socket inherits `TCP_NODELAY` from its listener. */
  #state = 0;
  /** The transport to call for events; without one, events resume pending duplex calls. */
  user: SocketUser | null = null;
  /** See {@linkcode Watched.generation}. */
  generation = 0;
  #fd: number;
  /** The event loop that watches the socket. */
  readonly loop: EventLoop;
  /** The structure of the peer's address. */
  #peer: Uint8Array;
  /** Addresses that have been read. */
  #addresses: KnownAddresses | null = null;
  /** The pending `read`. */
  #pendingRead: PendingRead | null = null;
  /** Resumes other pending duplex calls at the next event. */
  #waiting: PromiseWithResolvers<void> | null = null;

  /**
   * Takes over an accepted descriptor, which must be non-blocking.
   *
   * @param peer The structure of the peer's address.
   * @throws {Error} If it cannot be watched; it is closed then.
   */
  constructor(loop: EventLoop, fd: number, peer: Uint8Array) {
    this.#fd = fd;
    this.#peer = peer;
    this.loop = loop;
    try {
      loop.watch(fd, this, SOCKET_EVENTS);
    } catch (error) {
      loop.libc.calls.close(fd);
      throw error;
    }
  }

  /** Whether a read may return something; only the read can tell. */
  get isReadable(): boolean {
    return (this.#state & MAY_READ) !== 0;
  }

  /** Whether the peer has ended its direction or the connection failed. There may still be bytes to read. */
  get isEnding(): boolean {
    return (this.#state & IS_ENDING) !== 0;
  }

  /** The local address. After the close, it is known only if it was read before. */
  get localAddr(): Deno.Addr | undefined {
    return this.#known().local ??= this.#boundAddress();
  }

  /** The peer's address, also after the connection has ended. */
  get remoteAddr(): Deno.Addr | undefined {
    return this.#known().remote ??= decodeSocketAddress(this.#peer) ??
      undefined;
  }

  /** See {@linkcode Watched.handleEvents}. */
  handleEvents(bits: number): void {
    // After the peer has ended the stream, reads continue until one returns its
    // end.
    if ((bits & HAS_ENDED) !== 0) this.#state |= MAY_READ | IS_ENDING;
    else if ((bits & CAN_READ) !== 0) this.#state |= MAY_READ;
    if (this.user !== null) this.user.socketReady();
    else this.#resume();
  }

  /**
   * Receives into memory that never moves.
   *
   * @returns How many bytes; 0 at the end, {@linkcode WOULD_WAIT} if there are none yet.
   * @throws {Error} If the connection failed.
   */
  receive(address: Deno.PointerValue, size: number): number {
    const received = this.loop.libc.recv(this.#fd, address, size, 0);
    if (received <= 0) {
      return received === 0 ? this.#ended() : this.#failedToReceive();
    }
    // The system's buffer is empty now, unless the end of the stream follows.
    if (received < size && (this.#state & IS_ENDING) === 0) this.#setEmpty();
    return received;
  }

  /**
   * Sends bytes from memory that never moves.
   *
   * @param hasMore Whether another send or {@linkcode EpollSocket.push} follows
   * within this turn of the program, so that the system may fill its packet.
   * @returns How many bytes the system took; {@linkcode WOULD_WAIT} if it has no room.
   * @throws {Error} If the connection failed.
   */
  sendFrom(address: Deno.PointerValue, size: number, hasMore: boolean): number {
    const flags = hasMore ? SEND_MORE : SEND;
    const sent = this.loop.libc.send(this.#fd, address, size, flags);
    return sent < 0 ? this.#failedToSend() : sent;
  }

  /** Does the same as {@linkcode EpollSocket.sendFrom} for bytes in any memory. */
  send(bytes: Uint8Array<ArrayBuffer>, hasMore: boolean): number {
    const flags = hasMore ? SEND_MORE : SEND;
    const { calls } = this.loop.libc;
    const sent = calls.sendBytes(this.#fd, bytes, bytes.length, flags);
    return sent < 0 ? this.#failedToSend() : sent;
  }

  /** Makes the system send what it holds back since a send with `hasMore`. */
  push(): void {
    if (this.#isClosed()) return;
    this.#set(IPPROTO_TCP, TCP_NODELAY, true); // usually it is set already; setting it sends
    if ((this.#state & IS_DELAYING) !== 0) {
      this.#set(IPPROTO_TCP, TCP_NODELAY, false);
    }
  }

  /**
   * Lets the system send bytes of a file from an offset.
   *
   * @returns As {@linkcode EpollSocket.send}, or {@linkcode CANNOT_SEND_FILE}.
   * @throws {Error} If the connection failed.
   */
  sendFile(fd: number, offset: number, size: number): number {
    const { libc } = this.loop;
    const sent = libc.sendFile(this.#fd, fd, offset, size);
    if (sent > 0) return sent;
    if (sent === 0) return CANNOT_SEND_FILE;
    return mayBeOfFile(libc.errno()) ? CANNOT_SEND_FILE : this.#failedToSend();
  }

  /**
   * Asks the system whether the connection has failed, without reading.
   *
   * @throws {Error} If it has.
   */
  checkFailure(): void {
    this.send(NO_BYTES, false); // sends nothing, but reports a failure
  }

  /** Ends the writing direction; the peer reads the end of the stream. */
  shutdownWrite(): void {
    if (!this.#isClosed()) this.loop.libc.calls.shutdown(this.#fd, SHUT_WR);
  }

  /**
   * See {@linkcode Duplex.read}.
   *
   * perf: the event itself receives into the buffer and resolves the promise. An
   * async function that continues after the event would need three more
   * promises for each read (bench/websocket.ts).
   */
  read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#pendingRead !== null) {
      return this.#changed().then(() => this.read(buffer));
    }
    try {
      const received = this.#receiveInto(buffer);
      if (received !== WOULD_WAIT) return this.#paced(received || null);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#pendingRead = { buffer, resolve, reject };
    });
  }

  /**
   * See {@linkcode PromptDuplex.readThen}.
   *
   * perf: without the promise, an echo takes 0.95 times the time (bench/websocket.ts).
   */
  readThen(
    buffer: Uint8Array,
    onRead: (size: number | null) => void,
    onFailed: (error: unknown) => void,
  ): void {
    const mayWait = buffer.length > 0 && this.#pendingRead === null &&
      !this.isReadable && !this.#isClosed();
    if (mayWait) {
      this.#pendingRead = { buffer, resolve: onRead, reject: onFailed };
    } else this.read(buffer).then(onRead, onFailed);
  }

  /** Continues the pending read after an event or the close. */
  #resumeRead(read: PendingRead): void {
    this.loop.hasMicrotasks = true;
    let received: number | null;
    try {
      received = this.#receiveInto(read.buffer);
    } catch (error) {
      this.#pendingRead = null;
      read.reject(error);
      return;
    }
    if (received === WOULD_WAIT) return;
    this.#pendingRead = null;
    if (received === 0) received = null;
    if (!this.loop.isSpent()) read.resolve(received);
    else void this.loop.nextTurn().then(() => read.resolve(received));
  }

  /**
   * Receives into any memory.
   *
   * @returns How many bytes; 0 at the end, {@linkcode WOULD_WAIT} if there are none yet.
   * @throws {Error} If the connection failed or is closed.
   */
  #receiveInto(buffer: Uint8Array): number {
    this.#requireOpen();
    while (this.isReadable) {
      const received = this.loop.libc.calls.recvBytes(
        this.#fd,
        plainBytes(buffer),
        buffer.length,
        0,
      );
      if (received > 0) {
        const isEmpty = received < buffer.length;
        if (isEmpty && (this.#state & IS_ENDING) === 0) this.#setEmpty();
        this.loop.spend(received);
        return received;
      }
      if (received === 0) return 0; // `isReadable` stays true: later reads return the end too
      this.#failedToReceive(); // after an interrupted call, the loop tries again
    }
    return WOULD_WAIT;
  }

  /** See {@linkcode Duplex.write}. */
  write(bytes: Uint8Array): Promise<number> {
    try {
      this.#requireOpen();
      const sent = this.send(plainBytes(bytes), false);
      if (sent === WOULD_WAIT) {
        return this.#changed().then(() => this.write(bytes));
      }
      this.loop.spend(sent);
      return this.#paced(sent);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** See {@linkcode PromptDuplex.writeNow}. Writes nothing if the program has moved too many bytes in this turn. */
  writeNow(bytes: Uint8Array, size: number): number {
    this.#requireOpen();
    if (this.loop.isSpent()) return 0;
    const { calls } = this.loop.libc;
    const sent = calls.sendBytes(this.#fd, plainBytes(bytes), size, SEND);
    if (sent < 0) {
      this.#failedToSend();
      return 0;
    }
    this.loop.spend(sent);
    return sent;
  }

  /** Resolves with the result of a call: in the next turn if the program has moved too much in this one. */
  #paced<T>(result: T): Promise<T> {
    return this.loop.isSpent()
      ? this.loop.nextTurn().then(() => result)
      : Promise.resolve(result);
  }

  /** See {@linkcode Duplex.closeWrite}. */
  // deno-lint-ignore require-await -- an error must become a rejection
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
    this.#resume();
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
    if (errno === EINTR) return WOULD_WAIT; // `isReadable` stays true, so the caller tries again
    if (errno !== EAGAIN) throw systemError("read from connection", errno);
    this.#setEmpty();
    return WOULD_WAIT;
  }

  #ended(): number {
    this.#setEmpty();
    return 0;
  }

  /** Notes that the system's receive buffer is empty. */
  #setEmpty(): void {
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

  #boundAddress(): Deno.Addr | undefined {
    if (this.#isClosed()) return undefined;
    return findAddress(this.loop.libc, this.#fd) ?? undefined;
  }

  #changed(): Promise<void> {
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  #resume(): void {
    if (this.#pendingRead !== null) this.#resumeRead(this.#pendingRead);
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    this.loop.hasMicrotasks = true;
    waiting.resolve();
  }

  #requireOpen(): void {
    if (!this.#isClosed()) return;
    throw new Deno.errors.BadResource(
      "Cannot use connection: it is closed",
    );
  }
}

/** Whether an error of sending from a file may be about the file. Reading it tells. */
function mayBeOfFile(errno: number): boolean {
  return errno !== EAGAIN && errno !== EINTR && errno !== EPIPE &&
    errno !== ECONNRESET;
}

/** Narrows bytes to the type that the calls take; the server never uses a `SharedArrayBuffer`. */
export function plainBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>; // it is never a `SharedArrayBuffer`
}
