/**
 * Moves one connection's bytes between a duplex and the connection machine:
 * one read outstanding, one write at a time, no protocol.
 */

import { Connection } from "../connection.ts";
import { HijackedDuplex } from "./hijacked_duplex.ts";
import type {
  ServedTransport,
  TransportInit,
  TransportOwner,
} from "./served_transport.ts";
import { type ReceiveSlot, SLOT_BYTES } from "../receive_slots.ts";
import { toError } from "../to_error.ts";
import type { Duplex, Transport } from "../transport.ts";

/**
 * Read buffers, in bytes. A pending read owns its buffer, so that idle
 * connections get a small one: 10,000 of them cost 7.7 KiB each with 1 KiB
 * buffers and 21.6 KiB with 16 KiB. Whoever fills it gets a larger one for good,
 * since most heads of browsers fit into that; whoever fills that one gets a
 * large one until it is idle again.
 *
 * perf: the small ones of the first connections are slots, where heads are
 * scanned without a copy: 350 instructions a request less (bench/server.ts, GET /).
 */
const SMALL_READ_BYTES = SLOT_BYTES;
const MEDIUM_READ_BYTES = 4096;
const LARGE_READ_BYTES = 65_536;

/** One connection on a duplex. */
export class DuplexTransport implements Transport, ServedTransport {
  readonly duplex: Duplex;
  /** The machine that is fed. */
  readonly connection: Connection;
  #owner: TransportOwner;
  #isClosed = false;
  #isWriting = false;
  #wake: (() => void) | null = null;
  #isReading = false;
  #isHijacked = false;
  /** Whoever took the connection over while a read was pending. */
  #onRead: ((bytes: Uint8Array | null) => void) | null = null;
  #onReadFailed: ((reason: unknown) => void) | null = null;
  /** Where the head is scanned without a copy, if there was room. */
  #slot: ReceiveSlot | null;
  /** The buffer of the read that is pending. */
  #buffer: Uint8Array<ArrayBuffer>;
  /** The buffer of a connection that is idle. */
  #resting: Uint8Array<ArrayBuffer>;

  /** Takes a duplex over; {@linkcode DuplexTransport.start} begins to read. */
  constructor({ services, duplex, options, owner }: TransportInit) {
    this.duplex = duplex;
    this.#owner = owner;
    this.connection = new Connection(services, this, options);
    this.#slot = services.slots.take();
    this.#buffer = this.#slot?.view ?? new Uint8Array(SMALL_READ_BYTES);
    this.#resting = this.#buffer;
  }

  /**
   * Reads until the connection ends.
   *
   * perf: what lives in variables is put away and taken back at each read, what
   * lives in the object is not (bench/server.ts, GET /).
   */
  async start(): Promise<void> {
    try {
      while (!this.#isClosed && !this.#isHijacked) {
        const capacity = this.connection.readCapacity;
        if (capacity === 0) await this.#resumed();
        else if (this.#received(await this.#read(capacity))) return;
      }
    } catch (error) {
      // A read fails with the connection, whose machine tells everybody else.
      if (this.#onReadFailed !== null) this.#onReadFailed(error);
      else if (!this.#isClosed) this.connection.fail(toError(error));
    } finally {
      const slot = this.#slot;
      this.#slot = null;
      if (slot !== null) this.connection.services.slots.give(slot); // no read is pending any more
    }
  }

  #read(capacity: number): Promise<number | null> {
    this.#isReading = true;
    const buffer = this.#buffer;
    return this.duplex.read(
      capacity < buffer.length ? buffer.subarray(0, capacity) : buffer,
    );
  }

  /** Hands on what was read; says whether it was the last time. */
  #received(size: number | null): boolean {
    this.#isReading = false;
    const { connection } = this;
    const buffer = this.#buffer;
    if (this.#onRead !== null) {
      this.#onRead(size === null ? null : buffer.slice(0, size));
      return true;
    }
    if (this.#isClosed) return true;
    if (size === null) {
      connection.receiveEnd();
      return true;
    }
    const slot = this.#slot;
    if (slot !== null && buffer === slot.view) {
      connection.receive(slot.bytes, slot.start, slot.start + size);
    } else connection.receiveElsewhere(buffer, 0, size);
    const { length } = buffer;
    const isKept = size < length && length !== LARGE_READ_BYTES;
    if (!isKept) this.#buffer = this.#nextBuffer(buffer);
    return false;
  }

  /** See {@linkcode Transport.flush}. */
  flush(): void {
    if (this.#isWriting || this.#isClosed) return;
    const segment = this.connection.output.take();
    if (segment === null) return;
    this.#isWriting = true;
    this.#write(segment);
  }

  /** See {@linkcode Transport.resumeReading}. */
  resumeReading(): void {
    const wake = this.#wake;
    if (wake === null) return;
    this.#wake = null;
    wake();
  }

  /** See {@linkcode Transport.closeWrite}. */
  closeWrite(): void {
    const { duplex } = this;
    if (duplex.closeWrite === undefined) {
      this.connection.receiveEnd(); // no half-close: nothing to linger for
      return;
    }
    duplex.closeWrite().catch(() => {
      // The peer is gone already; the read that is pending says how.
    });
  }

  /** See {@linkcode Transport.takeOver}. */
  takeOver(unread: Uint8Array): Duplex {
    this.#isHijacked = true;
    let pending: Promise<Uint8Array | null> | null = null;
    if (this.#isReading) {
      pending = new Promise((resolve, reject) => {
        this.#onRead = resolve;
        this.#onReadFailed = reject;
      });
      pending.catch(() => {
        // Told to the next read; without one, the connection was closed first.
      });
    } else if (this.connection.isInputEnded) pending = Promise.resolve(null);
    this.resumeReading();
    return new HijackedDuplex(
      this.duplex,
      unread,
      pending,
      () => this.connection.fail(),
    );
  }

  /** See {@linkcode Transport.close}. */
  close(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.duplex.close();
    } catch {
      // It was closed from elsewhere, which is what is wanted.
    }
    this.resumeReading();
    this.#owner.transportClosed(this, error);
  }

  #resumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The buffer behind one that was filled, or a large one that may be too much by now. */
  #nextBuffer(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (buffer.length === LARGE_READ_BYTES) {
      return this.connection.isIdle ? this.#resting : buffer;
    }
    if (buffer.length === MEDIUM_READ_BYTES) {
      return new Uint8Array(LARGE_READ_BYTES);
    }
    this.#resting = new Uint8Array(MEDIUM_READ_BYTES);
    return this.#resting;
  }

  #write(bytes: Uint8Array): void {
    // Not awaited where it is called: the write itself was begun at once.
    this.duplex.write(bytes).then(this.#onWritten, this.#onWriteFailed);
  }

  #onWritten = (size: number): void => {
    if (this.#isClosed) return;
    const { connection } = this;
    const { output } = connection;
    const unsent = output.sendEnd - output.sendStart;
    output.sent(size < unsent ? size : unsent); // a duplex of somebody's own may be wrong
    if (size < unsent) {
      const { sendBytes, sendStart, sendEnd } = output;
      this.#write(sendBytes.subarray(sendStart, sendEnd));
      return;
    }
    this.#isWriting = false;
    connection.outputSent();
    if (output.pendingBytes > 0) this.flush();
  };

  #onWriteFailed = (error: unknown): void => {
    if (!this.#isClosed) this.connection.fail(toError(error));
  };
}
