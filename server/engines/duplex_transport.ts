/**
 * Moves one connection's bytes between a duplex and the connection machine,
 * with one pending read and one write at a time. It contains no protocol rules.
 */

import type { ReceiveWindow } from "../../codec/simd/head_scanner.ts";
import { SLOT_BYTES } from "../connection/receive_slots.ts";
import type { FileRegion } from "../connection/output.ts";
import type { ConnectionMachine, Transport } from "../connection/transport.ts";
import type { Duplex } from "../duplex.ts";
import { toError } from "../to_error.ts";
import { CheckedDuplex, type Streams } from "./checked_duplex.ts";
import { closeQuietly } from "./close_quietly.ts";
import { END_SIZE, RuntimeReader } from "./runtime_reader.ts";
import {
  TakenOverCallbackDuplex,
  TakenOverDuplex,
} from "./taken_over_duplex.ts";
import type {
  ServedTransport,
  TransportInit,
  TransportOwner,
} from "./transport.ts";

/**
 * Read buffers, in bytes. A pending read owns its buffer, so idle connections
 * get a small one: 10,000 of them cost 7.2 KiB each, 1 KiB of it the buffer. A
 * connection that fills the small buffer keeps a medium one from then on, which
 * holds most heads of browsers. One that fills the medium buffer gets a large
 * one until it is idle again.
 *
 * perf: the small buffers of the first connections are slots, where heads are
 * scanned without a copy: 350 instructions a request less (bench/server.ts, GET /).
 */
const SMALL_READ_BYTES = SLOT_BYTES;
const MEDIUM_READ_BYTES = 4096;
const LARGE_READ_BYTES = 65_536;

/** A read is pending, or its bytes are in use: the buffer must not change. */
const IS_READING = 1;
/** A write is pending. */
const IS_WRITING = 2;
const IS_CLOSED = 4;
const IS_TAKEN_OVER = 8;
/** The connection receives no further bytes. */
const IS_GONE = IS_CLOSED | IS_TAKEN_OVER;

/**
 * One connection on a duplex.
 *
 * perf: uses callbacks that are created once. An async loop would save and
 * restore its state at each read, which costs 300 instructions a request
 * (bench/server.ts, GET /, Deno 2.9).
 */
export class DuplexTransport implements Transport, ServedTransport {
  readonly duplex: Duplex;
  /** The machine that receives the bytes. */
  readonly connection: ConnectionMachine;
  /** The duplex, or a {@linkcode CheckedDuplex} around it. */
  #streams: Streams;
  /** Reads from the peer: the streams, or a {@linkcode RuntimeReader} of the duplex. */
  #reader: Pick<Streams, "read">;
  /** What a read resolves with at the end of the stream. */
  #sizeAtEnd: number | null;
  #owner: TransportOwner;
  #state = 0;
  /** The read that was pending when a handler took the connection over. */
  #onTaken: PromiseWithResolvers<Uint8Array | null> | null = null;
  /** The slot, if the buffer is a view of one. */
  #slot: ReceiveWindow | null;
  /** The buffer of the pending or next read. */
  #buffer: Uint8Array<ArrayBuffer>;
  /** The buffer to go back to when the connection is idle. */
  #idleBuffer: Uint8Array<ArrayBuffer>;

  /** Creates the transport; {@linkcode DuplexTransport.start} begins to read. */
  constructor({ context, duplex, isUntrusted, options, owner }: TransportInit) {
    this.duplex = duplex;
    this.#streams = isUntrusted ? new CheckedDuplex(duplex) : duplex;
    const reader = isUntrusted ? null : RuntimeReader.maybeOf(duplex);
    this.#reader = reader ?? this.#streams;
    this.#sizeAtEnd = reader === null ? null : END_SIZE;
    this.#owner = owner;
    this.connection = owner.connect(this, options);
    this.connection.output.takesFiles = true;
    const slot = context.slots.take();
    this.#slot = slot;
    this.#buffer = slot === null
      ? new Uint8Array(SMALL_READ_BYTES)
      : viewOf(slot);
    this.#idleBuffer = this.#buffer;
  }

  /** Reads until the connection closes. */
  start(): void {
    this.#read();
  }

  /** See {@linkcode Transport.wake}. */
  wake(): void {
    this.#write();
    if ((this.#state & IS_READING) === 0) this.#read();
  }

  /** See {@linkcode Transport.takeOver}. */
  takeOver(unread: Uint8Array): Duplex {
    this.#state |= IS_TAKEN_OVER;
    let pending: Promise<Uint8Array | null> | null = null;
    if ((this.#state & IS_READING) !== 0) {
      this.#onTaken = Promise.withResolvers();
      pending = this.#onTaken.promise;
      pending.catch(() => {
        // The handler's next read rejects. A handler that never reads does not
        // need the error.
      });
    } else if (this.connection.isInputEnded) pending = Promise.resolve(null);
    this.#giveSlot();
    const onClose = (): void => this.connection.fail();
    const { duplex } = this;
    const reader = this.#reader;
    return reader instanceof RuntimeReader
      ? new TakenOverCallbackDuplex(reader, duplex, unread, pending, onClose)
      : new TakenOverDuplex(duplex, unread, pending, onClose);
  }

  /** See {@linkcode Transport.close}. */
  close(error?: Error): void {
    if ((this.#state & IS_CLOSED) !== 0) return;
    this.#state |= IS_CLOSED;
    closeQuietly(this.duplex);
    this.#giveSlot();
    this.#owner.transportClosed(this, error);
  }

  #read(): void {
    const capacity = this.connection.readCapacity;
    if ((this.#state & IS_GONE) !== 0 || capacity <= 0) {
      this.#pauseReading();
      return;
    }
    this.#state |= IS_READING;
    const buffer = this.#buffer;
    const place = capacity < buffer.length
      ? buffer.subarray(0, capacity)
      : buffer;
    this.#reader.read(place).then(this.#onRead, this.#onReadFailed);
  }

  /** Stops reading, until the connection has room again. */
  #pauseReading(): void {
    this.#state &= ~IS_READING;
    if ((this.#state & IS_GONE) !== 0) this.#giveSlot();
  }

  // perf: V8 compiles a bound method for this class alone, but an arrow
  // function for any scope. Bound methods save 80 instructions a request
  // (bench/server.ts, GET /, Deno 2.9).
  #onRead: (size: number | null) => void = this.#received.bind(this);
  #onWritten: (size: number) => void = this.#written.bind(this);

  #received(size: number | null): void {
    const { connection } = this;
    try {
      if (size === null || size === this.#sizeAtEnd) this.#endReading(null);
      else if ((this.#state & IS_GONE) !== 0) this.#endReading(size);
      else {
        const slot = this.#slot;
        const buffer = this.#buffer;
        if (slot === null) connection.receive(buffer, 0, size);
        else connection.receive(slot.bytes, slot.start, slot.start + size);
        if (size >= SMALL_READ_BYTES || slot === null) this.#fitBuffer(size);
      }
      this.#write();
    } catch (error) {
      connection.fail(toError(error)); // an internal error
    }
    this.#read();
  }

  /** The peer closed its direction, or the connection no longer takes the bytes that were read. */
  #endReading(size: number | null): void {
    this.#onTaken?.resolve(size === null ? null : this.#buffer.slice(0, size));
    this.#state &= ~IS_READING;
    this.#giveSlot();
    if ((this.#state & IS_GONE) === 0) this.connection.receiveEnd();
  }

  #onReadFailed = (error: unknown): void => {
    this.#state &= ~IS_READING;
    this.#giveSlot();
    if (this.#onTaken !== null) this.#onTaken.reject(error);
    else if ((this.#state & IS_CLOSED) === 0) {
      this.connection.fail(toError(error));
    }
  };

  /** Gives the slot back, unless a pending read may still fill it. */
  #giveSlot(): void {
    const slot = this.#slot;
    if (slot === null || (this.#state & IS_READING) !== 0) return;
    this.#slot = null;
    this.connection.context.slots.give(slot);
  }

  /** Switches to a larger buffer after a read filled the current one, or back to the smaller one. */
  #fitBuffer(size: number): void {
    const { length } = this.#buffer;
    if (length === SMALL_READ_BYTES && size < length) this.#takeSlot();
    else if (length === LARGE_READ_BYTES) {
      if (this.connection.isIdle) this.#buffer = this.#idleBuffer;
    } else if (size === length) this.#buffer = this.#largerBuffer(length);
  }

  /** Moves to a slot. When the connection began, there were none yet or all were taken. */
  #takeSlot(): void {
    const { context } = this.connection;
    context.notePlainRead();
    const slot = context.slots.take();
    if (slot === null) return;
    this.#slot = slot;
    this.#buffer = viewOf(slot);
    this.#idleBuffer = this.#buffer;
  }

  #largerBuffer(length: number): Uint8Array<ArrayBuffer> {
    if (length === MEDIUM_READ_BYTES) return new Uint8Array(LARGE_READ_BYTES);
    this.#state &= ~IS_READING; // the connection has used the bytes
    this.#giveSlot();
    this.#idleBuffer = new Uint8Array(MEDIUM_READ_BYTES);
    return this.#idleBuffer;
  }

  /**
   * Starts to write pending output, unless a write is in progress. Closes the
   * write direction if the connection asked for it.
   */
  #write(): void {
    if ((this.#state & (IS_WRITING | IS_CLOSED)) !== 0) return;
    const { output } = this.connection;
    const buffer = output.take();
    if (buffer !== null) {
      this.#state |= IS_WRITING;
      this.#writeBytes(buffer.view());
    } else this.#writeOther();
  }

  /** Writes from a file, or closes the write direction. */
  #writeOther(): void {
    const { output } = this.connection;
    if (output.file !== null) this.#writeFile(output.file);
    else if (output.takeEnd()) this.#closeWrite();
  }

  #closeWrite(): void {
    const streams = this.#streams;
    if (streams.closeWrite === undefined) {
      this.connection.receiveEnd(); // no half-close, so nothing to linger for
      return;
    }
    // With TLS, this sends `close_notify` (RFC 9112 §9.8). If it fails, the
    // peer is already gone, and the pending read reports the reason.
    const onClosed = (): void => {
      if (this.connection.isInputEnded) this.connection.receiveEnd(); // both have ended
    };
    streams.closeWrite().then(onClosed, onClosed);
  }

  #writeBytes(bytes: Uint8Array): void {
    this.#streams.write(bytes).then(this.#onWritten, this.#onWriteFailed);
  }

  #written(size: number): void {
    if ((this.#state & IS_CLOSED) !== 0) return;
    const { connection } = this;
    const { output } = connection;
    try {
      output.sent(size);
      if (output.pendingBytes > 0 && this.#writeRest()) return;
      this.#state &= ~IS_WRITING;
      if (output.pendingBytes === 0) connection.outputSent();
      if (output.hasWork) this.#write(); // after a response, there is usually none
      if ((this.#state & IS_READING) === 0) this.#read();
    } catch (error) {
      connection.fail(toError(error)); // an internal error
    }
  }

  /** Writes the rest of a buffer that was sent in part. Returns whether there is one. */
  #writeRest(): boolean {
    const { output } = this.connection;
    const { sentOfFirst } = output;
    if (sentOfFirst === 0) return false;
    const buffer = output.take()!; // it was sent in part
    this.#writeBytes(buffer.bytes.subarray(sentOfFirst, buffer.end));
    return true;
  }

  /** Writes the next piece of a file, when it has been read. */
  #writeFile(file: FileRegion): void {
    this.#state |= IS_WRITING;
    try {
      const piece = file.nextPiece();
      if (piece instanceof Uint8Array) {
        this.#streams.write(piece).then(
          this.#onPieceWritten,
          this.#onWriteFailed,
        );
      } else {
        piece.then(this.#onPieceRead, this.#onFileFailed);
      }
    } catch (error) {
      this.#onFileFailed(error);
    }
  }

  #onPieceRead = (): void => {
    this.#state &= ~IS_WRITING;
    this.#write();
  };

  #onPieceWritten = (size: number): void => {
    if ((this.#state & IS_CLOSED) !== 0) return;
    const { connection } = this;
    try {
      connection.output.sentOfFile(size);
      this.#state &= ~IS_WRITING;
      if (connection.output.pendingBytes === 0) connection.outputSent();
      this.wake();
    } catch (error) {
      connection.fail(toError(error)); // an internal error
    }
  };

  #onFileFailed = (error: unknown): void => {
    if ((this.#state & IS_CLOSED) !== 0) return;
    this.#state &= ~IS_WRITING;
    this.connection.output.fileFailed(error);
    this.wake();
  };

  #onWriteFailed = (error: unknown): void => {
    if ((this.#state & IS_CLOSED) === 0) this.connection.fail(toError(error));
  };
}

function viewOf(
  { bytes, start, size }: ReceiveWindow,
): Uint8Array<ArrayBuffer> {
  return bytes.subarray(start, start + size);
}
