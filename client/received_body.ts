/** A response's body that was received completely together with its head. */

import type { BodyFeed } from "../codec/body_reader.ts";
import { toClientError } from "./errors.ts";

/** Copying fewer bytes one by one takes less time than `slice()`. */
const SHORT_BYTES = 64;

/** A body whose bytes no connection overwrites. */
export class ReceivedBody implements BodyFeed {
  #bytes: Uint8Array<ArrayBuffer>;
  #start: number;
  #end: number;
  #isCancelled = false;

  /** The body is in `bytes` from `start` to `end`. */
  constructor(bytes: Uint8Array<ArrayBuffer>, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** See {@linkcode BodyFeed.convertError}. */
  get convertError(): (error: unknown) => unknown {
    return toClientError;
  }

  /** See {@linkcode BodyFeed.remainingBytes}. */
  get remainingBytes(): number {
    return this.#end - this.#start;
  }

  /** See {@linkcode BodyFeed.takeAll}. */
  takeAll(): Uint8Array<ArrayBuffer> {
    if (this.#isCancelled) throw closedError();
    const bytes = this.#bytes;
    const start = this.#start;
    const size = this.#end - start;
    this.#start = this.#end;
    if (size === bytes.length) return bytes; // `takeBody()` in `respond.ts` has copied it
    if (size > SHORT_BYTES) return bytes.slice(start, start + size);
    const copy = new Uint8Array(size);
    for (let at = 0; at < size; at++) copy[at] = bytes[start + at]!; // in range: the body is there
    return copy;
  }

  /** See {@linkcode BodyFeed.pull}. */
  pull(): Uint8Array | null {
    if (this.#isCancelled) throw closedError();
    const start = this.#start;
    this.#start = this.#end;
    return start === this.#end ? null : this.#bytes.subarray(start, this.#end);
  }

  /** See {@linkcode BodyFeed.cancel}. */
  cancel(): void {
    this.#isCancelled = this.#start < this.#end;
  }
}

/** The error of a body whose response was closed before it was read. */
export function closedError(): TypeError {
  return new TypeError("Cannot read body: the response was closed");
}
