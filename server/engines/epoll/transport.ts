/**
 * Moves one connection's bytes between its socket and the connection machine,
 * within turns of the event loop and without promises: all connections receive
 * into one window, and the responses to a batch of requests are sent at once.
 * It contains no protocol rules.
 */

import type { OutputBuffer } from "../../connection/output.ts";
import type {
  ConnectionMachine,
  Transport,
} from "../../connection/transport.ts";
import type { Duplex } from "../../duplex.ts";
import { toError } from "../../to_error.ts";
import { TakenOverPromptDuplex } from "../taken_over_duplex.ts";
import type {
  ServedTransport,
  TransportInit,
  TransportOwner,
} from "../transport.ts";
import { STEP_BYTES, type Task } from "./event_loop.ts";
import { WOULD_WAIT } from "./libc.ts";
import { type FileSender, sendFile } from "./send_file.ts";
import { type EpollSocket, plainBytes, type SocketUser } from "./socket.ts";

/**
 * How many bytes one connection may receive in a turn: 16 full windows, a few
 * hundred microseconds of work. Then the other connections get their turn.
 */
const MAX_TURN_BYTES = 1_048_576;

/**
 * How often a connection may send in a turn although the loop's budget is spent.
 *
 * perf: a streamed response of 130 KB goes out in one turn, while its pieces are
 * in the processor's cache (bench/load.ts, chunked-130k).
 */
const MIN_TURN_SENDS = 3;

/** The loop will run the transport as a task. */
const IS_SCHEDULED = 1;
/** Output is pending that an event or a task will send: the socket or the budget had no room. */
const IS_BLOCKED = 2;
const IS_TAKEN_OVER = 4;
/** A send failed; the connection is about to be told. */
const IS_BROKEN = 8;
const IS_CLOSED = 16;
/** The system may hold back what was sent last, until more is sent. */
const IS_HELD_BACK = 32;

/** One connection on a socket. */
export class EpollTransport
  implements Transport, ServedTransport, SocketUser, FileSender, Task {
  /** The machine that gets the bytes. */
  readonly connection: ConnectionMachine;
  #socket: EpollSocket;
  #windowAddress: Deno.PointerValue;
  #owner: TransportOwner;
  /** Bits. */
  #state = 0;
  /** The turn in which it last sent on its own, not in response to a read. */
  #sentTurn = -1;
  /** How often it sent on its own in that turn. */
  #turnSends = 0;

  /**
   * Creates the transport; {@linkcode EpollTransport.start} begins to read.
   *
   * @param windowAddress The address of the context's window.
   */
  constructor(
    { options, owner }: TransportInit,
    socket: EpollSocket,
    windowAddress: Deno.PointerValue,
  ) {
    this.#socket = socket;
    this.#windowAddress = windowAddress;
    this.#owner = owner;
    this.connection = owner.connect(this, options);
    this.connection.output.takesFiles = true;
    this.connection.output.sendsDescriptors = true;
    this.connection.output.sendsAtOnce = true;
  }

  get duplex(): Duplex {
    return this.#socket;
  }

  /** See {@linkcode ServedTransport.start}. */
  start(): void {
    this.#socket.user = this;
    if (this.#socket.isReadable) this.#schedule(); // bytes may have arrived during setup
  }

  /** See {@linkcode SocketUser.socketReady}. */
  socketReady(): void {
    if ((this.#state & IS_BLOCKED) !== 0) this.#send(false);
    if (this.#socket.isReadable) this.#read();
  }

  /** See {@linkcode Task.run}. */
  run(): void {
    this.#state &= ~IS_SCHEDULED;
    this.socketReady();
  }

  /** See {@linkcode Transport.wake}. Reads in a turn of its own, since the window may be in use. */
  wake(): void {
    if ((this.#state & IS_HELD_BACK) !== 0) this.#push();
    if ((this.#state & IS_BLOCKED) === 0) this.#send(false);
    if (this.connection.output.moreFollows) this.#state |= IS_HELD_BACK;
    if (this.#socket.isReadable) this.#schedule();
  }

  /** Makes the system send what it holds back, unless output is pending: then both are sent together. */
  #push(): void {
    this.#state &= ~IS_HELD_BACK;
    if (this.connection.output.pendingBytes === 0) this.#socket.push();
  }

  /** See {@linkcode Transport.takeOver}. */
  takeOver(unread: Uint8Array): Duplex {
    this.#state |= IS_TAKEN_OVER;
    this.#socket.user = null;
    return new TakenOverPromptDuplex(
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
    if (this.#owner.hasTeardownHook) void this.#socket.localAddr; // the hook may read it
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
    if ((this.#state & (IS_BROKEN | IS_CLOSED)) !== 0) return;
    try {
      this.#receiveAll();
    } catch (error) {
      this.connection.fail(toError(error));
    }
    // A handler may continue in microtasks, or the rest of a head may be about
    // to arrive.
    if (!this.connection.isIdle) this.#socket.loop.hasMicrotasks = true;
  }

  #receiveAll(): void {
    const { connection } = this;
    const socket = this.#socket;
    const { bytes, start, size } = connection.context.window;
    let budget = MAX_TURN_BYTES;
    do {
      const capacity = connection.readCapacity;
      if (capacity <= 0) {
        if (socket.isEnding) this.#noteEnd();
        return;
      }
      const received = socket.receive(
        this.#windowAddress,
        capacity < size ? capacity : size,
      );
      if (received === WOULD_WAIT) continue; // an interrupted call leaves the socket readable
      if (received > 0) connection.receive(bytes, start, start + received);
      else connection.receiveEnd();
      this.#send(true);
      if (received === 0) return;
      budget -= received;
      if (budget <= 0) {
        if (socket.isReadable) this.#schedule();
        return;
      }
    } while (
      socket.isReadable && (this.#state & (IS_CLOSED | IS_TAKEN_OVER)) === 0
    );
  }

  /** The peer has ended its direction or reset the connection, and what it sent before cannot be read yet. */
  #noteEnd(): void {
    this.#socket.checkFailure();
    this.connection.notePeerEnd();
    this.#send(true);
  }

  /**
   * Sends pending output, and closes the write direction if the connection
   * asked for it.
   *
   * @param isReading Whether a read of this turn caused the output; reads have
   * their own budget.
   */
  #send(isReading: boolean): void {
    if ((this.#state & (IS_BROKEN | IS_CLOSED)) !== 0) return;
    const { output } = this.connection;
    try {
      for (;;) {
        const buffer = output.take();
        const file = buffer === null ? output.file : null;
        if (buffer === null && file === null) break;
        if (
          file !== null ? !this.#maySendFile() : !isReading && !this.#maySend()
        ) {
          this.#state |= IS_BLOCKED;
          return;
        }
        const sent = buffer === null
          ? sendFile(this, this.#socket, output, file!) // one of them is not null
          : this.#sendBuffer(buffer, output.sentOfFirst);
        if (sent === WOULD_WAIT) {
          this.#state |= IS_BLOCKED;
          return;
        }
        if (buffer !== null) output.sent(sent);
        else if (sent > 0) output.sentOfFile(sent);
        if (output.pendingBytes > 0) continue;
        this.connection.outputSent();
        if (output.pendingBytes === 0) break;
      }
      this.#state &= ~IS_BLOCKED;
      if (output.takeEnd()) this.#endWriting();
    } catch (error) {
      this.#break(error);
    }
  }

  #endWriting(): void {
    if (this.connection.isInputEnded) this.connection.receiveEnd(); // closes both directions
    else this.#socket.shutdownWrite();
  }

  /** Whether a connection that sends repeatedly in one turn may send again, or has to wait for the next turn. */
  #maySend(): boolean {
    const { loop } = this.#socket;
    if (this.#sentTurn !== loop.turn) {
      this.#sentTurn = loop.turn;
      this.#turnSends = 0;
    } else if (this.#turnSends >= MIN_TURN_SENDS && loop.isSpent()) {
      this.#schedule();
      return false;
    }
    this.#turnSends++;
    loop.spend(0);
    return true;
  }

  /** Whether the turn has budget for bytes of a file. If not, the connection waits in the queue of connections with files to send. */
  #maySendFile(): boolean {
    const { loop } = this.#socket;
    if (!loop.isBulkSpent()) return true;
    if ((this.#state & IS_SCHEDULED) === 0) {
      this.#state |= IS_SCHEDULED;
      loop.scheduleBulk(this);
    }
    return false;
  }

  /** Sends a buffer from `start` on; returns how much the system took. */
  #sendBuffer(buffer: OutputBuffer, start: number): number {
    const size = buffer.end - start;
    const { output } = this.connection;
    const hasMore = output.pendingBytes > size || output.moreFollows;
    const sent = start > 0 || buffer.isBorrowed
      ? this.#socket.send(
        plainBytes(buffer.bytes.subarray(start, buffer.end)),
        hasMore,
      )
      : this.#socket.sendFrom(this.#addressOf(buffer), size, hasMore);
    if (sent >= STEP_BYTES) this.#socket.loop.spend(sent);
    return sent;
  }

  /** See {@linkcode FileSender.noteDuration}. */
  noteDuration(durationMs: number): void {
    this.#socket.loop.spendBulk(durationMs);
  }

  /** See {@linkcode FileSender.fileRead}. */
  fileRead(): void {
    this.#schedule();
  }

  /** perf: creating the address only once for each buffer saves 130 instructions a request (bench/server.ts, GET /). */
  #addressOf(buffer: OutputBuffer): Deno.PointerValue {
    buffer.address ??= this.#socket.loop.libc.addressOf(buffer.bytes);
    return buffer.address as Deno.PointerValue; // only this engine sets it
  }

  /** The handler that wrote the output may still be on the stack, so the connection is told later, in a task. */
  #break(error: unknown): void {
    this.#state |= IS_BROKEN;
    this.#socket.loop.hasMicrotasks = true;
    queueMicrotask(() => this.connection.fail(toError(error)));
  }
}
