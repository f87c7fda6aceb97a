/**
 * One accepted connection of `node:net`. The engine's transport moves its bytes
 * by events; hooks, and handlers that take the connection over, use it as a
 * duplex with promises.
 *
 * A stream that is created with the option `onread` reads into memory that it
 * is given. The runtime creates accepted streams without the option, so the
 * socket replaces the stream by another one on the same handle.
 */

import type { Addr } from "../../../codec/socket_address.ts";
import type { Socket, SocketConstructorOpts } from "node:net";
import type { Duplex } from "../../duplex.ts";
import type { TurnBudget } from "./turn_budget.ts";

/** The most bytes of one write: its progress is known when all of them are written. */
export const MAX_WRITE_BYTES = 65_536;

/**
 * The most bytes that are written together with a small buffer before them. Bun
 * copies both to write them at once.
 *
 * perf: 0.9 times the CPU time of a copy of 64 KiB (bench/load.ts, body-130k, Bun 1.4).
 */
export const MAX_GATHERED_BYTES: number = "Bun" in globalThis
  ? 16_384
  : MAX_WRITE_BYTES;

const NO_BYTES = new Uint8Array(0);

/** Memory to read into. */
export interface ReadArea {
  readonly bytes: Uint8Array;
  /** Where the area starts in `bytes`. */
  readonly start: number;
  /** The area alone. */
  readonly view: Uint8Array;
}

/** A transport that gets a socket's events. */
export interface SocketUser {
  /** Takes bytes, which it may use during the call only. */
  socketReceived(bytes: Uint8Array, start: number, end: number): void;
  /** The peer has ended its direction. */
  socketEnded(): void;
  /** The connection failed. */
  socketFailed(error: Error): void;
}

interface StreamInternals {
  _handle?: { useUserBuffer?: unknown } | null;
}

/** What a stream gets instead of an encoding when a chunk has bytes. */
const BUFFER = "buffer";

/** A chunk of {@linkcode WritableMethods._writev}. */
interface Chunk {
  readonly chunk: Uint8Array;
  readonly encoding: typeof BUFFER;
}

/** The methods that the stream's own queue calls; its types allow only other encodings. */
interface WritableMethods {
  _write?(chunk: Uint8Array, encoding: typeof BUFFER, done: OnWritten): void;
  _writev?(
    chunks: readonly Chunk[] & { readonly allBuffers: boolean },
    done: OnWritten,
  ): void;
}

/** Called when the system has taken all bytes of a write, or with the error. */
export type OnWritten = (error?: Error | null) => void;

/** See the file's header. */
export class NodeSocket implements Duplex {
  #stream: Socket;
  #budget: TurnBudget;
  /** The path of the Unix socket, if it is one. */
  #path: string | null;
  #user: SocketUser | null = null;
  #isOpen = false;
  #isReading = false;
  #isEnded = false;
  #failure: Error | null = null;
  /** Received bytes that nothing has taken yet. */
  #rest: Uint8Array = NO_BYTES;
  /** Resumes the pending `read`. */
  #reader: PromiseWithResolvers<void> | null = null;
  #localAddr: Addr | undefined;
  #remoteAddr: Addr | undefined;

  /**
   * Takes over a stream whose reading is paused.
   *
   * @param path The path of the Unix socket, if it is one.
   */
  constructor(stream: Socket, budget: TurnBudget, path: string | null) {
    this.#stream = stream;
    this.#budget = budget;
    this.#path = path;
  }

  /** The stream to write to. */
  get stream(): Socket {
    return this.#stream;
  }

  /** What the connections of the engine may still write in this turn. */
  get budget(): TurnBudget {
    return this.#budget;
  }

  /** Whether bytes or the end of the stream wait to be taken. */
  get hasRest(): boolean {
    return this.#rest.length > 0 || this.#isEnded;
  }

  /** Reads both addresses, which the system does not know after the end. */
  readAddresses(): void {
    void this.localAddr;
    void this.remoteAddr;
  }

  /** See {@linkcode Duplex.localAddr}. After the close, it is known only if it was read before. */
  get localAddr(): Addr | undefined {
    const { localAddress, localPort } = this.#stream;
    return this.#localAddr ??= this.#addressOf(localAddress, localPort);
  }

  /** See {@linkcode Duplex.remoteAddr}. After the close, it is known only if it was read before. */
  get remoteAddr(): Addr | undefined {
    const { remoteAddress, remotePort } = this.#stream;
    return this.#remoteAddr ??= this.#addressOf(remoteAddress, remotePort);
  }

  /**
   * Begins to deliver bytes and events to a transport.
   *
   * @param area Where to receive, if the runtime can read into given memory.
   */
  attach(user: SocketUser, area: ReadArea): void {
    this.#user = user;
    if (!this.#isOpen) this.#open(area);
    this.resumeReading();
  }

  /** Ends delivery: from now on, the duplex's methods read. */
  detach(): void {
    this.#user = null;
    this.pauseReading();
  }

  /** Reads again after {@linkcode NodeSocket.pauseReading}; bytes come in a later turn. */
  resumeReading(): void {
    if (this.#isReading || this.#failure !== null) return;
    this.#isReading = true;
    this.#stream.resume();
  }

  /** Stops reading. */
  pauseReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#stream.pause();
  }

  /** Keeps bytes that nothing takes now. */
  keep(bytes: Uint8Array): void {
    this.#rest = joined(this.#rest, bytes);
    this.pauseReading();
  }

  /** Delivers at most `sizeBytes` of the kept bytes, or the end of the stream if there are none. */
  deliverRest(sizeBytes: number): void {
    const user = this.#user;
    const bytes = this.#rest;
    if (user === null) return;
    if (bytes.length > 0) {
      const size = Math.min(bytes.length, sizeBytes);
      this.#rest = bytes.subarray(size);
      user.socketReceived(bytes, 0, size);
    } else if (this.#isEnded) user.socketEnded();
  }

  /**
   * Writes bytes, after `first` if there is one. A write has to be complete before
   * the next begins, and the bytes must not change until then.
   *
   * The stream's queue would call `done` in a later tick even if the system has
   * taken all bytes. So this calls the methods that the queue itself calls.
   * They allow one call at a time: while the queue holds bytes, such as those
   * that a hook has written, the new bytes join it.
   *
   * perf: 0.8 times the time outside the system (bench/load.ts, hello,
   * Node 24).
   *
   * @param done Called within the call if the system takes all bytes at once.
   */
  send(first: Uint8Array | null, bytes: Uint8Array, done: OnWritten): void {
    const stream = this.#stream;
    const methods = stream as unknown as WritableMethods; // see its comment
    if (stream.writableLength > 0) this.#queue(first, bytes, done);
    else if (first === null && methods._write !== undefined) {
      methods._write(bytes, BUFFER, done);
    } else if (first !== null && methods._writev !== undefined) {
      const chunks = [chunkOf(first), chunkOf(bytes)];
      methods._writev(Object.assign(chunks, { allBuffers: true }), done);
    } else this.#queue(first, bytes, done);
  }

  /** Writes through the stream's queue. */
  #queue(first: Uint8Array | null, bytes: Uint8Array, done: OnWritten): void {
    const stream = this.#stream;
    stream.cork();
    if (first !== null) stream.write(first);
    stream.write(bytes, done);
    stream.uncork();
  }

  /** See {@linkcode Duplex.read}. */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (!this.#isOpen) this.#open(null);
    for (;;) {
      if (this.#rest.length > 0) return this.#takeRest(buffer);
      if (this.#isEnded) return null;
      if (this.#failure !== null) throw this.#failure;
      this.resumeReading();
      this.#reader ??= Promise.withResolvers();
      await this.#reader.promise;
    }
  }

  /** See {@linkcode Duplex.write}. Takes at most `MAX_WRITE_BYTES`, and resolves when they were written. */
  async write(bytes: Uint8Array): Promise<number> {
    if (!this.#isOpen) this.#open(null);
    if (this.#budget.isSpent) await this.#budget.nextTurn();
    const piece = bytes.subarray(0, MAX_WRITE_BYTES);
    return await new Promise((resolve, reject) => {
      this.#requireOpen();
      this.#budget.spend(piece.length);
      this.#stream.write(piece, (error) => {
        if (error) reject(this.#failure ?? error);
        else resolve(piece.length);
      });
    });
  }

  /** See {@linkcode Duplex.closeWrite}. */
  async closeWrite(): Promise<void> {
    if (!this.#isOpen) this.#open(null);
    await new Promise<void>((resolve) => {
      this.#requireOpen();
      this.#stream.end(resolve);
    });
  }

  /** See {@linkcode Duplex.close}. */
  close(): void {
    this.fail(closed());
  }

  /** See {@linkcode Duplex.setNoDelay}. */
  setNoDelay(noDelay: boolean = true): void {
    if (this.#path === null) this.#stream.setNoDelay(noDelay);
  }

  /** See {@linkcode Duplex.setKeepAlive}. */
  setKeepAlive(keepAlive: boolean = true): void {
    if (this.#path === null) this.#stream.setKeepAlive(keepAlive);
  }

  #open(area: ReadArea | null): void {
    this.#isOpen = true;
    const handle = (this.#stream as StreamInternals)._handle; // it has one until it is closed
    if (area !== null && handle?.useUserBuffer !== undefined) {
      this.#stream = this.#streamInto(area);
    } else {
      this.#stream.on("data", (bytes: Uint8Array) => {
        this.#received(bytes, 0, bytes.length);
      });
    }
    const stream = this.#stream;
    stream.on("end", () => this.#end());
    stream.on("error", (error) => this.fail(error));
    stream.on("close", () => this.fail(closed()));
  }

  /** Creates the stream that reads into the area, on the handle of the present one. */
  #streamInto({ bytes, start, view }: ReadArea): Socket {
    const old = this.#stream as StreamInternals; // see above
    const options = {
      handle: old._handle, // missing in the types
      allowHalfOpen: true,
      pauseOnCreate: true, // missing in the types
      onread: {
        buffer: view,
        callback: (size: number) => {
          this.#received(bytes, start, start + size);
          return true;
        },
      },
    };
    old._handle = null; // it belongs to the new stream
    const { Socket } = process.getBuiltinModule("node:net");
    return new Socket(options as SocketConstructorOpts);
  }

  #received(bytes: Uint8Array, start: number, end: number): void {
    this.#budget.renew();
    const user = this.#user;
    if (user !== null) {
      user.socketReceived(bytes, start, end);
      return;
    }
    this.keep(bytes.slice(start, end));
    this.#wake();
  }

  #end(): void {
    this.#isEnded = true;
    if (this.#user === null) this.#wake();
    else if (this.#rest.length === 0) this.#user.socketEnded();
  }

  /** Closes the connection; reads and writes reject with the first error. */
  fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#isReading = false;
    const user = this.#user;
    this.#user = null;
    this.#stream.destroy();
    this.#wake();
    user?.socketFailed(error);
  }

  #takeRest(buffer: Uint8Array): number {
    const bytes = this.#rest;
    const size = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, size));
    this.#rest = bytes.subarray(size);
    return size;
  }

  #wake(): void {
    this.#reader?.resolve();
    this.#reader = null;
  }

  #requireOpen(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #addressOf(
    hostname: string | undefined,
    port: number | undefined,
  ): Addr | undefined {
    if (this.#path !== null) return { transport: "unix", path: this.#path };
    return hostname === undefined || port === undefined
      ? undefined
      : { transport: "tcp", hostname, port };
  }
}

function chunkOf(chunk: Uint8Array): Chunk {
  return { chunk, encoding: BUFFER };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

function closed(): Error {
  return new Error("Cannot use connection: it is closed");
}
