/**
 * One epoll instance: the objects that it watches by descriptor, and the array
 * into which the system writes events.
 */

import {
  CLOSE_ON_EXEC,
  EPOLL_ADD,
  EPOLL_REMOVE,
  type Libc,
  NON_BLOCKING,
} from "./libc.ts";
import { EINTR, systemError } from "../system_error.ts";

/** Event bits. */
export const READABLE = 0x1;
const WRITABLE = 0x4;
const ERROR = 0x8;
const HUNG_UP = 0x10;
const PEER_ENDED = 0x2000;
const EDGE_TRIGGERED = 1 << 31;

/** Event bits that mean that the stream has to be read to its end. */
export const ENDED: number = ERROR | HUNG_UP | PEER_ENDED;

/**
 * The events of a connected socket, registered once for its lifetime.
 * Edge-triggered: the system reports each change once, and room to write only
 * after a write found none. This saves 275 instructions a request in the kernel.
 */
export const SOCKET_EVENTS: number = READABLE | WRITABLE | PEER_ENDED |
  EDGE_TRIGGERED;

/** The events of a listening socket; after each, the listener accepts until the queue is empty. */
export const LISTENER_EVENTS: number = READABLE | EDGE_TRIGGERED;

/** The events of the poller's own eventfd. Each write is a new event, so the eventfd is never read. */
const WAKE_EVENTS: number = READABLE | EDGE_TRIGGERED;

/** The layout of `struct epoll_event`, in 4-byte units. */
export interface EventLayout {
  /** Units from one event to the next. */
  readonly stride: number;
  /** Offset of the two units that the system returns as they were registered. */
  readonly keyAt: number;
}

/** Returns the layout on an architecture: packed on x86-64, aligned on others. */
export function eventLayout(arch: string): EventLayout {
  return arch === "x86_64" ? { stride: 3, keyAt: 1 } : { stride: 4, keyAt: 2 };
}

const { stride: STRIDE, keyAt: KEY_AT } = eventLayout(
  typeof Deno === "undefined" ? "x86_64" : Deno.build.arch, // elsewhere, it is not used
);

/** Keys of descriptors without a {@linkcode Watched}: the poller's own eventfd, and those of the runtime's I/O driver. */
const WAKE = -1;
export const DRIVER = -2;

/** An object that handles the events of a descriptor. */
export interface Watched {
  /** Distinguishes objects that have had the same descriptor number; set by the poller. */
  generation: number;
  /** Called with the event bits that the system reports. */
  handleEvents(bits: number): void;
  /** Closes the descriptor. */
  close(): void;
}

/** See the file's header. */
export class Poller {
  /** The instance's descriptor. */
  readonly fd: number;
  #libc: Libc;
  #maxEvents: number;
  /** The watched objects, by descriptor. */
  #watched: (Watched | undefined)[] = [];
  #generation = 0;
  #events: Int32Array<ArrayBuffer>;
  #eventsAddress: Deno.PointerValue;
  #event = new Int32Array(STRIDE);
  #eventAddress: Deno.PointerValue;
  /** Receives the event of a background wait. malloc'ed, not a JS buffer: the waiting thread may outlive this isolate. */
  #backgroundEvent: Deno.PointerValue;
  #wakeFd: number;
  #isOpen = true;

  /**
   * Creates an instance that watches nothing but {@linkcode Poller.wake}.
   *
   * @param maxEvents The most events that one wait returns.
   * @throws {Error} If the system has no descriptor left.
   */
  constructor(libc: Libc, maxEvents: number) {
    this.#libc = libc;
    this.#maxEvents = maxEvents;
    this.#events = new Int32Array(maxEvents * STRIDE);
    this.#eventsAddress = libc.addressOf(this.#events);
    this.#eventAddress = libc.addressOf(this.#event);
    this.#backgroundEvent = libc.calls.malloc(this.#event.byteLength);
    this.fd = this.#checked(libc.calls.epoll_create1(CLOSE_ON_EXEC));
    this.#wakeFd = libc.calls.eventfd(0, CLOSE_ON_EXEC | NON_BLOCKING);
    try {
      this.#checked(this.#wakeFd);
      this.add(this.#wakeFd, { fd: WAKE, generation: 0, events: WAKE_EVENTS });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Watches the descriptor of an object until {@linkcode Poller.forget}.
   *
   * @throws {Error} If the system is out of memory or watches.
   */
  watch(fd: number, target: Watched, events: number): void {
    const generation = this.#generation = this.#generation + 1 | 0;
    this.add(fd, { fd, generation, events });
    target.generation = generation;
    this.#watched[fd] = target;
  }

  /** Stops calling a descriptor's object; the caller is about to close the descriptor. */
  forget(fd: number): void {
    this.#watched[fd] = undefined;
  }

  /**
   * Adds a descriptor to the epoll instance.
   *
   * @param key The events to report, and the two numbers to report them with.
   * @throws {Error} If the system is out of memory or watches.
   */
  add(
    fd: number,
    key: { fd: number; generation: number; events: number },
  ): void {
    this.#event[0] = key.events;
    this.#event[KEY_AT] = key.fd;
    this.#event[KEY_AT + 1] = key.generation;
    const { calls } = this.#libc;
    this.#checked(calls.epoll_ctl(this.fd, EPOLL_ADD, fd, this.#eventAddress));
  }

  /** Removes a descriptor from the epoll instance; closing it has the same effect. */
  remove(fd: number): void {
    this.#libc.calls.epoll_ctl(this.fd, EPOLL_REMOVE, fd, null);
  }

  /** Waits for events on this thread; returns how many there are. */
  wait(timeoutMs: number): number {
    const count = this.#libc.calls.epoll_wait(
      this.fd,
      this.#eventsAddress,
      this.#maxEvents,
      timeoutMs,
    );
    return count < 0 ? this.#failed() : count;
  }

  /** Waits for an event on another thread, without a timeout; resolves with 1, or with 0 after a signal. */
  async waitInBackground(): Promise<number> {
    const { calls } = this.#libc;
    const event = this.#backgroundEvent;
    const count = await calls.waitInBackground(this.fd, event, 1, -1);
    if (count <= 0) return 0;
    calls.copy(this.#eventsAddress, event, this.#event.byteLength);
    return 1;
  }

  /** Ends the wait in the background. */
  wake(): void {
    this.#libc.calls.eventfd_write(this.#wakeFd, 1n);
  }

  /**
   * Calls the watched objects of the last wait's events.
   *
   * @param count The result of the wait.
   * @returns Whether the runtime's I/O driver has something to do.
   */
  dispatch(count: number): boolean {
    const events = this.#events;
    const watched = this.#watched;
    const end = count * STRIDE;
    let isDriverReady = false;
    for (let at = 0; at < end; at += STRIDE) {
      const fd = events[at + KEY_AT]!; // in range, here and below
      if (fd < 0) {
        if (fd === DRIVER) isDriverReady = true;
        continue;
      }
      // Since the system reported the event, the object may have been closed
      // and its descriptor number reused.
      const target = watched[fd];
      if (target?.generation !== events[at + KEY_AT + 1]!) continue;
      target.handleEvents(events[at]!);
    }
    return isDriverReady;
  }

  /** Closes the instance. */
  close(): void {
    if (!this.#isOpen) return;
    this.#closeDescriptors();
    this.#libc.calls.free(this.#backgroundEvent);
  }

  /**
   * Closes the instance and all watched objects while the program ends, when
   * another thread may still wait. That thread is woken and may yet write its
   * event, so the event's memory is not freed.
   */
  abandon(): void {
    if (!this.#isOpen) return;
    for (const target of this.#watched) target?.close();
    this.wake();
    this.#closeDescriptors();
  }

  #closeDescriptors(): void {
    this.#isOpen = false;
    if (this.#wakeFd >= 0) this.#libc.calls.close(this.#wakeFd);
    this.#libc.calls.close(this.fd);
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
