/**
 * The runtime's own I/O beside ours. The runtime sees to its sockets only when
 * its thread has nothing else to do, which is never the case while a loop goes
 * round; {@linkcode Reactor.yield} makes it do so: a read that only its driver
 * can end. And its epoll instance can be watched by ours, so that a wait of
 * ours ends as soon as there is something for it.
 *
 * Both are found by means of a connection to ourselves. Without the permission
 * to make one there is neither, and the runtime's turn comes by a timer.
 */

import { runtimeTurn } from "../runtime_turn.ts";
import type { Libc } from "./libc.ts";
import {
  AF_INET,
  CLOSE_ON_EXEC,
  EPOLL_ADD,
  EPOLL_REMOVE,
  MSG_NOSIGNAL,
  SOCK_STREAM,
} from "./numbers.ts";
import { DRIVER, type Poller } from "./poller.ts";
import { encodeSocketAddress } from "./socket_address.ts";
import { findAddress } from "./socket_calls.ts";
import { EEXIST } from "./system_error.ts";

const LOOPBACK = "127.0.0.1";

/** Descriptors that are looked at: the runtime's come early. */
const MAX_DESCRIPTORS = 4096;

/** The runtime's driver; see the file's header. */
export class Reactor {
  /** Descriptor of the runtime's epoll instance of this thread, or -1 if it is not known. */
  readonly fd: number;
  #libc: Libc;
  #peerFd: number;
  #conn: Deno.Conn | null;
  #octet = new Uint8Array(1);
  /** Larger than what comes, or the runtime would read without its driver. */
  #buffer = new Uint8Array(2);

  private constructor(
    libc: Libc,
    { fd, peerFd, conn }: {
      fd: number;
      peerFd: number;
      conn: Deno.Conn | null;
    },
  ) {
    this.#libc = libc;
    this.fd = fd;
    this.#peerFd = peerFd;
    this.#conn = conn;
  }

  /**
   * Finds what can be found.
   *
   * @param poller Our own instance, which is not the runtime's. It gets to
   * know the connection, so that all of an engine's descriptors are in one place.
   */
  static async find(libc: Libc, poller: Poller): Promise<Reactor> {
    let listener: Deno.TcpListener;
    try {
      listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
    } catch {
      // Not allowed, or no loopback: the timer has to do.
      return new Reactor(libc, { fd: -1, peerFd: -1, conn: null });
    }
    try {
      const { port } = listener.addr;
      const fd = findInstance(libc, port, poller.fd);
      const peerFd = connectTo(libc, port, poller);
      const conn = peerFd < 0 ? null : await maybeAccept(listener);
      return new Reactor(libc, { fd, peerFd, conn });
    } finally {
      listener.close();
    }
  }

  /** Whether the driver can be made to run. */
  get canYield(): boolean {
    return this.#conn !== null;
  }

  /** Resolves when the runtime's driver has run. */
  async yield(): Promise<void> {
    const conn = this.#conn;
    if (conn === null) {
      await runtimeTurn();
      return;
    }
    this.#libc.calls.sendBytes(this.#peerFd, this.#octet, 1, MSG_NOSIGNAL);
    try {
      if (await conn.read(this.#buffer) !== null) return;
    } catch {
      // Somebody has cut it, as the end of the stream says too.
    }
    this.#drop();
  }

  /** Gives everything back. */
  close(): void {
    this.#drop();
  }

  #drop(): void {
    if (this.#peerFd >= 0) this.#libc.calls.close(this.#peerFd);
    this.#peerFd = -1;
    this.#conn?.close();
    this.#conn = null;
  }
}

/** The epoll instance that watches the listener on a port of this process, or -1. */
function findInstance(libc: Libc, port: number, ownFd: number): number {
  const { calls } = libc;
  const socketFd = findSocket(libc, port);
  if (socketFd < 0) return -1;
  // Asks for no event: where it succeeds, it was somebody else's instance for a moment.
  const event = new Int32Array(4);
  for (let fd = 3; fd < MAX_DESCRIPTORS; fd++) {
    if (fd === ownFd) continue;
    const result = calls.epoll_ctl(fd, EPOLL_ADD, socketFd, event);
    if (result < 0 && libc.errno() === EEXIST) return fd;
    if (result === 0) calls.epoll_ctl(fd, EPOLL_REMOVE, socketFd, event);
  }
  return -1;
}

function findSocket(libc: Libc, port: number): number {
  for (let fd = 3; fd < MAX_DESCRIPTORS; fd++) {
    const addr = findAddress(libc, fd, "getsockname");
    if (addr?.hostname === LOOPBACK && addr.port === port) return fd;
  }
  return -1;
}

/** Connects to a port of ours, which its queue answers at once; gives the descriptor, or -1. */
function connectTo(libc: Libc, port: number, poller: Poller): number {
  const { calls } = libc;
  const fd = calls.socket(AF_INET, SOCK_STREAM | CLOSE_ON_EXEC, 0);
  if (fd < 0) return -1;
  const address = encodeSocketAddress(LOOPBACK, port)!; // it is an IP address
  if (calls.connect(fd, address, address.length) === 0) {
    try {
      poller.add(fd, { fd: DRIVER, generation: 0, events: 0 });
      return fd;
    } catch {
      // No room to watch it: the timer has to do.
    }
  }
  calls.close(fd);
  return -1;
}

async function maybeAccept(listener: Deno.Listener): Promise<Deno.Conn | null> {
  try {
    return await listener.accept();
  } catch {
    return null; // no descriptor left: the timer has to do
  }
}
