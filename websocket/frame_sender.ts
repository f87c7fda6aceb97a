/**
 * Sends the frames of one WebSocket: without promises if the connection can,
 * otherwise with one write at a time. The connection decides what is sent, and
 * when.
 */

import type { Duplex, PromptDuplex } from "../server/duplex.ts";
import type { ConnectionTimer } from "./connection_timer.ts";
import { FrameOutput } from "./frame_output.ts";

/** What a sender needs of its connection; no call may throw. */
export interface SenderInit {
  readonly duplex: Duplex;
  readonly timer: ConnectionTimer;
  /** Bytes were sent by a write with a promise, so that there is room for more. */
  readonly onProgress: () => void;
  /** A write with a promise has ended, and everything is sent. */
  readonly onSent: () => void;
  readonly onFailed: (error: unknown) => void;
}

const NO_BYTES = new Uint8Array(0);

/** Returns a duplex as one that can write without promises, if it can. */
function promptDuplexOf(duplex: Duplex): PromptDuplex | null {
  return "writeNow" in duplex
    ? duplex as PromptDuplex // only these have the method
    : null;
}

/** See the file's header. */
export class FrameSender {
  /** The frames that wait to be sent. */
  readonly output: FrameOutput = new FrameOutput();
  /** Whether a write with a promise is in progress. */
  isBusy = false;
  #init: SenderInit;
  #prompt: PromptDuplex | null;
  /** The bytes of the write that is in progress. */
  #sending: Uint8Array = NO_BYTES;
  /** Resolves when everything is sent. */
  #drained: PromiseWithResolvers<void> | null = null;
  #isStopped = false;
  readonly #onWritten = (size: number): void => this.#written(size);

  /** Creates the sender of a connection. */
  constructor(init: SenderInit) {
    this.#init = init;
    this.#prompt = promptDuplexOf(init.duplex);
  }

  /** Sends what was added, unless a write is in progress. Returns whether everything is sent. */
  flush(): boolean {
    if (this.isBusy) return false;
    if (this.output.pendingBytes === 0) return true;
    if (this.#prompt !== null) return this.#writeNow(this.#prompt);
    this.#write(this.output.takeView()!); // there is output
    return false;
  }

  /** Resolves when everything is sent, or never will be. */
  drained(): Promise<void> {
    if (this.output.pendingBytes === 0) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Drops what is not sent. */
  stop(): void {
    this.#isStopped = true;
    this.output.clear();
    this.#resolveDrained();
  }

  /**
   * Writes as far as the system has room; what is left waits for it. Returns
   * whether everything is sent.
   *
   * perf: 0.86 times the instructions of an echo with a promise for each write
   * (bench/machine_count.ts, Deno 2.9).
   */
  #writeNow(duplex: PromptDuplex): boolean {
    const { output } = this;
    try {
      for (let chunk = output.take(); chunk !== null; chunk = output.take()) {
        const size = output.takenBytes;
        const sent = duplex.writeNow(chunk, size);
        output.sent(sent);
        if (sent < size) {
          this.#write(chunk.subarray(sent, size));
          return false;
        }
      }
    } catch (error) {
      this.#init.onFailed(error);
      return false;
    }
    this.#resolveDrained();
    return true;
  }

  /** perf: callbacks that are created once; an async loop needs two more promises for each message (bench/websocket.ts). */
  #write(bytes: Uint8Array): void {
    const { duplex, timer, onFailed } = this.#init;
    this.isBusy = true;
    this.#sending = bytes;
    timer.writing();
    try {
      duplex.write(bytes).then(this.#onWritten, onFailed);
    } catch (error) {
      onFailed(error); // a duplex of the program may throw
    }
  }

  #written(size: number): void {
    if (this.#isStopped) return;
    const sending = this.#sending;
    this.output.sent(size);
    this.#init.onProgress();
    const rest = size < sending.length
      ? sending.subarray(size)
      : this.output.takeView();
    if (this.#isStopped) return; // by `onProgress`
    if (rest !== null) return this.#write(rest);
    this.isBusy = false;
    this.#sending = NO_BYTES;
    this.#init.timer.written();
    this.#resolveDrained();
    this.#init.onSent();
  }

  #resolveDrained(): void {
    this.#drained?.resolve();
    this.#drained = null;
  }
}
