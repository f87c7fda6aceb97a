/** A WebSocket as the program of a server uses it: an iterator of messages, and methods to send. */

import { typeName } from "../codec/shown.ts";
import { isCloseCode } from "./codec/close_codes.ts";
import type {
  Connection,
  ConnectionSink,
  WebSocketClosed,
  WebSocketMessage,
} from "./connection.ts";

/** Data of a binary message; only the bytes of a view are sent. */
export type WebSocketData = string | ArrayBuffer | ArrayBufferView;

const encoder = new TextEncoder();

/** The largest payload of a ping, and of a close frame without its code, in bytes (RFC 6455 §5.5). */
const MAX_PING_BYTES = 125;
const MAX_REASON_BYTES = 123;

/** Ends a call of `next()`. */
type Taker = (result: IteratorResult<WebSocketMessage, undefined>) => void;

/** Keeps one message until the program takes it, and makes the connection pause meanwhile. */
export class MessageQueue implements ConnectionSink {
  /** The connection; set before it starts. */
  connection: Connection | null = null;
  readonly closedHow: PromiseWithResolvers<WebSocketClosed> = Promise
    .withResolvers();
  #message: WebSocketMessage | null = null;
  #isClosed = false;
  /** The call of `next()` that waits for a message, and further ones in order. */
  #taker: Taker | null = null;
  #laterTakers: Taker[] = [];
  readonly #addTaker = (taker: Taker): void => {
    if (this.#taker === null) this.#taker = taker;
    else this.#laterTakers.push(taker);
  };

  /** See {@linkcode ConnectionSink.receive}. */
  receive(message: WebSocketMessage): void {
    const taker = this.#taker;
    if (taker === null) {
      this.#message = message;
      this.connection?.hold();
      return;
    }
    const later = this.#laterTakers;
    this.#taker = later.length === 0 ? null : later.shift()!; // there is one
    taker({ done: false, value: message });
  }

  /** See {@linkcode ConnectionSink.closed}. A message that was not taken stays. */
  closed(how: WebSocketClosed): void {
    this.#isClosed = true;
    this.#taker?.({ done: true, value: undefined });
    this.#taker = null;
    for (const taker of this.#laterTakers.splice(0)) {
      taker({ done: true, value: undefined });
    }
    this.closedHow.resolve(how);
  }

  /** Takes the next message. */
  next(): Promise<IteratorResult<WebSocketMessage, undefined>> {
    const value = this.#message;
    if (value !== null) {
      this.#message = null;
      this.connection?.resume();
      return Promise.resolve({ done: false, value });
    }
    if (this.#isClosed) {
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise(this.#addTaker);
  }
}

/**
 * A WebSocket that {@linkcode acceptWebSocket} opened.
 *
 * `for await` gives its messages and ends when the client closes or is lost;
 * {@linkcode AcceptedWebSocket.closed} tells how. While the program does not take
 * messages, at most one of them and one read are kept and the connection is not
 * read further; pings are not answered then. Leaving the loop does not close the
 * socket.
 */
export interface AcceptedWebSocket extends AsyncIterable<WebSocketMessage> {
  /** The subprotocol that was chosen, or `""`. */
  readonly protocol: string;

  /** Resolves with how the WebSocket ended, once its connection is closed; never rejects. */
  readonly closed: Promise<WebSocketClosed>;

  /** Whether messages can be sent: neither side has begun to close. */
  readonly isOpen: boolean;

  /** Bytes that wait to be sent, heads of frames included. */
  readonly bufferedAmount: number;

  /**
   * Sends a message: a string as text, anything else as a binary message. The
   * data is copied. On a closed socket nothing is sent.
   *
   * If more than `maxBufferedBytes` wait then, the client is cut off. A program
   * that sends much awaits {@linkcode AcceptedWebSocket.drained} between messages.
   *
   * @throws {TypeError} If the data is neither a string nor bytes.
   */
  send(data: WebSocketData): void;

  /** Resolves when no bytes wait to be sent any more, or the socket is closed. */
  drained(): Promise<void>;

  /**
   * Sends a ping. An idle client gets one by itself, see `idleTimeout`.
   *
   * @param payload What the client sends back; no bytes if it is missing.
   * @throws {TypeError} If the payload is not a `Uint8Array`.
   * @throws {RangeError} If the payload has more than 125 bytes.
   */
  ping(payload?: Uint8Array): void;

  /**
   * Sends a close frame after everything that waits to be sent, and waits up to
   * `closeTimeout` for the client's. Messages that arrive meanwhile are dropped.
   * The second call does nothing.
   *
   * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999; 1000 if it is missing.
   * @param reason At most 123 bytes of UTF-8; `""` if it is missing.
   * @throws {RangeError} If the code or the length is any other.
   */
  close(code?: number, reason?: string): void;

  /** Closes the connection without a closing handshake, and drops what was not sent. */
  terminate(): void;

  /** Iterates over the messages. Several iterators share them. */
  [Symbol.asyncIterator](): AsyncIterator<WebSocketMessage, undefined>;
}

/** The implementation of {@linkcode AcceptedWebSocket}. */
export class IteratedSocket implements AcceptedWebSocket {
  readonly protocol: string;
  readonly closed: Promise<WebSocketClosed>;
  #connection: Connection;
  #messages: MessageQueue;

  /** Joins a connection and the queue that it fills. */
  constructor(
    connection: Connection,
    messages: MessageQueue,
    protocol: string,
  ) {
    this.#connection = connection;
    this.#messages = messages;
    this.protocol = protocol;
    this.closed = messages.closedHow.promise;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  get bufferedAmount(): number {
    return this.#connection.bufferedBytes;
  }

  send(data: WebSocketData): void {
    this.#connection.send(typeof data === "string" ? data : bytesOf(data));
  }

  drained(): Promise<void> {
    return this.#connection.drained();
  }

  ping(payload: Uint8Array = new Uint8Array(0)): void {
    if (!(payload instanceof Uint8Array)) {
      throw new TypeError("Cannot send ping: its payload must be a Uint8Array");
    }
    if (payload.length > MAX_PING_BYTES) {
      throw new RangeError(
        `Cannot send ping of ${payload.length} bytes: at most ${MAX_PING_BYTES}`,
      );
    }
    this.#connection.ping(payload);
  }

  close(code = 1000, reason = ""): void {
    if (!isCloseCode(code)) {
      throw new RangeError(`Cannot close with code ${code}: not a close code`);
    }
    const size = encoder.encode(reason).length;
    if (size > MAX_REASON_BYTES) {
      throw new RangeError(
        `Cannot close with a reason of ${size} bytes: at most ${MAX_REASON_BYTES}`,
      );
    }
    this.#connection.close(code, reason);
  }

  terminate(): void {
    this.#connection.terminate();
  }

  [Symbol.asyncIterator](): AsyncIterator<WebSocketMessage, undefined> {
    return { next: () => this.#messages.next() };
  }
}

/**
 * The bytes of an `ArrayBuffer`, or of the window that a view shows of one.
 *
 * @throws {TypeError} If the value has no bytes. `new Uint8Array()` would make an
 * empty array of it, or zeros.
 */
export function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const value: unknown = data; // programs without types pass anything
  if (
    value instanceof ArrayBuffer || value instanceof SharedArrayBuffer
  ) {
    return new Uint8Array(value);
  }
  throw new TypeError(
    `Cannot send a value of type ${
      typeName(value)
    }: neither a string nor bytes; convert an object with JSON.stringify(), a blob with its bytes()`,
  );
}
