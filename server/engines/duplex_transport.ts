/**
 * Moves one connection's bytes between a duplex and the connection machine:
 * one read outstanding, one write at a time, no protocol.
 */

import { closeQuietly } from "./close_quietly.ts";
import { CheckedDuplex, type Streams } from "./checked_duplex.ts";
import { TakenOverDuplex } from "./taken_over_duplex.ts";
import type {
  ConnectionMachine,
  ServedTransport,
  TransportInit,
  TransportOwner,
} from "./transport.ts";
import { type ReceiveSlot, SLOT_BYTES } from "../connection/receive_slots.ts";
import { toError } from "../to_error.ts";
import type { Duplex, Transport } from "../duplex.ts";

/**
 * Read buffers, in bytes. A pending read owns its buffer, so that idle
 * connections get a small one: 10,000 of them cost 7.2 KiB each, 1 KiB of it the
 * buffer. Whoever fills it gets a larger one for good, since most heads of
 * browsers fit into that; whoever fills that one gets a large one until it is
 * idle again.
 *
 * perf: the small ones of the first connections are slots, where heads are
 * scanned without a copy: 350 instructions a request less (bench/server.ts, GET /).
 */
const SMALL_READ_BYTES = SLOT_BYTES;
const MEDIUM_READ_BYTES = 4096;
const LARGE_READ_BYTES = 65_536;

/** What is under way, as bits. A pending read owns the buffer, and so does who uses what it gave. */
const IS_READING = 1;
const IS_WRITING = 2;
/** Nothing is read until the connection has room again. */
const IS_PAUSED = 4;
const IS_CLOSED = 8;
const IS_TAKEN_OVER = 16;
/** Nothing is read for the connection any more. */
const IS_GONE = IS_CLOSED | IS_TAKEN_OVER;

/**
 * One connection on a duplex.
 *
 * perf: callbacks made once, in place of a loop that awaits: what such a loop
 * keeps is put away and taken back at each read, 300 instructions a request
 * (bench/server.ts, GET /, Deno 2.9).
 */
export class DuplexTransport implements Transport, ServedTransport {
  readonly duplex: Duplex;
  /** The machine that is fed. */
  readonly connection: ConnectionMachine;
  /** The duplex, or what stands before it. */
  #streams: Streams;
  #owner: TransportOwner;
  #state = 0;
  /** Whoever took the connection over while a read was pending. */
  #onTaken: PromiseWithResolvers<Uint8Array | null> | null = null;
  /** Where the buffer is one in which heads are scanned without a copy. */
  #slot: ReceiveSlot | null;
  /** The buffer of the read that is pending. */
  #buffer: Uint8Array<ArrayBuffer>;
  /** The buffer of a connection that is idle. */
  #resting: Uint8Array<ArrayBuffer>;

  /** Takes a duplex over; {@linkcode DuplexTransport.start} begins to read. */
  constructor({ context, duplex, isUntrusted, options, owner }: TransportInit) {
    this.duplex = duplex;
    this.#streams = isUntrusted ? new CheckedDuplex(duplex) : duplex;
    this.#owner = owner;
    this.connection = owner.connect(this, options);
    this.#slot = context.slots.take();
    this.#buffer = this.#slot?.view ?? new Uint8Array(SMALL_READ_BYTES);
    this.#resting = this.#buffer;
  }

  /** Reads until the connection ends. */
  start(): void {
    this.#read();
  }

  /** See {@linkcode Transport.flush}. */
  flush(): void {
    if ((this.#state & (IS_WRITING | IS_CLOSED)) !== 0) return;
    const bytes = this.connection.output.take();
    if (bytes === null) return;
    this.#state |= IS_WRITING;
    this.#write(bytes);
  }

  /** See {@linkcode Transport.resumeReading}. */
  resumeReading(): void {
    if ((this.#state & IS_PAUSED) !== 0) this.#read();
  }

  /** See {@linkcode Transport.closeWrite}. */
  closeWrite(): void {
    const streams = this.#streams;
    if (streams.closeWrite === undefined) {
      this.connection.receiveEnd(); // no half-close: nothing to linger for
      return;
    }
    streams.closeWrite().catch(() => {
      // The peer is gone already; the read that is pending says how.
    });
  }

  /** See {@linkcode Transport.takeOver}. */
  takeOver(unread: Uint8Array): Duplex {
    this.#state |= IS_TAKEN_OVER;
    let pending: Promise<Uint8Array | null> | null = null;
    if ((this.#state & IS_READING) !== 0) {
      this.#onTaken = Promise.withResolvers();
      pending = this.#onTaken.promise;
      pending.catch(() => {
        // Told to the next read; without one, the connection was closed first.
      });
    } else if (this.connection.isInputEnded) pending = Promise.resolve(null);
    this.#giveSlot();
    return new TakenOverDuplex(
      this.duplex,
      unread,
      pending,
      () => this.connection.fail(),
    );
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
      this.#rest();
      return;
    }
    this.#state = (this.#state | IS_READING) & ~IS_PAUSED;
    const buffer = this.#buffer;
    const place = capacity < buffer.length
      ? buffer.subarray(0, capacity)
      : buffer;
    this.#streams.read(place).then(this.#onRead, this.#onReadFailed);
  }

  /** Reads no more, for now or for good. */
  #rest(): void {
    this.#state = (this.#state & ~IS_READING) | IS_PAUSED;
    if ((this.#state & IS_GONE) !== 0) this.#giveSlot();
  }

  // perf: a method that is bound is compiled for this class alone, an arrow function
  // for any surroundings: 80 instructions a request (bench/server.ts, GET /, Deno 2.9).
  #onRead: (size: number | null) => void = this.#received.bind(this);
  #onWritten: (size: number) => void = this.#written.bind(this);

  #received(size: number | null): void {
    const { connection } = this;
    const buffer = this.#buffer;
    try {
      if (size === null || (this.#state & IS_GONE) !== 0) {
        this.#endReading(size);
        return;
      }
      const slot = this.#slot;
      if (slot === null) connection.receiveElsewhere(buffer, 0, size);
      else connection.receive(slot.bytes, slot.start, slot.start + size);
      if (size >= SMALL_READ_BYTES || slot === null) this.#fitBuffer(size);
    } catch (error) {
      connection.fail(toError(error)); // a bug of ours
    }
    this.#read();
  }

  /** The peer ended, or nobody here wants any more. */
  #endReading(size: number | null): void {
    this.#onTaken?.resolve(size === null ? null : this.#buffer.slice(0, size));
    this.#state &= ~IS_READING;
    this.#giveSlot();
    if ((this.#state & IS_GONE) === 0) this.connection.receiveEnd();
  }

  /** A read fails with the connection, whose machine tells everybody else. */
  #onReadFailed = (error: unknown): void => {
    this.#state &= ~IS_READING;
    this.#giveSlot();
    if (this.#onTaken !== null) this.#onTaken.reject(error);
    else if ((this.#state & IS_CLOSED) === 0) {
      this.connection.fail(toError(error));
    }
  };

  /** Gives the slot back, unless something may still be read into it. */
  #giveSlot(): void {
    const slot = this.#slot;
    if (slot === null || (this.#state & IS_READING) !== 0) return;
    this.#slot = null;
    this.connection.context.slots.give(slot);
  }

  /** Takes a larger buffer where one was filled, or a small one again. */
  #fitBuffer(size: number): void {
    const { length } = this.#buffer;
    if (length === LARGE_READ_BYTES) {
      if (this.connection.isIdle) this.#buffer = this.#resting;
    } else if (size === length) this.#buffer = this.#largerBuffer(length);
  }

  #largerBuffer(length: number): Uint8Array<ArrayBuffer> {
    if (length === MEDIUM_READ_BYTES) return new Uint8Array(LARGE_READ_BYTES);
    this.#state &= ~IS_READING; // what was read is used up
    this.#giveSlot();
    this.#resting = new Uint8Array(MEDIUM_READ_BYTES);
    return this.#resting;
  }

  #write(bytes: Uint8Array): void {
    this.#streams.write(bytes).then(this.#onWritten, this.#onWriteFailed);
  }

  #written(size: number): void {
    if ((this.#state & IS_CLOSED) !== 0) return;
    const { connection } = this;
    const { output } = connection;
    try {
      output.sent(size);
      const { sendStart, sendEnd } = output;
      if (sendStart < sendEnd) {
        this.#write(output.sendBytes.subarray(sendStart, sendEnd));
        return;
      }
      this.#state &= ~IS_WRITING;
      connection.outputSent();
      if (output.pendingBytes > 0) this.flush();
    } catch (error) {
      connection.fail(toError(error)); // a bug of ours
    }
  }

  #onWriteFailed = (error: unknown): void => {
    if ((this.#state & IS_CLOSED) === 0) this.connection.fail(toError(error));
  };
}
