/**
 * One epoll instance: who is watched by which descriptor, and the array into
 * which the system writes its events.
 */

import type { Libc } from "./libc.ts";
import {
  CLOSE_ON_EXEC,
  EPOLL_ADD,
  EPOLL_REMOVE,
  NON_BLOCKING,
} from "./numbers.ts";
import { EINTR, systemError } from "./system_error.ts";

/** Bits of an event. */
export const READABLE = 0x1;
const WRITABLE = 0x4;
const ERROR = 0x8;
const HUNG_UP = 0x10;
const PEER_ENDED = 0x2000;
const EDGE_TRIGGERED = 1 << 31;

/** Bits after which reading has to go on to the end of the stream. */
export const ENDED: number = ERROR | HUNG_UP | PEER_ENDED;

/**
 * What a socket is registered for, once and for all: each change tells about
 * itself once, which saves 275 instructions a request in the system, and room
 * to write is told of only after there was none.
 */
export const SOCKET_EVENTS: number = READABLE | WRITABLE | PEER_ENDED |
  EDGE_TRIGGERED;

/** What a listening socket is registered for: all that queues is accepted at each change. */
export const LISTENER_EVENTS: number = READABLE | EDGE_TRIGGERED;

/** Where the fields of `struct epoll_event` are, as numbers of 4 bytes. */
export interface EventLayout {
  /** Numbers an event. */
  readonly stride: number;
  /** The first of the two numbers that we give and get back. */
  readonly keyAt: number;
}

/** The structure is packed on x86-64, and aligned everywhere else. */
export function eventLayout(arch: string): EventLayout {
  return arch === "x86_64" ? { stride: 3, keyAt: 1 } : { stride: 4, keyAt: 2 };
}

const { stride: STRIDE, keyAt: KEY_AT } = eventLayout(Deno.build.arch);

/** Keys of what is no socket of ours: the poller's own descriptor, and those of the runtime's driver. */
const WAKE = -1;
export const DRIVER = -2;

/** Something with a descriptor. */
export interface Watched {
  /** Tells it from earlier ones with its descriptor's number; the poller sets it. */
  generation: number;
  /** Told what the system says of the descriptor. */
  handleEvents(bits: number): void;
}

/** A poller; see the file's header. */
export class Poller {
  /** The instance's descriptor. */
  readonly fd: number;
  #libc: Libc;
  #maxEvents: number;
  /** Who is watched, by descriptor. */
  #watched: (Watched | undefined)[] = [];
  #generation = 0;
  #events: Int32Array<ArrayBuffer>;
  #eventsAddress: Deno.PointerValue;
  #event = new Int32Array(STRIDE);
  /** Where another thread writes an event: no memory of ours, which ends with this thread. */
  #backgroundEvent: Deno.PointerValue;
  #wakeFd: number;
  #isOpen = true;

  /**
   * Creates an instance that watches nothing but {@linkcode Poller.wake}.
   *
   * @param maxEvents How many events one wait gives at most.
   * @throws {Error} If the system has no descriptor left.
   */
  constructor(libc: Libc, maxEvents: number) {
    this.#libc = libc;
    this.#maxEvents = maxEvents;
    const bytes = new Uint8Array(maxEvents * STRIDE * 4);
    this.#events = new Int32Array(bytes.buffer);
    this.#eventsAddress = libc.addressOf(bytes);
    this.#backgroundEvent = libc.calls.malloc(this.#event.byteLength);
    this.fd = this.#checked(libc.calls.epoll_create1(CLOSE_ON_EXEC));
    this.#wakeFd = libc.calls.eventfd(0, CLOSE_ON_EXEC | NON_BLOCKING);
    try {
      this.#checked(this.#wakeFd);
      this.add(this.#wakeFd, { fd: WAKE, generation: 0, events: READABLE });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Watches somebody's descriptor until {@linkcode Poller.forget}.
   *
   * @throws {Error} If the system has no room for it.
   */
  watch(fd: number, target: Watched, events: number): void {
    const generation = this.#generation = this.#generation + 1 | 0;
    this.add(fd, { fd, generation, events });
    target.generation = generation;
    this.#watched[fd] = target;
  }

  /** Tells no more of a descriptor, which is about to be closed. */
  forget(fd: number): void {
    this.#watched[fd] = undefined;
  }

  /**
   * Watches a descriptor that is nobody's.
   *
   * @param key What its events are told with.
   * @throws {Error} If the system has no room for it.
   */
  add(
    fd: number,
    key: { fd: number; generation: number; events: number },
  ): void {
    this.#event[0] = key.events;
    this.#event[KEY_AT] = key.fd;
    this.#event[KEY_AT + 1] = key.generation;
    this.#checked(
      this.#libc.calls.epoll_ctl(this.fd, EPOLL_ADD, fd, this.#event),
    );
  }

  /** Watches a descriptor no more; closing it has the same effect. */
  remove(fd: number): void {
    this.#libc.calls.epoll_ctl(this.fd, EPOLL_REMOVE, fd, this.#event);
  }

  /** Waits for events on this thread; gives how many there are. */
  wait(timeoutMs: number): number {
    const count = this.#libc.calls.epoll_wait(
      this.fd,
      this.#eventsAddress,
      this.#maxEvents,
      timeoutMs,
    );
    return count < 0 ? this.#failed() : count;
  }

  /** Waits for an event on another thread, as long as it takes; gives 1, or 0 after a signal. */
  async waitInBackground(): Promise<number> {
    const { calls } = this.#libc;
    const place = this.#backgroundEvent;
    const count = await calls.waitInBackground(this.fd, place, 1, -1);
    if (count <= 0) return 0;
    calls.copyFrom(this.#events, place, this.#event.byteLength);
    return 1;
  }

  /** Ends a wait that is under way. */
  wake(): void {
    this.#libc.calls.eventfd_write(this.#wakeFd, 1n);
  }

  /** Tells everybody what the last wait found; says whether the runtime's driver is wanted. */
  tell(count: number): boolean {
    const events = this.#events;
    const watched = this.#watched;
    const end = count * STRIDE;
    let isDriverWanted = false;
    for (let at = 0; at < end; at += STRIDE) {
      const fd = events[at + KEY_AT]!; // in range, here and below
      if (fd < 0) {
        if (fd === WAKE) this.#rest();
        else isDriverWanted = true;
        continue;
      }
      // The number may belong to another one since the system wrote the event.
      const target = watched[fd];
      if (target?.generation !== events[at + KEY_AT + 1]!) continue;
      target.handleEvents(events[at]!);
    }
    return isDriverWanted;
  }

  /** Closes the instance. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#wakeFd >= 0) this.#libc.calls.close(this.#wakeFd);
    this.#libc.calls.close(this.fd);
    this.#libc.calls.free(this.#backgroundEvent);
  }

  /** Takes {@linkcode Poller.wake} back, once it was seen. */
  #rest(): void {
    this.#libc.calls.eventfd_read(this.#wakeFd, new BigUint64Array(1));
  }

  #checked(result: number): number {
    if (result >= 0) return result;
    throw systemError("poll sockets", this.#libc.errno());
  }

  #failed(): number {
    const errno = this.#libc.errno();
    if (errno === EINTR) return 0;
    throw systemError("poll sockets", errno);
  }
}
