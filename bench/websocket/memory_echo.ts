/**
 * A WebSocket in memory whose program echoes. Its client sends the next message
 * only after the echo of the previous one, so that each message is read, answered
 * and written alone.
 */

import type { Duplex, PromptDuplex } from "../../server/duplex.ts";
import {
  IteratedSocket,
  MessageQueue,
} from "../../websocket/accepted_socket.ts";
import { systemClock } from "../../websocket/clock.ts";
import { encodeFrame, Opcode } from "../../websocket/codec/frame_encoder.ts";
import { Connection, type ConnectionSink } from "../../websocket/connection.ts";
import { EventSocket } from "../../websocket/event_socket.ts";
import { resolveWebSocketOptions } from "../../websocket/options.ts";

/** One echo to measure. */
export interface EchoCase {
  readonly name: string;
  /** The size of a message, in bytes. */
  readonly sizeBytes: number;
  /** How the program gets messages. */
  readonly way: "accept" | "upgrade";
  /** Whether the connection can read and write without promises, as on the epoll engine. */
  readonly isPrompt: boolean;
  /** Whether messages are binary. */
  readonly isBinary: boolean;
}

/** All cases; longer messages would run for hours under valgrind. */
export const ECHO_CASES: readonly EchoCase[] = [16, 1024].flatMap((sizeBytes) =>
  (["accept", "upgrade"] as const).flatMap((way) =>
    [true, false].flatMap((isPrompt) =>
      [false, true].map((isBinary) => ({
        name: `websocket-${way}-${sizeBytes}${isPrompt ? "-prompt" : ""}${
          isBinary ? "-binary" : ""
        }`,
        sizeBytes,
        way,
        isPrompt,
        isBinary,
      }))
    )
  )
);

/** The client: it sends the same message until it has sent enough. */
class MemoryClient implements Duplex {
  readonly #frame: Uint8Array;
  /** How many bytes of the current message were sent. */
  #sentBytes = 0;
  #rest = 0;
  #echoBytes = 0;
  protected reading:
    | { buffer: Uint8Array; resolve: (size: number) => void }
    | null = null;
  #finish: () => void = () => {};

  constructor({ sizeBytes, isBinary }: EchoCase) {
    this.#frame = encodeFrame({
      opcode: isBinary ? Opcode.BINARY : Opcode.TEXT,
      payload: new Uint8Array(sizeBytes).fill(0x61),
      mask: Uint8Array.of(0x37, 0xfa, 0x21, 0x3d),
    });
  }

  /** Sends messages, and resolves when it has all echoes. */
  run(messages: number): Promise<void> {
    this.#rest = messages;
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#send();
    });
  }

  read(buffer: Uint8Array): Promise<number> {
    return new Promise((resolve) => {
      this.reading = { buffer, resolve };
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(this.take(bytes.length));
  }

  /** Takes bytes of echoes. */
  protected take(size: number): number {
    this.#echoBytes += size;
    if (this.#echoBytes === this.#frame.length - 4) { // without a mask
      this.#echoBytes = 0;
      if (--this.#rest === 0) this.#finish();
      else queueMicrotask(this.#sendNext);
    }
    return size;
  }

  close(): void {}

  readonly #sendNext = (): void => this.#send();

  #send(): void {
    const reading = this.reading;
    if (reading === null) return queueMicrotask(this.#sendNext);
    this.reading = null;
    const start = this.#sentBytes;
    const end = Math.min(this.#frame.length, start + reading.buffer.length);
    const isWhole = end - start === this.#frame.length;
    const piece = isWhole ? this.#frame : this.#frame.subarray(start, end);
    reading.buffer.set(piece);
    this.#sentBytes = end < this.#frame.length ? end : 0;
    if (this.#sentBytes > 0) queueMicrotask(this.#sendNext);
    reading.resolve(piece.length);
  }
}

/** A client on a connection that can read and write without promises. */
class PromptClient extends MemoryClient implements PromptDuplex {
  readThen(buffer: Uint8Array, onRead: (size: number) => void): void {
    this.reading = { buffer, resolve: onRead };
  }

  writeNow(_: Uint8Array, size: number): number {
    return this.take(size);
  }
}

/** One echo that runs. */
export class MemoryEcho {
  #client: MemoryClient;

  /** Opens the WebSocket. */
  constructor(echo: EchoCase) {
    const Client = echo.isPrompt ? PromptClient : MemoryClient;
    this.#client = new Client(echo);
    if (echo.way === "accept") this.#accept();
    else this.#upgrade();
  }

  /** Echoes so many messages. */
  run(messages: number): Promise<void> {
    return this.#client.run(messages);
  }

  #connect(sink: ConnectionSink): Connection {
    return new Connection({
      duplex: this.#client,
      settings: resolveWebSocketOptions({ idleTimeout: Infinity }),
      deflate: null,
      clock: systemClock,
      sink,
    });
  }

  async #accept(): Promise<void> {
    const messages = new MessageQueue();
    const connection = this.#connect(messages);
    messages.connection = connection;
    connection.start();
    const socket = new IteratedSocket(connection, messages, "");
    for await (const message of socket) socket.send(message);
  }

  #upgrade(): void {
    const socket = new EventSocket({
      url: "ws://a/",
      protocol: "",
      extensions: "",
    });
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event): void =>
      socket.send((event as MessageEvent).data);
    void socket.open(
      Promise.resolve(this.#client),
      (_, sink) => Promise.resolve(this.#connect(sink)),
    );
  }
}
