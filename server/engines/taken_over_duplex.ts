/**
 * The duplex for a handler that took over its connection. A read returns first
 * the bytes that the server had already received, then the result of the read
 * that was pending at that time, then the stream itself.
 */

import type { Addr } from "../../codec/socket_address.ts";
import type { CallbackDuplex, Duplex, PromptDuplex } from "../duplex.ts";

/** See the file's header. */
export class TakenOverDuplex implements Duplex {
  readonly localAddr?: Addr;
  readonly remoteAddr?: Addr;
  #duplex: Duplex;
  #onClose: () => void;
  /** Received bytes that come before the stream. */
  #rest: Uint8Array;
  /** The read that was pending; resolves with `null` at the end of the stream. */
  #pending: Promise<Uint8Array | null> | null;
  #isEnded = false;

  /**
   * Wraps a duplex.
   *
   * @param unread Bytes that the server received and did not use.
   * @param pending The read that is pending, if there is one; it resolves with `null` at the end of the stream.
   * @param onClose Closes the connection and runs its teardown hook.
   */
  constructor(
    duplex: Duplex,
    unread: Uint8Array,
    pending: Promise<Uint8Array | null> | null,
    onClose: () => void,
  ) {
    this.#duplex = duplex;
    this.#rest = unread;
    this.#pending = pending;
    this.#onClose = onClose;
    if (duplex.localAddr !== undefined) this.localAddr = duplex.localAddr;
    if (duplex.remoteAddr !== undefined) this.remoteAddr = duplex.remoteAddr;
  }

  /** Whether only the stream itself is left to read. */
  protected isStream(): boolean {
    return this.#rest.length === 0 && this.#pending === null && !this.#isEnded;
  }

  /** See {@linkcode Duplex.read}. */
  read(buffer: Uint8Array): Promise<number | null> {
    // Reading from the stream needs no further promise.
    return this.isStream()
      ? this.#duplex.read(buffer)
      : this.#readEarlier(buffer);
  }

  /** Reads what was received before the connection was taken over. */
  async #readEarlier(buffer: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0 && this.#pending !== null) {
      const pending = this.#pending;
      this.#pending = null;
      const bytes = await pending;
      if (bytes === null) this.#isEnded = true;
      else this.#rest = bytes;
    }
    if (this.#rest.length > 0) {
      const size = Math.min(this.#rest.length, buffer.length);
      buffer.set(this.#rest.subarray(0, size));
      this.#rest = this.#rest.subarray(size);
      return size;
    }
    return this.#isEnded ? null : await this.#duplex.read(buffer);
  }

  /** See {@linkcode Duplex.write}. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#duplex.write(bytes);
  }

  /** See {@linkcode Duplex.closeWrite}. */
  async closeWrite(): Promise<void> {
    await this.#duplex.closeWrite?.();
  }

  /** See {@linkcode Duplex.close}. */
  close(): void {
    this.#onClose();
  }

  /** See {@linkcode Duplex.setNoDelay}. */
  setNoDelay(noDelay?: boolean): void {
    this.#duplex.setNoDelay?.(noDelay);
  }

  /** See {@linkcode Duplex.setKeepAlive}. */
  setKeepAlive(keepAlive?: boolean): void {
    this.#duplex.setKeepAlive?.(keepAlive);
  }
}

/** What reads from a stream with callbacks; see {@linkcode CallbackDuplex.readThen}. */
type CallbackReader = Pick<CallbackDuplex, "readThen">;

/** A {@linkcode TakenOverDuplex} that can also read with callbacks. */
export class TakenOverCallbackDuplex extends TakenOverDuplex
  implements CallbackDuplex {
  #reader: CallbackReader;

  /**
   * Wraps a duplex; the further arguments are those of {@linkcode TakenOverDuplex}.
   *
   * @param reader Reads from the duplex.
   */
  constructor(
    reader: CallbackReader,
    ...args: ConstructorParameters<typeof TakenOverDuplex>
  ) {
    super(...args);
    this.#reader = reader;
  }

  /** See {@linkcode CallbackDuplex.readThen}. */
  readThen(
    buffer: Uint8Array,
    onRead: (size: number | null) => void,
    onFailed: (error: unknown) => void,
  ): void {
    if (this.isStream()) this.#reader.readThen(buffer, onRead, onFailed);
    else this.read(buffer).then(onRead, onFailed);
  }
}

/** A {@linkcode TakenOverCallbackDuplex} that can also write without promises. */
export class TakenOverPromptDuplex extends TakenOverCallbackDuplex
  implements PromptDuplex {
  #duplex: PromptDuplex;

  /** Wraps a duplex; the arguments are those of {@linkcode TakenOverDuplex}. */
  constructor(
    duplex: PromptDuplex,
    unread: Uint8Array,
    pending: Promise<Uint8Array | null> | null,
    onClose: () => void,
  ) {
    super(duplex, duplex, unread, pending, onClose);
    this.#duplex = duplex;
  }

  /** See {@linkcode PromptDuplex.writeNow}. */
  writeNow(bytes: Uint8Array, size: number): number {
    return this.#duplex.writeNow(bytes, size);
  }
}
