/**
 * One WebSocket on the two byte streams of a connection that was taken over (RFC
 * 6455 §5 to §7). It reads, answers pings, sends, closes, and gives messages to
 * a sink. The frame codec decides what is valid; the sink decides what a program
 * sees.
 */

import type { CallbackDuplex, Duplex } from "../server/duplex.ts";
import type { SocketClock } from "./clock.ts";
import { ABNORMAL_CLOSURE, NO_STATUS } from "./codec/close_codes.ts";
import { WebSocketFault, type WebSocketFaultCode } from "./codec/fault.ts";
import {
  FrameDecoder,
  FrameEvent,
  type Inflate,
} from "./codec/frame_decoder.ts";
import { FIN, Opcode, RSV1 } from "./codec/frame_encoder.ts";
import { ConnectionTimer, type Lateness } from "./connection_timer.ts";
import type { FrameOutput } from "./frame_output.ts";
import { FrameSender } from "./frame_sender.ts";
import type { WebSocketSettings } from "./options.ts";

/** A text message as a string, or a binary one as bytes that belong to the receiver. */
export type WebSocketMessage = string | Uint8Array<ArrayBuffer>;

/** How a WebSocket ended. */
export interface WebSocketClosed {
  /** The code of the client's close frame, 1005 if that has none, 1006 if the connection ended without one. After a fault of the client, the code that it was sent. */
  readonly code: number;
  /** The reason in the client's close frame. */
  readonly reason: string;
  /** Whether both sides sent a close frame, and no fault was the cause. */
  readonly wasClean: boolean;
  /** The fault of the client, or the error of the connection. */
  readonly error?: Error;
}

/** What gets the messages of a connection. Neither call may throw. */
export interface ConnectionSink {
  receive(message: WebSocketMessage): void;
  closed(how: WebSocketClosed): void;
}

/** The compression that was agreed on. */
export interface ConnectionDeflate {
  readonly inflate: Inflate;
  readonly deflate: (bytes: Uint8Array) => Uint8Array;
  /** Frees what is kept between messages. */
  readonly close: () => void;
  readonly thresholdBytes: number;
}

/** What a connection is made of. */
export interface ConnectionInit {
  readonly duplex: Duplex;
  readonly settings: WebSocketSettings;
  readonly deflate: ConnectionDeflate | null;
  readonly clock: SocketClock;
  readonly sink: ConnectionSink;
}

/** The memory that reads go to: as little while a connection is quiet, as much while it is busy. */
const MIN_WINDOW_BYTES = 4096;
const MAX_WINDOW_BYTES = 131_072;
/** After so many reads in a row that would have fitted in the small window, it is used again. */
const SMALL_READS = 64;
/** With so many bytes unsent, nothing more is read: answers to pings, and the echoes of a program, cannot pile up. */
const PAUSE_BYTES = 262_144;
/** With fewer bytes unsent, a flush waits for the answers to further messages. */
const BURST_BYTES = 16_384;
/** Microtasks for which a flush waits after each answer. */
const BURST_HOPS = 4;
/** Microtasks that a loop over the messages takes to get one and to answer it, with some to spare for generators around it. */
const ANSWER_HOPS = 10;

/** The states of a connection (RFC 6455 §4.1, §7.1). */
const State = Object.freeze(
  {
    OPEN: 0,
    /** A close frame was sent; the client's is awaited. */
    CLOSING: 1,
    /** The client has sent its last frame: what was added is sent, then the writing direction ends. */
    ENDING: 2,
    /** Everything is sent; what the client still sends is dropped until it ends its direction. */
    LINGERING: 3,
    CLOSED: 4,
  } as const,
);
type State = typeof State[keyof typeof State];

const encoder = new TextEncoder();

/** See the file's header. */
export class Connection {
  #duplex: Duplex;
  /** The duplex, if it can read with callbacks. */
  #reader: CallbackDuplex | null;
  #settings: WebSocketSettings;
  #deflate: ConnectionDeflate | null;
  #sink: ConnectionSink;
  #decoder: FrameDecoder;
  #sender: FrameSender;
  #output: FrameOutput;
  #timer: ConnectionTimer;
  #state: State = State.OPEN;
  /** How the connection ends, once that is known. */
  #end: WebSocketClosed | null = null;
  #window: Uint8Array = new Uint8Array(MIN_WINDOW_BYTES);
  #smallReads = 0;
  /** Whether the sink takes no messages now. */
  #isHeld = false;
  #isDecoding = false;
  #isFlushQueued = false;
  /** Whether a ping was sent since the client was last heard. */
  #isPinged = false;
  /** Whether the client has ended its direction. */
  #isReadEnded = false;
  /** Whether reading waits until the sink and the output have room. */
  #isReadPaused = false;
  /** Whether the sink has taken a message that was held back, and nothing was sent since. */
  #isInBurst = false;
  /** Microtasks that a queued flush has waited. */
  #flushHops = 0;
  readonly #flushQueued = (): void => {
    // The program may be about to answer a message, or to take the one that waits.
    const mayWait = (this.#isInBurst || this.#isHeld) &&
      this.#flushHops < BURST_HOPS && this.#output.pendingBytes < BURST_BYTES;
    if (mayWait) {
      this.#flushHops++;
      queueMicrotask(this.#flushQueued);
      return;
    }
    this.#isFlushQueued = this.#isInBurst = false;
    this.#flush();
    if (!this.#sender.isBusy) this.#madeRoom();
  };
  readonly #onRead = (size: number | null): void => this.#received(size);
  readonly #onReadFailed = (error: unknown): void => this.#finish(error);

  /** Takes over a connection after its handshake. */
  constructor(init: ConnectionInit) {
    this.#duplex = init.duplex;
    this.#reader = callbackDuplexOf(init.duplex);
    this.#settings = init.settings;
    this.#deflate = init.deflate;
    this.#sink = init.sink;
    this.#decoder = new FrameDecoder({
      isMasked: true,
      maxMessageBytes: init.settings.maxMessageBytes,
      inflate: init.deflate?.inflate ?? null,
    });
    this.#timer = new ConnectionTimer(
      init.clock,
      init.settings,
      (what) => this.#late(what),
    );
    this.#sender = new FrameSender({
      duplex: init.duplex,
      timer: this.#timer,
      onProgress: () => this.#madeRoom(),
      onSent: () => this.#flush(),
      onFailed: (error) => this.#finish(error),
    });
    this.#output = this.#sender.output;
  }

  /** Begins to read. */
  start(): void {
    this.#read();
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#state === State.OPEN;
  }

  /** Bytes that were not sent yet, heads of frames included. */
  get bufferedBytes(): number {
    return this.#output.pendingBytes;
  }

  /** Resolves when everything is sent, or never will be. */
  drained(): Promise<void> {
    return this.#sender.drained();
  }

  /** Sends a message; does nothing unless the connection is open. */
  send(message: string | Uint8Array): void {
    if (this.#state !== State.OPEN) return;
    const isText = typeof message === "string";
    if (this.#deflate !== null && this.#isWorthDeflating(message)) {
      const bytes = isText ? encoder.encode(message) : message;
      const first = FIN | RSV1 | (isText ? Opcode.TEXT : Opcode.BINARY);
      this.#output.addFrame(first, this.#deflate.deflate(bytes));
    } else if (isText) {
      this.#output.addText(message);
    } else {
      this.#output.addFrame(FIN | Opcode.BINARY, message);
    }
    this.#added();
  }

  /** Sends a ping; does nothing unless the connection is open. */
  ping(payload: Uint8Array): void {
    if (this.#state !== State.OPEN) return;
    this.#output.addFrame(FIN | Opcode.PING, payload);
    this.#added();
  }

  /** Begins the closing handshake; does nothing if it has begun. */
  close(code: number | null, reason: string): void {
    if (this.#state !== State.OPEN) return;
    this.#state = State.CLOSING;
    this.#output.addClose(code, reason);
    this.#timer.closing();
    this.#flush();
    this.resume();
  }

  /** Closes both directions without a handshake. */
  terminate(): void {
    this.#finish();
  }

  /** Makes the connection stop at the next message, until `resume()`. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Gives the sink the messages that have arrived, and goes on to read. */
  resume(): void {
    this.#isHeld = false;
    if (!this.#isDecoding) this.#decodeRest();
    this.#goOn();
  }

  #isWorthDeflating(message: string | Uint8Array): boolean {
    return this.#deflate !== null &&
      message.length >= this.#deflate.thresholdBytes;
  }

  /** Whether nothing more may be decoded now. Once closing, messages are dropped and nothing is held. */
  #isPaused(): boolean {
    return this.#state === State.OPEN &&
      (this.#isHeld || this.#output.pendingBytes >= PAUSE_BYTES);
  }

  /** Reads once, or waits until the sink and the output have room. */
  #read(): void {
    if (this.#state === State.CLOSED) return;
    if (this.#isPaused() || !this.#decoder.isDrained) {
      this.#timer.setDeaf(true);
      this.#isReadPaused = true;
      return;
    }
    try {
      if (this.#reader === null) {
        this.#duplex.read(this.#window).then(this.#onRead, this.#onReadFailed);
      } else {
        this.#reader.readThen(this.#window, this.#onRead, this.#onReadFailed);
      }
    } catch (error) {
      this.#finish(error); // a duplex of the program may throw
    }
  }

  #received(size: number | null): void {
    try {
      if (this.#state === State.CLOSED) return;
      if (size === null) return this.#readEnded();
      this.#timer.heard();
      this.#isPinged = false;
      this.#decoder.feed(this.#window, 0, size);
      this.#decode();
      if (this.#decoder.isDrained) this.#fitWindow(size);
      this.#read();
    } catch (error) {
      this.#finish(error);
    }
  }

  /** Continues to read, unless reading must still pause. */
  #goOn(): void {
    if (!this.#isReadPaused) return;
    if (this.#isPaused() || !this.#decoder.isDrained) return;
    this.#isReadPaused = false;
    this.#timer.setDeaf(false);
    this.#read();
  }

  /** Grows the window after a read that filled it, and shrinks it after many small ones. */
  #fitWindow(size: number): void {
    const { length } = this.#window;
    if (size === length && length < MAX_WINDOW_BYTES) {
      this.#window = new Uint8Array(MAX_WINDOW_BYTES);
      this.#smallReads = 0;
    } else if (length > MIN_WINDOW_BYTES) {
      this.#smallReads = size > MIN_WINDOW_BYTES ? 0 : this.#smallReads + 1;
      if (this.#smallReads < SMALL_READS) return;
      this.#window = new Uint8Array(MIN_WINDOW_BYTES);
    }
  }

  /** Handles the frames that have arrived, and sends the output. Repeats both if sending has made room at once. */
  #decode(): void {
    do {
      this.#decodeSome();
      this.#flush();
    } while (
      !this.#decoder.isDrained && !this.#sender.isBusy && !this.#isPaused()
    );
  }

  /** As `#decode()`, after the sink has taken a message: sends later, since the program may be about to answer. */
  #decodeRest(): void {
    this.#isInBurst = true;
    this.#decodeSome();
    if (this.#sender.isBusy) return;
    if (this.#output.pendingBytes < BURST_BYTES) this.#queueFlush();
    else {
      this.#flush();
      if (!this.#decoder.isDrained) this.#decode();
    }
  }

  #decodeSome(): void {
    this.#isDecoding = true;
    try {
      while (!this.#decoder.isDrained && !this.#isPaused()) {
        const event = this.#decoder.next();
        if (event === FrameEvent.NEED_DATA) break;
        this.#handle(event);
      }
    } catch (error) {
      if (!(error instanceof WebSocketFault)) throw error;
      this.#fail(error);
    } finally {
      this.#isDecoding = false;
    }
  }

  #handle(event: FrameEvent): void {
    const isOpen = this.#state === State.OPEN;
    switch (event) {
      case FrameEvent.MESSAGE:
        if (isOpen) this.#sink.receive(this.#decoder.takeMessage());
        break;
      case FrameEvent.PING:
        if (isOpen) {
          this.#output.addFrame(FIN | Opcode.PONG, this.#decoder.payload);
        }
        break;
      case FrameEvent.CLOSE:
        this.#peerClosed(this.#decoder.closeCode, this.#decoder.closeReason);
        break;
    }
  }

  /** The client's close frame has arrived; it gets one if it has none (RFC 6455 §5.5.1). */
  #peerClosed(code: number, reason: string): void {
    this.#end = { code, reason, wasClean: true };
    const answer = code === NO_STATUS ? null : code;
    void this.#endSending(() => this.#output.addClose(answer, ""));
  }

  /** The client broke a rule: it gets a close frame that says which (RFC 6455 §7.1.7). */
  #fail(fault: WebSocketFault): void {
    const { closeCode: code, message } = fault;
    this.#end = { code, reason: "", wasClean: false, error: fault };
    void this.#endSending(() => this.#output.addClose(code, message));
  }

  /**
   * Sends what `addLast` adds, unless a close frame was sent, and ends the
   * direction. A program that was just given a message first gets time to answer
   * it: the message may have arrived together with the close frame, or with the
   * end of the client's direction.
   */
  async #endSending(addLast: () => void): Promise<void> {
    this.#timer.closing();
    for (let hop = 0; hop < ANSWER_HOPS; hop++) await undefined;
    if (this.#state === State.OPEN) addLast();
    if (this.#state >= State.ENDING) return;
    this.#state = State.ENDING;
    this.#flush();
    this.#goOn();
  }

  /** Output was added: it is sent once the running code has added more. */
  #added(): void {
    if (this.#output.pendingBytes > this.#settings.maxBufferedBytes) {
      this.#finish(cutOff("SLOW_READER", "too many bytes are unsent"));
      return;
    }
    if (!this.#isDecoding && !this.#sender.isBusy) this.#queueFlush();
  }

  #queueFlush(): void {
    this.#flushHops = 0;
    if (this.#isFlushQueued || this.#output.pendingBytes === 0) return;
    this.#isFlushQueued = true;
    queueMicrotask(this.#flushQueued);
  }

  #flush(): void {
    if (this.#state >= State.LINGERING) return;
    const isSent = this.#sender.flush();
    if (isSent && this.#state === State.ENDING) void this.#endWriting();
  }

  /** Resumes decoding if only unsent output had paused it. */
  #madeRoom(): void {
    if (!this.#isReadPaused || this.#isHeld) return;
    try {
      this.resume();
    } catch (error) {
      this.#finish(error);
    }
  }

  /** Ends the writing direction, and waits for the client to end its own: closing at once could discard what it has not read yet. */
  async #endWriting(): Promise<void> {
    this.#state = State.LINGERING;
    try {
      await this.#duplex.closeWrite?.();
    } catch {
      // The client has gone already, and both close frames were exchanged.
      this.#finish();
    }
    if (this.#isReadEnded) this.#finish();
  }

  /** The client has ended its direction. What it is owed of the handshake is sent first. */
  #readEnded(): void {
    this.#isReadEnded = true;
    if (this.#end === null && this.#state === State.OPEN) {
      this.#end = abnormalEnd(undefined);
      void this.#endSending(() => {}); // a client that sends no close frame gets none
    } else if (this.#end === null || this.#state === State.LINGERING) {
      this.#finish();
    }
  }

  /** A deadline has passed. */
  #late(what: Lateness): void {
    if (what === "write") {
      this.#finish(cutOff("WRITE_TIMEOUT", "it takes nothing"));
    } else if (what === "close") {
      const isAwaited = this.#end === null;
      this.#finish(
        isAwaited
          ? cutOff("CLOSE_TIMEOUT", "it does not answer the close frame")
          : undefined,
      );
    } else if (this.#isPinged) {
      this.#finish(cutOff("IDLE_TIMEOUT", "it does not answer a ping"));
    } else {
      this.#isPinged = true;
      this.ping(new Uint8Array(0));
    }
  }

  /** Closes the connection and tells the sink; later calls change nothing. */
  #finish(cause?: unknown): void {
    if (this.#state === State.CLOSED) return;
    this.#state = State.CLOSED;
    this.#timer.stop();
    this.#sender.stop();
    this.#deflate?.close();
    try {
      this.#duplex.close();
    } catch {
      // A duplex of the program may be closed already.
    }
    this.#goOn();
    this.#sink.closed(this.#end ?? abnormalEnd(cause));
  }
}

/** Returns a duplex as one that can read with callbacks, if it can. */
function callbackDuplexOf(duplex: Duplex): CallbackDuplex | null {
  return "readThen" in duplex
    ? duplex as CallbackDuplex // only these have the method
    : null;
}

function abnormalEnd(cause: unknown): WebSocketClosed {
  const end = { code: ABNORMAL_CLOSURE, reason: "", wasClean: false };
  if (cause === undefined) return end;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  return { ...end, error };
}

function cutOff(code: WebSocketFaultCode, why: string): WebSocketFault {
  return new WebSocketFault(code, `Cannot keep the connection: ${why}`);
}
