/** A response's body that was received completely together with its head. */

import type { BodyFeed } from "../codec/body_reader.ts";
import { toClientError } from "./errors.ts";

/** A body whose bytes no longer belong to a connection. */
export class ReceivedBody implements BodyFeed {
  #bytes: Uint8Array<ArrayBuffer> | null;
  #isCancelled = false;

  /** Takes ownership of the bytes. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  /** See {@linkcode BodyFeed.convertError}. */
  get convertError(): (error: unknown) => unknown {
    return toClientError;
  }

  /** See {@linkcode BodyFeed.remainingBytes}. */
  get remainingBytes(): number {
    return this.#bytes?.length ?? 0;
  }

  /** See {@linkcode BodyFeed.takeAll}. */
  takeAll(): Uint8Array<ArrayBuffer> {
    if (this.#isCancelled) throw closedError();
    const bytes = this.#bytes ?? new Uint8Array(0);
    this.#bytes = null;
    return bytes;
  }

  /** See {@linkcode BodyFeed.pull}. */
  pull(): Uint8Array | null {
    if (this.#isCancelled) throw closedError();
    const bytes = this.#bytes;
    this.#bytes = null;
    return bytes === null || bytes.length === 0 ? null : bytes;
  }

  /** See {@linkcode BodyFeed.cancel}. */
  cancel(): void {
    this.#isCancelled = this.#bytes !== null && this.#bytes.length > 0;
  }
}

/** The error of a body whose response was closed before it was read. */
export function closedError(): TypeError {
  return new TypeError("Cannot read body: the response was closed");
}
