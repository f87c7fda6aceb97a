/**
 * Several ranges of a file as the body of a response, in pieces of one buffer
 * that is used again for each. The response copies a piece, or sends it, before it
 * asks for the next. The file is closed at the end, after an error and when the
 * response is cut off.
 */

import type { FileSource } from "../server/file_body.ts";
import { shrunk } from "./open_file.ts";
import type { ByteRange } from "./ranges.ts";

/** Size of the buffer, in bytes. */
export const PIECE_BYTES = 65_536;

/** Ranges of a file, with bytes before, between and after them. */
export class FileParts
  implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  #file: FileSource;
  #parts: readonly (Uint8Array | ByteRange)[];
  #index = 0;
  /** How many bytes of the current range were read. */
  #offset = 0;
  #buffer: Uint8Array | null = null;
  #isReading = false;
  #isCancelled = false;

  /** Takes over a file, which the body closes. */
  constructor(file: FileSource, parts: readonly (Uint8Array | ByteRange)[]) {
    this.#file = file;
    this.#parts = parts;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  /** Returns the next piece, which is valid until the next call. */
  async next(): Promise<IteratorResult<Uint8Array>> {
    const part = this.#parts[this.#index];
    if (part === undefined || this.#isCancelled) return this.#end();
    if (part instanceof Uint8Array) {
      this.#index += 1;
      return { done: false, value: part };
    }
    const value = await this.#read(part);
    return value === null ? this.#end() : { done: false, value };
  }

  /** Closes the file, after a read that is still running. */
  return(): Promise<IteratorResult<Uint8Array>> {
    this.#isCancelled = true;
    if (!this.#isReading) this.#file.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  #end(): IteratorResult<Uint8Array> {
    this.#file.close();
    return { done: true, value: undefined };
  }

  async #read({ start, end }: ByteRange): Promise<Uint8Array | null> {
    const buffer = this.#buffer ??= new Uint8Array(PIECE_BYTES);
    const position = start + this.#offset;
    const wanted = buffer.subarray(0, end - position);
    this.#isReading = true;
    try {
      const count = await this.#file.read(wanted, position);
      if (this.#isCancelled) return null;
      if (count === 0) throw shrunk(position, end);
      this.#offset += count;
      if (position + count === end) {
        this.#index += 1;
        this.#offset = 0;
      }
      return buffer.subarray(0, count);
    } catch (error) {
      this.#file.close();
      throw error;
    } finally {
      this.#isReading = false;
    }
  }
}

/** Copies of the pieces of a file, since streams read ahead. Unlike a generator, it also cleans up if it is ended before the first piece. */
export class CopiedPieces
  implements
    AsyncIterable<Uint8Array<ArrayBuffer>>,
    AsyncIterator<Uint8Array<ArrayBuffer>> {
  #parts: FileParts;
  #onEnd: (() => void) | null;

  /** Takes over parts; `onEnd` is called once, when they are ended. */
  constructor(parts: FileParts, onEnd: (() => void) | null = null) {
    this.#parts = parts;
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>> {
    return this;
  }

  /** Returns the next piece. */
  async next(): Promise<IteratorResult<Uint8Array<ArrayBuffer>>> {
    try {
      const { done, value } = await this.#parts.next();
      if (done !== true) return { done: false, value: value.slice() };
      this.#end();
      return { done: true, value: undefined };
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** Ends the parts. */
  async return(): Promise<IteratorResult<Uint8Array<ArrayBuffer>>> {
    this.#end();
    await this.#parts.return();
    return { done: true, value: undefined };
  }

  #end(): void {
    this.#onEnd?.();
    this.#onEnd = null;
  }
}
