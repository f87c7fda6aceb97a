/**
 * A connection of `node:net` with the interface of `Deno.TcpConn`, for runtimes
 * that have no `Deno`. Loaded only there.
 */

import { connect, type Socket } from "node:net";
import { readableOf, writableOf, writePiece } from "./conn_streams.ts";

/** How many received bytes may wait for a read before receiving pauses. */
const MAX_WAITING_BYTES = 65_536;

/** What to connect to. */
export type NodeTarget =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

/** A `read` that waits for bytes. */
interface PendingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (size: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Connects.
 *
 * @param signal Ends the attempt when it is aborted.
 * @throws {Error} If the connection cannot be made.
 */
export function connectNode(
  target: NodeTarget,
  signal?: AbortSignal,
): Promise<NodeConn> {
  return new Promise((resolve, reject) => {
    const socket = "path" in target
      ? connect({ path: target.path, allowHalfOpen: true })
      : connect({
        host: target.hostname,
        port: target.port,
        allowHalfOpen: true,
      });
    const abort = (): void => {
      socket.destroy();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted === true) abort();
    socket.once("error", (error) => {
      signal?.removeEventListener("abort", abort);
      reject(error);
    });
    socket.once("connect", () => {
      signal?.removeEventListener("abort", abort);
      resolve(new NodeConn(socket));
    });
  });
}

/** See the file's header. */
export class NodeConn implements Deno.TcpConn {
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  #socket: Socket;
  /** Received bytes that no read has taken. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #pending: PendingRead | null = null;
  #isEnded = false;
  #failure: unknown = null;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | null = null;

  /** Takes over a connected socket. */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.localAddr = addrOf(socket.localAddress, socket.localPort);
    this.remoteAddr = addrOf(socket.remoteAddress, socket.remotePort);
    socket.on("data", (bytes: Uint8Array) => this.#received(bytes));
    socket.on("end", () => this.#end());
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(closedError()));
  }

  /** See `Deno.Conn.read`. */
  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#waitingBytes > 0) return Promise.resolve(this.#take(buffer));
    if (this.#isEnded) return Promise.resolve(null);
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending = { buffer, resolve, reject };
    });
  }

  /** See `Deno.Conn.write`. */
  write(bytes: Uint8Array): Promise<number> {
    return writePiece(this.#socket, bytes, () => this.#failure);
  }

  /** See `Deno.Conn.closeWrite`. */
  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) reject(this.#failure);
      else this.#socket.end(() => resolve());
    });
  }

  /** Closes both directions. */
  close(): void {
    this.#fail(closedError());
  }

  /** As {@linkcode NodeConn.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Closes the connection with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** See `Deno.TcpConn.ref`. */
  ref(): void {
    this.#socket.ref();
  }

  /** See `Deno.TcpConn.unref`. */
  unref(): void {
    this.#socket.unref();
  }

  /** See `Deno.TcpConn.setNoDelay`. */
  setNoDelay(noDelay: boolean = true): void {
    this.#socket.setNoDelay(noDelay);
  }

  /** See `Deno.TcpConn.setKeepAlive`. */
  setKeepAlive(keepAlive: boolean = true): void {
    this.#socket.setKeepAlive(keepAlive);
  }

  /** See `Deno.Conn.readable`. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this, MAX_WAITING_BYTES);
  }

  /** See `Deno.Conn.writable`. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableOf(this);
  }

  #received(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#socket.pause();
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    pending.resolve(this.#take(pending.buffer));
  }

  #take(buffer: Uint8Array): number {
    let size = 0;
    while (size < buffer.length) {
      const first = this.#waiting[0];
      if (first === undefined) break;
      const part = first.subarray(0, buffer.length - size);
      buffer.set(part, size);
      size += part.length;
      if (part.length === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(part.length);
    }
    this.#waitingBytes -= size;
    if (this.#socket.isPaused() && this.#waitingBytes < MAX_WAITING_BYTES) {
      this.#socket.resume();
    }
    return size;
  }

  #end(): void {
    this.#isEnded = true;
    this.#pending?.resolve(null);
    this.#pending = null;
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#socket.destroy();
    this.#pending?.reject(error);
    this.#pending = null;
  }
}

/** A Unix socket has no address and no port. */
function addrOf(hostname = "", port = 0): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}

function closedError(): Error {
  return new Error("The connection is closed");
}
