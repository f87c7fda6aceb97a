/**
 * Moves one connection's octets between its socket and the connection machine,
 * within the turns of the event loop and without a promise: what came is
 * received into one place for all connections, and what a batch of requests
 * puts out is sent once. No protocol.
 */

import type { Output, OutputBuffer } from "../../connection/output.ts";
import { toError } from "../../to_error.ts";
import type { Duplex, Transport } from "../../duplex.ts";
import { TakenOverDuplex } from "../taken_over_duplex.ts";
import type {
  ConnectionMachine,
  ServedTransport,
  TransportInit,
  TransportOwner,
} from "../transport.ts";
import { STEP_BYTES, type Task } from "./event_loop.ts";
import {
  type EpollSocket,
  plainBytes,
  type SocketUser,
  WOULD_WAIT,
} from "./socket.ts";

/** What one connection may receive in a turn: a fast peer keeps nobody waiting. */
const MAX_TURN_BYTES = 1_048_576;

/** What a connection is at, as bits. */
const IS_READING = 1;
const IS_SENDING = 2;
const IS_SCHEDULED = 4;
/** Something is left of the segment that is being sent. */
const IS_UNSENT = 8;
const IS_TAKEN_OVER = 16;
const IS_BROKEN = 32;
const IS_CLOSED = 64;

/** Where octets are received, for all connections of an engine. */
export interface ReceivePlace {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of the first octet. */
  readonly start: number;
  readonly size: number;
  /** Where the first octet lies, for the system. */
  readonly address: Deno.PointerValue;
}

/** One connection on a socket. */
export class EpollTransport
  implements Transport, ServedTransport, SocketUser, Task {
  /** The machine that is fed. */
  readonly connection: ConnectionMachine;
  #socket: EpollSocket;
  #place: ReceivePlace;
  #owner: TransportOwner;
  /** Bits. */
  #state = 0;
  /** The turn in or after which it sent last, other than while reading. */
  #sentTurn = -1;

  /** Takes a socket over; {@linkcode EpollTransport.start} begins to read. */
  constructor(
    { options, owner }: TransportInit,
    socket: EpollSocket,
    place: ReceivePlace,
  ) {
    this.#socket = socket;
    this.#place = place;
    this.#owner = owner;
    this.connection = owner.connect(this, options);
  }

  get duplex(): Duplex {
    return this.#socket;
  }

  /** See {@linkcode ServedTransport.start}. */
  start(): void {
    this.#socket.user = this;
    this.resumeReading(); // octets may have come while it was set up
  }

  /** See {@linkcode SocketUser.socketReady}. */
  socketReady(): void {
    if ((this.#state & IS_UNSENT) !== 0) this.flush();
    if (this.#socket.isReadable) this.#read();
  }

  /** See {@linkcode Task.run}. */
  run(): void {
    this.#state &= ~IS_SCHEDULED;
    this.socketReady();
  }

  /** See {@linkcode Transport.flush}. */
  flush(): void {
    if ((this.#state & (IS_SENDING | IS_BROKEN | IS_CLOSED)) !== 0) return;
    try {
      if (this.#sendSingle()) return;
      this.#state |= IS_SENDING;
      while (this.#sendSegment());
    } catch (error) {
      this.#break(error);
    }
    this.#state &= ~IS_SENDING;
  }

  /** See {@linkcode Transport.resumeReading}: in a turn of its own, since the place may be in use. */
  resumeReading(): void {
    if (this.#socket.isReadable && (this.#state & IS_READING) === 0) {
      this.#schedule();
    }
  }

  /** See {@linkcode Transport.closeWrite}. */
  closeWrite(): void {
    this.#socket.shutdownWrite();
  }

  /** See {@linkcode Transport.takeOver}. */
  takeOver(unread: Uint8Array): Duplex {
    this.#state |= IS_TAKEN_OVER;
    this.#socket.user = null;
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
    const { hooks } = this.connection.context.app;
    if (hooks.connectionTeardown !== null) this.#rememberAddresses();
    this.#socket.user = null;
    this.#socket.close();
    this.#owner.transportClosed(this, error);
  }

  #schedule(): void {
    if ((this.#state & IS_SCHEDULED) !== 0) return;
    this.#state |= IS_SCHEDULED;
    this.#socket.loop.schedule(this);
  }

  #read(): void {
    if ((this.#state & (IS_READING | IS_CLOSED)) !== 0) return;
    this.#state |= IS_READING;
    try {
      this.#receiveAll();
    } catch (error) {
      this.connection.fail(toError(error));
    }
    this.#state &= ~IS_READING;
    // Its handler may go on by microtasks, or the rest of a head may be near.
    if (!this.connection.isIdle) this.#socket.loop.isFresh = true;
  }

  #receiveAll(): void {
    const { connection } = this;
    const socket = this.#socket;
    const { bytes, start, size, address } = this.#place;
    let budget = MAX_TURN_BYTES;
    do {
      const capacity = connection.readCapacity;
      if (capacity <= 0) return;
      const received = socket.receive(
        address,
        capacity < size ? capacity : size,
      );
      if (received > 0) {
        connection.receive(bytes, start, start + received);
        budget -= received;
      } else if (received !== WOULD_WAIT) {
        connection.receiveEnd();
        return;
      }
      if (budget <= 0) {
        this.#state &= ~IS_READING;
        this.resumeReading();
        return;
      }
    } while (
      socket.isReadable && (this.#state & (IS_CLOSED | IS_TAKEN_OVER)) === 0
    );
  }

  /**
   * Sends the one answer that there is to send; says whether nothing is left to do.
   *
   * perf: 0.6 times the instructions of the general way (bench/server.ts, GET /).
   */
  #sendSingle(): boolean {
    const { output } = this.connection;
    const { single } = output;
    if (single === null) return false;
    if (!this.#maySend()) {
      output.next(); // goes on as a segment
      this.#state |= IS_UNSENT;
      return true;
    }
    const size = single.bytes.length;
    const sent = this.#socket.sendFrom(this.#addressOf(single), size, false);
    if (sent !== size) {
      output.next(); // as above
      this.#state |= IS_UNSENT;
      if (sent === WOULD_WAIT) return true;
      output.sent(sent);
      return false;
    }
    output.singleSent();
    this.connection.outputSent();
    return output.pendingBytes === 0;
  }

  /** Sends a segment, or what is left of one; says whether to go on at once. */
  #sendSegment(): boolean {
    const { output } = this.connection;
    if ((this.#state & IS_UNSENT) === 0 && !output.next()) return false;
    this.#state |= IS_UNSENT;
    if (!this.#maySend()) return false;
    const sent = this.#sendRest(output);
    if (sent === WOULD_WAIT) return false;
    if (sent >= STEP_BYTES) this.#socket.loop.spend(sent);
    output.sent(sent);
    if (output.sendStart < output.sendEnd) return true; // the system says itself that it has no room
    this.#state &= ~IS_UNSENT;
    this.connection.outputSent();
    return output.pendingBytes > 0 && (this.#state & IS_CLOSED) === 0;
  }

  /** Whoever sends again and again without a new turn may have to wait for one. */
  #maySend(): boolean {
    return (this.#state & IS_READING) !== 0 || // of a turn, which has its own bounds
      this.#maySendAgain();
  }

  #maySendAgain(): boolean {
    const { loop } = this.#socket;
    if (this.#sentTurn === loop.turn && loop.isSpent()) {
      this.#schedule();
      return false;
    }
    this.#sentTurn = loop.turn;
    loop.spend(0);
    return true;
  }

  #sendRest(output: Output): number {
    const { sendBuffer, sendBytes, sendStart, sendEnd } = output;
    const size = sendEnd - sendStart;
    const hasMore = output.pendingBytes > size;
    if (sendBuffer === null || sendStart > 0) {
      const rest = sendBytes.subarray(sendStart, sendEnd);
      return this.#socket.send(plainBytes(rest), hasMore);
    }
    return this.#socket.sendFrom(this.#addressOf(sendBuffer), size, hasMore);
  }

  /** perf: an address that is made once a buffer saves 130 instructions a request (bench/server.ts, GET /). */
  #addressOf(buffer: OutputBuffer): Deno.PointerValue {
    buffer.address ??= this.#socket.loop.libc.addressOf(buffer.bytes);
    return buffer.address as Deno.PointerValue; // nobody else makes any
  }

  /** Whoever put the octets out is still at work: the end comes behind it. */
  #break(error: unknown): void {
    this.#state |= IS_BROKEN;
    this.#socket.loop.isFresh = true;
    queueMicrotask(() => this.connection.fail(toError(error)));
  }

  /** The teardown hook may ask for them when the socket is closed. */
  #rememberAddresses(): void {
    void [this.#socket.localAddr, this.#socket.remoteAddr];
  }
}
