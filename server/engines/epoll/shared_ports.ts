/**
 * Listening sockets for several threads. Each thread has its own socket on
 * every address, and the system spreads connections over them.
 *
 * Descriptors that are opened through the C library belong to the process. They
 * stay open when their thread dies, and the system would keep queueing
 * connections for a listening one. Therefore this class, on the program's own
 * thread, owns the listening sockets. It finds the other descriptors of a dead
 * thread in that thread's epoll instance, and closes them.
 */

import type { TcpAddress } from "../../address.ts";
import type { SharedPorts } from "../shared_ports.ts";
import { requireNetPermission } from "../net_permission.ts";
import {
  CLOSE_ON_EXEC,
  DUPLICATE,
  EPOLL_ADD,
  EPOLL_REMOVE,
  Libc,
  NON_BLOCKING,
  type SetupCalls,
  SOCK_STREAM,
} from "./libc.ts";
import { READABLE } from "./poller.ts";
import { AF_INET, withPort } from "./socket_address.ts";
import {
  bindSocket,
  boundAddress,
  openListening,
  resolveHost,
} from "./socket_calls.ts";
import { EBADF } from "../system_error.ts";

/**
 * The search for descriptors ends after this many closed numbers in a row. The
 * system always assigns the lowest free number, so gaps stay small.
 */
const MAX_GAP = 4096;

const SHUT_RDWR = 2;

/** Settings of {@linkcode EpollSharedPorts}. */
export interface EpollSharedPortsOptions {
  readonly threadCount: number;
  /** The C library's path, if the loader cannot find it. */
  readonly libc: string | undefined;
}

/** See the file's header. */
export class EpollSharedPorts implements SharedPorts {
  readonly addrs: Deno.NetAddr[] = [];
  /** See {@linkcode SharedPorts.socketCount}. */
  readonly socketCount = 1;
  #libc: Libc;
  #setupCalls: SetupCalls;
  /** The event that ends a background wait. */
  #event = Int32Array.of(READABLE, 0, 0, 0);
  #eventAt: Deno.PointerValue;
  /** Listening sockets, by thread, then by address. */
  #fds: number[][] = [];
  /**
   * Descriptors of dead threads that a background wait may still use. They are
   * closed at the next call, when that wait has ended.
   */
  #retired: number[] = [];

  /**
   * Opens the listening sockets of all threads.
   *
   * @throws {Error} If the system or the permissions refuse an address; nothing stays open.
   */
  constructor(
    addresses: readonly TcpAddress[],
    { threadCount, libc }: EpollSharedPortsOptions,
  ) {
    this.#libc = new Libc(libc);
    this.#setupCalls = this.#libc.setupCalls;
    this.#eventAt = this.#libc.addressOf(this.#event);
    for (let thread = 0; thread < threadCount; thread++) this.#fds.push([]);
    try {
      for (const { hostname, port } of addresses) {
        requireNetPermission(hostname, port);
        const address = resolveHost(this.#libc, hostname, port);
        this.addrs.push(this.#open(address));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** See {@linkcode SharedPorts.descriptorsOf}. */
  descriptorsOf(thread: number): readonly number[] {
    return this.#fds[thread]!; // in range, here and below
  }

  /** See {@linkcode SharedPorts.recover}. */
  recover(thread: number): void {
    this.#closeRetired();
    const listening = this.#fds[thread]!;
    const instance = this.#takeInstance(listening);
    if (instance < 0) return;
    this.#forEachDescriptor((fd) => {
      if (fd === instance || !this.#unwatch(instance, fd)) return;
      if (!listening.includes(fd)) this.#retire(instance, fd);
    });
    this.#retired.push(instance);
  }

  /**
   * See {@linkcode SharedPorts.abandon}. The thread still knows the numbers of its
   * descriptors. If they were closed, it could write to a connection of another
   * thread that has got the same number. So each number refers to an unconnected
   * socket from now on, and stays in use.
   */
  abandon(thread: number): void {
    const listening = this.#fds[thread]!;
    const instance = this.#takeInstance(listening);
    if (instance < 0) return;
    const { calls } = this.#libc;
    const flags = SOCK_STREAM | NON_BLOCKING | CLOSE_ON_EXEC;
    const unconnected = calls.socket(AF_INET, flags, 0);
    this.#forEachDescriptor((fd) => {
      if (fd === instance || !this.#unwatch(instance, fd)) return;
      if (listening.includes(fd)) return;
      if (!this.#isSocket(fd)) this.#endWait(instance, fd);
      else if (this.#setupCalls.dup3(unconnected, fd, CLOSE_ON_EXEC) < 0) {
        calls.shutdown(fd, SHUT_RDWR);
      }
    });
    this.#fds[thread] = listening.map((fd) => {
      const moved = this.#setupCalls.fcntl(fd, DUPLICATE, 0);
      if (moved < 0) return fd; // no descriptor is left, so both have this one
      this.#setupCalls.dup3(unconnected, fd, CLOSE_ON_EXEC);
      return moved;
    });
    if (unconnected >= 0) calls.close(unconnected);
  }

  /** See {@linkcode SharedPorts.release}. */
  release(thread: number): void {
    for (const fd of this.#fds[thread]!) this.#libc.calls.close(fd);
    this.#fds[thread] = [];
  }

  /** See {@linkcode SharedPorts.close}. */
  close(): void {
    this.#fds.forEach((_, thread) => this.release(thread));
    this.#closeRetired();
    this.#libc.close();
  }

  /** Opens the sockets of all threads at one address. */
  #open(address: Uint8Array<ArrayBuffer>): Deno.NetAddr {
    const libc = this.#libc;
    // Sockets that share a port can all bind it, even those of another process.
    // So a probe that does not share binds first: it fails if the port is
    // taken, and reserves the port while the others are opened.
    const probe = bindSocket(libc, address, { isShared: false });
    try {
      const addr = boundAddress(libc, probe);
      const exact = withPort(address, addr.port);
      for (const fds of this.#fds) {
        fds.push(openListening(libc, exact, { isShared: true }));
      }
      return addr;
    } finally {
      libc.calls.close(probe);
    }
  }

  /** Finds the epoll instance that watches these sockets, and removes them from it; -1 if there is none. */
  #takeInstance(listening: readonly number[]): number {
    let found = -1;
    this.#forEachDescriptor((instance) => {
      if (found < 0 && listening.some((fd) => this.#unwatch(instance, fd))) {
        found = instance;
      }
    });
    return found;
  }

  /** Removes a descriptor from an epoll instance; returns whether the instance watched it. */
  #unwatch(instance: number, fd: number): boolean {
    const { epoll_ctl } = this.#libc.calls;
    return epoll_ctl(instance, EPOLL_REMOVE, fd, null) === 0;
  }

  /** Closes a descriptor that a dead thread's instance watched, now or at the next call. */
  #retire(instance: number, fd: number): void {
    const { calls } = this.#libc;
    if (this.#isSocket(fd)) {
      calls.close(fd);
      return;
    }
    if (this.#endWait(instance, fd)) this.#retired.push(fd);
  }

  /** Ends the background wait of an instance's thread, if a descriptor is its eventfd; returns whether it is. */
  #endWait(instance: number, fd: number): boolean {
    const { calls } = this.#libc;
    // A write succeeds only on the eventfd. Any other descriptor belongs to the
    // runtime.
    if (calls.eventfd_write(fd, 1n) !== 0) return false;
    calls.epoll_ctl(instance, EPOLL_ADD, fd, this.#eventAt);
    return true;
  }

  #isSocket(fd: number): boolean {
    const size = Uint32Array.of(0);
    const { getsockname } = this.#libc.calls;
    return getsockname(fd, new Uint8Array(1), size) === 0;
  }

  /** Calls `visit` with every open descriptor of the process. */
  #forEachDescriptor(visit: (fd: number) => void): void {
    const { calls } = this.#libc;
    const size = new Uint32Array(1);
    const none = new Uint8Array(1);
    for (let fd = 3, gap = 0; gap < MAX_GAP; fd++) {
      size[0] = 0;
      const isClosed = calls.getsockname(fd, none, size) < 0 &&
        this.#libc.errno() === EBADF;
      gap = isClosed ? gap + 1 : 0;
      if (!isClosed) visit(fd);
    }
  }

  #closeRetired(): void {
    for (const fd of this.#retired) this.#libc.calls.close(fd);
    this.#retired = [];
  }
}
