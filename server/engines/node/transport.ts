/**
 * Moves one connection's bytes between its socket and the connection machine.
 * Most writes are complete when the call returns, which needs no callback. It
 * contains no protocol rules.
 */

import type { FileRegion, OutputBuffer } from "../../connection/output.ts";
import type {
  ConnectionMachine,
  Transport,
} from "../../connection/transport.ts";
import type { Duplex } from "../../duplex.ts";
import { toError } from "../../to_error.ts";
import { TakenOverDuplex } from "../taken_over_duplex.ts";
import type {
  ServedTransport,
  TransportInit,
  TransportOwner,
} from "../transport.ts";
import {
  MAX_GATHERED_BYTES,
  MAX_WRITE_BYTES,
  type NodeSocket,
  type OnWritten,
  type ReadArea,
  type SocketUser,
} from "./socket.ts";

/** Up to which size, in bytes, a buffer is copied so that the next one can be sent together with it. */
const MAX_JOINED_BYTES = 4096;

/** A write is not complete, or waits for the next turn. */
const IS_WRITING = 1;
const IS_CLOSED = 2;
const IS_TAKEN_OVER = 4;
/** Kept bytes will be delivered in a microtask. */
const IS_DELIVERING = 8;
/** The call that begins a write has not returned, and the write is not complete. */
const IS_BEGINNING = 16;
/** The connection receives no further bytes. */
const IS_GONE = IS_CLOSED | IS_TAKEN_OVER;

/** One connection on a socket. */
export class NodeTransport implements Transport, ServedTransport, SocketUser {
  /** The machine that gets the bytes. */
  readonly connection: ConnectionMachine;
  #socket: NodeSocket;
  #area: ReadArea;
  #owner: TransportOwner;
  /** Bits. */
  #state = 0;
  /** Size of the write that is not complete, in bytes. */
  #writingBytes = 0;

  /** Creates the transport; {@linkcode NodeTransport.start} begins to read. */
  constructor(
    { options, owner }: TransportInit,
    socket: NodeSocket,
    area: ReadArea,
  ) {
    this.#socket = socket;
    this.#area = area;
    this.#owner = owner;
    this.connection = owner.connect(this, options);
    this.connection.output.takesFiles = true;
  }

  get duplex(): Duplex {
    return this.#socket;
  }

  /** See {@linkcode ServedTransport.start}. */
  start(): void {
    this.#socket.attach(this, this.#area);
    // The hook may read them when the system no longer knows them.
    if (this.#owner.hasTeardownHook) this.#socket.readAddresses();
    if (this.#socket.hasRest) this.#deliverSoon(); // a hook has read
  }

  /** See {@linkcode SocketUser.socketReceived}. */
  socketReceived(bytes: Uint8Array, start: number, end: number): void {
    const { connection } = this;
    try {
      const capacity = connection.readCapacity;
      if (end - start <= capacity) connection.receive(bytes, start, end);
      else this.#receivePart(bytes, start, end, capacity);
      this.#write();
    } catch (error) {
      connection.fail(toError(error)); // an internal error
    }
    if (connection.readCapacity <= 0) this.#socket.pauseReading();
    else if (this.#socket.hasRest) this.#deliverSoon();
  }

  /** See {@linkcode SocketUser.socketEnded}. */
  socketEnded(): void {
    if ((this.#state & IS_GONE) !== 0) return;
    try {
      this.connection.receiveEnd();
      this.#write();
    } catch (error) {
      this.connection.fail(toError(error)); // an internal error
    }
  }

  /** See {@linkcode SocketUser.socketFailed}. */
  socketFailed(error: Error): void {
    if ((this.#state & IS_CLOSED) === 0) this.connection.fail(error);
  }

  /** See {@linkcode Transport.wake}. */
  wake(): void {
    this.#write();
    if ((this.#state & IS_GONE) !== 0) return;
    if (this.connection.readCapacity <= 0) return;
    if (this.#socket.hasRest) this.#deliverSoon();
    else this.#socket.resumeReading();
  }

  /** See {@linkcode Transport.takeOver}. */
  takeOver(unread: Uint8Array): Duplex {
    this.#state |= IS_TAKEN_OVER;
    this.#socket.detach();
    return new TakenOverDuplex(
      this.#socket,
      unread,
      this.connection.isInputEnded ? Promise.resolve(null) : null,
      () => this.connection.fail(),
    );
  }

  /** See {@linkcode Transport.close}. */
  close(error?: Error): void {
    if ((this.#state & IS_CLOSED) !== 0) return;
    this.#state |= IS_CLOSED;
    this.#socket.close();
    this.#owner.transportClosed(this, error);
  }

  /** Takes as many bytes as the connection has room for, and keeps the others. */
  #receivePart(
    bytes: Uint8Array,
    start: number,
    end: number,
    capacity: number,
  ): void {
    const middle = start + Math.max(capacity, 0);
    this.#socket.keep(bytes.slice(middle, end));
    if (middle > start) this.connection.receive(bytes, start, middle);
  }

  /** Delivers kept bytes when no handler is on the stack. */
  #deliverSoon(): void {
    if ((this.#state & (IS_DELIVERING | IS_GONE)) !== 0) return;
    this.#state |= IS_DELIVERING;
    queueMicrotask(() => {
      this.#state &= ~IS_DELIVERING;
      const capacity = this.connection.readCapacity;
      if ((this.#state & IS_GONE) !== 0 || capacity <= 0) return;
      this.#socket.deliverRest(capacity);
      if (!this.#socket.hasRest) this.wake();
    });
  }

  /**
   * Writes pending output, and closes the write direction if the connection
   * asked for it.
   */
  #write(): void {
    if ((this.#state & (IS_WRITING | IS_CLOSED)) !== 0) return;
    const { connection } = this;
    const { output } = connection;
    for (;;) {
      const buffer = output.take();
      if (buffer === null) break;
      if (this.#socket.budget.isSpent) {
        this.#writeNextTurn();
        return;
      }
      const size = this.#writeBuffer(buffer, output.sentOfFirst);
      if ((this.#state & IS_BEGINNING) !== 0) {
        this.#state ^= IS_BEGINNING | IS_WRITING;
        this.#writingBytes = size;
        return;
      }
      output.sent(size);
      if (output.pendingBytes > 0) continue;
      connection.outputSent();
      if (output.pendingBytes === 0) break;
    }
    if (output.file !== null) this.#writeFile(output.file);
    else if (output.takeEnd()) this.#endWriting();
  }

  /**
   * Writes the next piece of a file when it has been read. The next one is not read
   * before the system has taken it, so that a slow client holds one piece.
   */
  #writeFile(file: FileRegion): void {
    if (this.#socket.budget.isSpent) {
      this.#writeNextTurn();
      return;
    }
    this.#state |= IS_WRITING;
    try {
      const piece = file.nextPiece();
      if (piece instanceof Uint8Array) this.#writePiece(piece);
      else {
        piece.then(
          () => this.#writeNext(),
          (error) => this.#failFile(error),
        );
      }
    } catch (error) {
      this.#failFile(error);
    }
  }

  #writePiece(piece: Uint8Array): void {
    const { stream, budget } = this.#socket;
    budget.spend(piece.length);
    stream.write(piece, (error) => {
      if (error || (this.#state & IS_CLOSED) !== 0) return; // an event reports an error
      const { connection } = this;
      try {
        connection.output.sentOfFile(piece.length);
        if (connection.output.pendingBytes === 0) connection.outputSent();
        this.#writeNext();
      } catch (error) {
        connection.fail(toError(error)); // an internal error
      }
    });
  }

  /** Continues after a read or a write of a piece. */
  #writeNext(): void {
    if ((this.#state & IS_CLOSED) !== 0) return;
    this.#state &= ~IS_WRITING;
    this.wake();
  }

  #failFile(error: unknown): void {
    if ((this.#state & IS_CLOSED) !== 0) return;
    this.connection.output.fileFailed(error);
    this.#writeNext();
  }

  /**
   * Gives a buffer to the socket, from `start` on. A small one is copied and
   * sent together with the next, such as a head with its body.
   *
   * @returns How many bytes the last buffer has that was given.
   */
  #writeBuffer(buffer: OutputBuffer, start: number): number {
    const { output } = this.connection;
    const { budget } = this.#socket;
    const isJoined = start === 0 && buffer.end <= MAX_JOINED_BYTES &&
      output.pendingBytes > buffer.end && output.file === null;
    let first: Uint8Array | null = null;
    let next = buffer;
    if (isJoined) {
      first = buffer.view().slice();
      output.sent(buffer.end);
      next = output.take()!; // more is pending
    }
    const maxBytes = isJoined ? MAX_GATHERED_BYTES : MAX_WRITE_BYTES;
    const end = Math.min(next.end, start + maxBytes);
    const bytes = start === 0 && end === next.end
      ? next.view()
      : next.bytes.subarray(start, end);
    budget.spend(bytes.length);
    this.#state |= IS_BEGINNING;
    this.#socket.send(first, bytes, this.#onWritten);
    return bytes.length;
  }

  #onWritten: OnWritten = this.#written.bind(this);

  #written(error?: Error | null): void {
    if ((this.#state & IS_CLOSED) !== 0) return;
    if (error) {
      queueMicrotask(() => this.#socket.fail(error)); // a handler may be on the stack
      return;
    }
    if ((this.#state & IS_BEGINNING) !== 0) {
      this.#state ^= IS_BEGINNING;
      return;
    }
    const { connection } = this;
    const { output } = connection;
    this.#state &= ~IS_WRITING;
    try {
      output.sent(this.#writingBytes);
      if (output.pendingBytes === 0) connection.outputSent();
      this.wake();
    } catch (error) {
      connection.fail(toError(error)); // an internal error
    }
  }

  #writeNextTurn(): void {
    this.#state |= IS_WRITING;
    this.#socket.budget.nextTurn().then(() => {
      this.#state &= ~IS_WRITING;
      this.wake();
    });
  }

  #endWriting(): void {
    const { connection } = this;
    if (connection.isInputEnded) connection.receiveEnd(); // closes both directions
    else this.#socket.stream.end();
  }
}
