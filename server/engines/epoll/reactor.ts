/**
 * Keeps the runtime's own I/O running while the event loop is busy. The runtime
 * runs its I/O driver only when its thread is idle, which never happens while
 * the loop is busy. {@linkcode Reactor.yield} makes the driver run: it awaits a
 * read that only the driver can complete. The loop also watches the runtime's
 * epoll instance, so that a wait ends as soon as the driver has something to
 * do.
 *
 * Both need a connection from the process to itself. If the permission for it
 * is missing, a timer periodically lets the runtime run instead.
 */

import { runtimeTurn } from "../runtime_turn.ts";
import {
  CLOSE_ON_EXEC,
  EPOLL_ADD,
  EPOLL_REMOVE,
  type Libc,
  MSG_NOSIGNAL,
  SOCK_STREAM,
  SOL_SOCKET,
} from "./libc.ts";
import { DRIVER, type Poller } from "./poller.ts";
import { AF_INET, encodeSocketAddress } from "./socket_address.ts";
import { findAddress } from "./socket_properties.ts";
import { EEXIST } from "../system_error.ts";

const LOOPBACK = "127.0.0.1";

/** The longest wait for the connection, in seconds. It is made immediately, unless other processes fill the queue. */
const MAX_CONNECT_S = 1n;

/** How many connections of other processes are closed before the search for this process's own one ends. */
const MAX_FOREIGN = 16;

/** Limits how long `connect` waits (`SO_SNDTIMEO`). */
const SO_SNDTIMEO = 21;

/** How many descriptor numbers to search; those of the runtime are low. */
const MAX_DESCRIPTORS = 4096;

/** The runtime's I/O driver on this thread; see the file's header. */
export class Reactor {
  /** Descriptor of the runtime's epoll instance for this thread; -1 if it was not found. */
  readonly fd: number;
  #libc: Libc;
  #peerFd: number;
  #conn: Deno.Conn | null;
  #oneByte = new Uint8Array(1);
  /**
   * Larger than anything that arrives: the runtime's next read waits for the
   * driver only if the last read did not fill the buffer.
   */
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
   * Connects the process to itself and searches for the runtime's epoll instance.
   *
   * @param poller The engine's own epoll instance, which is skipped. It also
   * watches the connection, so that every descriptor of a dead engine can be
   * found through it.
   */
  static async find(libc: Libc, poller: Poller): Promise<Reactor> {
    let listener: Deno.TcpListener;
    try {
      listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
    } catch {
      // Not permitted, or no loopback interface: the loop uses a timer instead.
      return new Reactor(libc, { fd: -1, peerFd: -1, conn: null });
    }
    try {
      const { port } = listener.addr;
      const fd = findInstance(libc, port, poller.fd);
      const peerFd = connectTo(libc, port, poller);
      const own = peerFd < 0 ? null : findAddress(libc, peerFd);
      const conn = own === null ? null : await maybeAccept(listener, own);
      return new Reactor(libc, { fd, peerFd, conn });
    } finally {
      listener.close();
    }
  }

  /** Whether {@linkcode Reactor.yield} can make the driver run. */
  get canYield(): boolean {
    return this.#conn !== null;
  }

  /** Resolves when the runtime's I/O driver has run. */
  async yield(): Promise<void> {
    const conn = this.#conn;
    if (conn === null) {
      await runtimeTurn();
      return;
    }
    this.#libc.calls.sendBytes(this.#peerFd, this.#oneByte, 1, MSG_NOSIGNAL);
    try {
      if (await conn.read(this.#buffer) !== null) return;
    } catch {
      // The connection was cut; treated like its end.
    }
    this.close();
  }

  /** Closes the connection. The loop uses a timer instead afterwards. */
  close(): void {
    if (this.#peerFd >= 0) this.#libc.calls.close(this.#peerFd);
    this.#peerFd = -1;
    this.#conn?.close();
    this.#conn = null;
  }
}

/** Finds the epoll instance that watches this process's listener on a port; -1 if there is none. */
function findInstance(libc: Libc, port: number, ownFd: number): number {
  const { calls } = libc;
  const socketFd = findSocket(libc, port);
  if (socketFd < 0) return -1;
  // Adding a socket that is already in the instance fails with EEXIST. If it
  // succeeds, this is another instance; the socket is added for no events and
  // removed immediately, which has no effect.
  for (let fd = 3; fd < MAX_DESCRIPTORS; fd++) {
    if (fd === ownFd) continue;
    const result = calls.epoll_ctl(fd, EPOLL_ADD, socketFd, libc.noEventAt);
    if (result < 0 && libc.errno() === EEXIST) return fd;
    if (result === 0) calls.epoll_ctl(fd, EPOLL_REMOVE, socketFd, null);
  }
  return -1;
}

function findSocket(libc: Libc, port: number): number {
  for (let fd = 3; fd < MAX_DESCRIPTORS; fd++) {
    const addr = findAddress(libc, fd);
    if (addr?.hostname === LOOPBACK && addr.port === port) return fd;
  }
  return -1;
}

/** Connects to a listener of this process; returns the descriptor, or -1. */
function connectTo(libc: Libc, port: number, poller: Poller): number {
  const { calls } = libc;
  const fd = calls.socket(AF_INET, SOCK_STREAM | CLOSE_ON_EXEC, 0);
  if (fd < 0) return -1;
  const timeout = BigInt64Array.of(MAX_CONNECT_S, 0n); // `struct timeval`
  const { byteLength } = timeout;
  calls.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeout, byteLength);
  const address = encodeSocketAddress(LOOPBACK, port)!; // it is an IP address
  if (calls.connect(fd, address, address.length) === 0) {
    try {
      poller.add(fd, { fd: DRIVER, generation: 0, events: 0 });
      return fd;
    } catch {
      // It cannot be watched: the loop uses a timer instead.
    }
  }
  calls.close(fd);
  return -1;
}

/**
 * Accepts the connection from an address. Any process of this machine can
 * connect to the listener; its connections are closed. This never waits for a
 * connection that does not arrive: either this process's own one is queued, or
 * more than {@linkcode MAX_FOREIGN} others are.
 */
async function maybeAccept(
  listener: Deno.TcpListener,
  own: Deno.NetAddr,
): Promise<Deno.TcpConn | null> {
  for (let n = 0; n <= MAX_FOREIGN; n++) {
    try {
      const conn = await listener.accept();
      const { hostname, port } = conn.remoteAddr;
      if (hostname === own.hostname && port === own.port) return conn;
      conn.close();
    } catch {
      // It was reset in the queue, or no descriptor is left: the loop may have
      // to use a timer instead.
    }
  }
  return null;
}
