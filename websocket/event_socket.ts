/**
 * A WebSocket in the web's shape, for the server's side: events, `send()`,
 * `close()`, `readyState`, `binaryType` and `bufferedAmount`. It passes
 * `instanceof WebSocket`, but does not use the runtime's sockets.
 */

import type { Duplex } from "../server/duplex.ts";
import { bytesOf } from "./accepted_socket.ts";
import { isCloseCode } from "./codec/close_codes.ts";
import type {
  Connection,
  ConnectionSink,
  WebSocketClosed,
  WebSocketMessage,
} from "./connection.ts";

/** What `send()` of the web's WebSocket takes. */
type SendData = string | ArrayBuffer | ArrayBufferView | Blob;

type Listener = (event: Event) => unknown;

/** What a socket gets when its connection is there. */
export interface EventSocketInit {
  readonly url: string;
  readonly protocol: string;
  readonly extensions: string;
}

const MAX_REASON_BYTES = 123;

const encoder = new TextEncoder();

/** See the file's header. */
export class EventSocket extends EventTarget implements ConnectionSink {
  readonly url: string;
  readonly protocol: string;
  readonly extensions: string;
  #binaryType: BinaryType = "blob";
  #connection: Connection | null = null;
  #isClosing = false;
  #isClosed = false;
  #handlers: Map<string, Listener> = new Map();
  /** Blobs that are being read, and what was sent after them. */
  #reading: Promise<void> | null = null;
  #readingBytes = 0;

  /** Creates a socket that is connecting. */
  constructor({ url, protocol, extensions }: EventSocketInit) {
    super();
    this.url = url;
    this.protocol = protocol;
    this.extensions = extensions;
  }

  get readyState(): number {
    if (this.#isClosed) return WebSocket.CLOSED;
    if (this.#isClosing) return WebSocket.CLOSING;
    if (this.#connection === null) return WebSocket.CONNECTING;
    return this.#connection.isOpen ? WebSocket.OPEN : WebSocket.CLOSING;
  }

  /** Bytes that wait to be sent; unlike in browsers, the heads of frames count. */
  get bufferedAmount(): number {
    return this.#readingBytes + (this.#connection?.bufferedBytes ?? 0);
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  /** As on the web, other values are ignored. */
  set binaryType(type: BinaryType) {
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  get onopen(): Listener | null {
    return this.#handlers.get("open") ?? null;
  }

  set onopen(listener: Listener | null) {
    this.#setHandler("open", listener);
  }

  get onmessage(): Listener | null {
    return this.#handlers.get("message") ?? null;
  }

  set onmessage(listener: Listener | null) {
    this.#setHandler("message", listener);
  }

  get onerror(): Listener | null {
    return this.#handlers.get("error") ?? null;
  }

  set onerror(listener: Listener | null) {
    this.#setHandler("error", listener);
  }

  get onclose(): Listener | null {
    return this.#handlers.get("close") ?? null;
  }

  set onclose(listener: Listener | null) {
    this.#setHandler("close", listener);
  }

  /** Sends a message. Blobs are read first; what is sent after them waits. */
  send(data: SendData): void {
    if (this.readyState === WebSocket.CONNECTING) {
      throw new DOMException(
        "Cannot send: the socket is connecting",
        "InvalidStateError",
      );
    }
    if (data instanceof Blob) {
      this.#sendLater(data.size, () => data.bytes());
    } else if (this.#reading === null) {
      this.#connection?.send(toMessage(data));
    } else {
      const given = toMessage(data);
      const message = typeof given === "string" ? given : given.slice();
      this.#sendLater(message.length, () => message);
    }
  }

  /**
   * Begins the closing handshake, after everything that was sent.
   *
   * @throws {DOMException} `InvalidAccessError` for another code than a close frame
   * may carry, `SyntaxError` if the reason has more than 123 bytes.
   */
  close(code?: number, reason = ""): void {
    if (code !== undefined && !isCloseCode(code)) {
      throw new DOMException(
        `Cannot close with code ${code}: not a close code`,
        "InvalidAccessError",
      );
    }
    const size = encoder.encode(reason).length;
    if (size > MAX_REASON_BYTES) {
      throw new DOMException(
        `Cannot close with a reason of ${size} bytes: at most ${MAX_REASON_BYTES}`,
        "SyntaxError",
      );
    }
    if (this.readyState >= WebSocket.CLOSING) return;
    this.#isClosing = true;
    const close = (): void => {
      const known = code ?? (reason === "" ? null : 1000);
      this.#connection?.close(known, reason);
    };
    if (this.#reading === null) close();
    else this.#reading = this.#reading.then(close);
  }

  /** Waits for the connection, opens and starts to read. */
  async open(
    duplex: Promise<Duplex>,
    connect: (duplex: Duplex, sink: ConnectionSink) => Promise<Connection>,
  ): Promise<void> {
    try {
      const connection = await connect(await duplex, this);
      this.#connection = connection;
      if (this.#isClosing) {
        connection.terminate(); // closed before it was open
        return;
      }
      this.dispatchEvent(new Event("open"));
      connection.start();
    } catch (error) {
      this.closed({
        code: 1006,
        reason: "",
        wasClean: false,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }

  /** See {@linkcode ConnectionSink.receive}. */
  receive(message: WebSocketMessage): void {
    const data = typeof message === "string"
      ? message
      : this.#binaryType === "blob"
      ? new Blob([message])
      : message.buffer;
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** See {@linkcode ConnectionSink.closed}. */
  closed({ code, reason, wasClean, error }: WebSocketClosed): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (error !== undefined) {
      this.dispatchEvent(errorEvent(error));
    }
    this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
  }

  #sendLater(
    size: number,
    read: () => string | Uint8Array | Promise<Uint8Array>,
  ): void {
    this.#readingBytes += size;
    const before = this.#reading ?? Promise.resolve();
    const current = before.then(read).then((message) => {
      this.#connection?.send(message);
    }, () => {
      // The file of a blob has changed: the message cannot be sent, and leaving it out would hide that.
      this.#connection?.terminate();
    }).then(() => {
      this.#readingBytes -= size;
      if (this.#reading === current) this.#reading = null;
    });
    this.#reading = current;
  }

  #setHandler(type: string, listener: Listener | null): void {
    if (typeof listener !== "function") {
      this.#handlers.delete(type);
      return;
    }
    const isFirst = !this.#handlers.has(type);
    this.#handlers.set(type, listener);
    if (isFirst) this.addEventListener(type, this.#callHandler);
  }

  readonly #callHandler = (event: Event): void => {
    this.#handlers.get(event.type)?.call(this, event);
  };
}

// `instanceof WebSocket` and the constants of the interface.
Object.setPrototypeOf(EventSocket.prototype, WebSocket.prototype);

function toMessage(data: unknown): string | Uint8Array {
  if (typeof data === "string") return data;
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data)
    ? bytesOf(data)
    : String(data); // as the web does
}

/** Makes the event of an error; Node.js 24 has no class for it. */
function errorEvent(error: Error): Event {
  const { message } = error;
  return typeof ErrorEvent === "undefined"
    ? Object.assign(new Event("error"), { error, message })
    : new ErrorEvent("error", { error, message });
}
