/**
 * Listening sockets for several threads, opened here and lent to them: each
 * has its own at every address, and the system deals connections out among
 * them. Descriptors made through the C library belong to the process, not to
 * a thread, so that nobody closes those of a thread that dies: a listening
 * one would go on to get its part of the connections. Therefore they are
 * owned here, and what else a dead thread had is found by its epoll instance.
 */

import type { ListenAddress } from "../../address.ts";
import type { SharedPorts } from "../shared_ports.ts";
import { requireNetPermission } from "../net_permission.ts";
import { Libc } from "./libc.ts";
import { bindSocket, boundAddress, openListening } from "./listening_socket.ts";
import { EPOLL_ADD, EPOLL_REMOVE } from "./numbers.ts";
import { READABLE } from "./poller.ts";
import { resolveHost } from "./resolve.ts";
import { withPort } from "./socket_address.ts";
import { EBADF } from "./system_error.ts";

/** Numbers without a descriptor in a row behind which there is none: the system gives the lowest that is free. */
const MAX_GAP = 4096;

/** How many threads there are, and how they find the C library. */
export interface EpollLentSocketsOptions {
  readonly threadCount: number;
  readonly libc: string | undefined;
}

/** See the file's header. */
export class EpollLentSockets implements SharedPorts {
  readonly addrs: readonly Deno.NetAddr[];
  #libc: Libc;
  /** By thread, then by address. */
  #fds: number[][] = [];
  /** What dead threads had and may still wait on, to be closed when they do not any more. */
  #retired: number[] = [];

  /**
   * Listens for all threads.
   *
   * @throws {Error} What the system or the permissions say against it; nothing is left bound.
   */
  constructor(
    addresses: readonly (ListenAddress & { readonly transport: "tcp" })[],
    { threadCount, libc }: EpollLentSocketsOptions,
  ) {
    this.#libc = new Libc(libc);
    for (let index = 0; index < threadCount; index++) this.#fds.push([]);
    try {
      this.addrs = addresses.map(({ hostname, port }) => {
        requireNetPermission(hostname, port);
        return this.#open(resolveHost(this.#libc, hostname, port));
      });
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
    const lent = this.#fds[thread]!;
    const instance = this.#findInstance(lent);
    if (instance < 0) return;
    this.#visit((fd) => {
      if (fd === instance || !this.#remove(instance, fd)) return;
      if (!lent.includes(fd)) this.#retire(instance, fd);
    });
    this.#retired.push(instance);
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

  /** Opens sockets for all threads at one address, unless somebody else has it: those who share a port do not notice each other. */
  #open(place: Uint8Array<ArrayBuffer>): Deno.NetAddr {
    const libc = this.#libc;
    // What only binds is in nobody's way, and keeps the port meanwhile.
    const probe = bindSocket(libc, place, false);
    try {
      const addr = boundAddress(libc, probe);
      const exact = withPort(place, addr.port);
      for (const fds of this.#fds) fds.push(openListening(libc, exact, true));
      return addr;
    } finally {
      libc.calls.close(probe);
    }
  }

  /** The epoll instance that watches one of these sockets, which it does no more, or -1. */
  #findInstance(lent: readonly number[]): number {
    let found = -1;
    this.#visit((instance) => {
      if (found < 0 && lent.some((fd) => this.#remove(instance, fd))) {
        found = instance;
      }
    });
    return found;
  }

  /** Takes a descriptor out of an instance; says whether it was in there. */
  #remove(instance: number, fd: number): boolean {
    const event = new Int32Array(4);
    const { epoll_ctl } = this.#libc.calls;
    return epoll_ctl(instance, EPOLL_REMOVE, fd, event) === 0;
  }

  /** Gives back what a dead thread's instance watched. */
  #retire(instance: number, fd: number): void {
    const { calls } = this.#libc;
    if (this.#isSocket(fd)) {
      calls.close(fd);
      return;
    }
    // What can be counted up is the eventfd by which a wait is ended; the rest is the runtime's.
    if (calls.eventfd_write(fd, 1n) !== 0) return;
    const event = new Int32Array(4);
    event[0] = READABLE;
    calls.epoll_ctl(instance, EPOLL_ADD, fd, event);
    this.#retired.push(fd);
  }

  #isSocket(fd: number): boolean {
    const size = Uint32Array.of(0);
    const { getsockname } = this.#libc.calls;
    return getsockname(fd, new Uint8Array(1), size) === 0;
  }

  /** Calls `see` with every descriptor of the process. */
  #visit(see: (fd: number) => void): void {
    const { calls } = this.#libc;
    const size = new Uint32Array(1);
    const none = new Uint8Array(1);
    for (let fd = 3, gap = 0; gap < MAX_GAP; fd++) {
      size[0] = 0;
      const isClosed = calls.getsockname(fd, none, size) < 0 &&
        this.#libc.errno() === EBADF;
      gap = isClosed ? gap + 1 : 0;
      if (!isClosed) see(fd);
    }
  }

  #closeRetired(): void {
    for (const fd of this.#retired) this.#libc.calls.close(fd);
    this.#retired = [];
  }
}
