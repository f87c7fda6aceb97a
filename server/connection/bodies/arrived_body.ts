/**
 * The body of a request that arrived completely in the same read as its head.
 * Its bytes stay in the receive window while the handler runs, since nothing is
 * received meanwhile. What the handler has not read when it returns is copied.
 *
 * perf: most short bodies are read before the handler returns or awaits anything
 * else. They need no buffer of their own and no decoder: 0.7 times the
 * instructions of a request (bench/machine_bench.ts, fetch-json-post, Deno 2.9).
 */

import { copyBytes } from "../../../codec/copy_bytes.ts";
import { decodeUtf8 } from "../../../codec/utf8.ts";
import {
  type BodyOwner,
  drainedError,
  type ExchangeBody,
} from "./exchange_body.ts";

const NO_BYTES = new Uint8Array(0);

/** What has happened to a body, as bits. */
const IS_KEPT = 1; // its bytes are not in the receive window
const IS_CANCELED = 2;
const IS_DRAINED = 4;
const IS_OVER = 8; // the exchange is over

/**
 * One request's body; see the file's header.
 *
 * perf: the fields are not private, and set in the constructor only: V8 then
 * inlines the constructor, 200 instructions less (bench/machine_bench.ts,
 * fetch-json-post, Deno 2.9).
 */
export class ArrivedBody implements ExchangeBody {
  /** Why the body cannot be read, or `null`. */
  declare fault: Error | null;
  declare readonly owner: BodyOwner;
  declare bytes: Uint8Array;
  /** Offset of the first byte that was not consumed. */
  declare start: number;
  declare end: number;
  declare readonly size: number;
  declare state: number;

  /** Creates the body that is in `bytes` from `start` to `end`. It must not be empty. */
  constructor(
    owner: BodyOwner,
    bytes: Uint8Array,
    start: number,
    end: number,
  ) {
    this.fault = null;
    this.owner = owner;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.size = end - start;
    this.state = 0;
  }

  /** Whether all of it was consumed. */
  get isDone(): boolean {
    return this.start === this.end;
  }

  /** See {@linkcode ReceivedBody.receivedBytes}. */
  get receivedBytes(): number {
    return this.size - this.end + this.start;
  }

  /** See {@linkcode ExchangeBody.hasArrived}. */
  get hasArrived(): boolean {
    return true;
  }

  /** See {@linkcode BodyFacts.isAwaited}: no read has to wait. */
  get isAwaited(): boolean {
    return false;
  }

  /** See {@linkcode BodyFacts.isUntouched}: all bytes have arrived. */
  get isUntouched(): boolean {
    return false;
  }

  /** See {@linkcode BodyFeed.remainingBytes}. */
  get remainingBytes(): number {
    return this.end - this.start;
  }

  /** See {@linkcode ReceivedBody.trailers}: only a chunked body has them. */
  get trailers(): null {
    return null;
  }

  /** See {@linkcode BodyFeed.takeAll}. */
  takeAll(): Uint8Array<ArrayBuffer> | null {
    if (!this.#isReadable()) return null; // `pull` throws the reason
    const all = copyBytes(this.bytes, this.start, this.end);
    this.#consume();
    return all;
  }

  /** See {@linkcode BodyFeed.takeText}. */
  takeText(): string | null {
    if (!this.#isReadable()) return null;
    const text = decodeUtf8(this.bytes, this.start, this.end);
    this.#consume();
    return text;
  }

  /** See {@linkcode BodyFeed.pull}. The only piece is the whole body. */
  pull(): Uint8Array | null {
    if (this.fault !== null) throw this.fault;
    if ((this.state & IS_DRAINED) !== 0) throw drainedError();
    if (!this.#isReadable()) return null;
    this.keep(); // the caller may use the piece until the next call
    const piece = this.bytes.subarray(this.start, this.end);
    this.#consume();
    return piece;
  }

  /** See {@linkcode BodyFeed.cancel}. */
  cancel(): void {
    this.state |= IS_CANCELED;
    if ((this.state & IS_OVER) === 0) this.owner.bodyProgressed();
  }

  /** See {@linkcode ExchangeBody.advance}: no read waits. */
  advance(): void {}

  /** See {@linkcode ExchangeBody.keep}. */
  keep(): void {
    if ((this.state & IS_KEPT) !== 0 || this.isDone) return;
    this.state |= IS_KEPT;
    const copy = copyBytes(this.bytes, this.start, this.end);
    this.bytes = copy;
    this.start = 0;
    this.end = copy.length;
  }

  /** See {@linkcode ExchangeBody.detach}. */
  detach(): void {
    this.state |= this.isDone
      ? IS_OVER | IS_KEPT
      : IS_OVER | IS_KEPT | IS_DRAINED;
    this.bytes = NO_BYTES;
  }

  /** See {@linkcode ExchangeBody.giveBack}. */
  giveBack(): void {
    const { input } = this.owner;
    const later = input.bytes.slice(input.start, input.end);
    input.clear();
    input.append(this.bytes, this.start, this.end);
    input.append(later, 0, later.length);
    this.detach();
  }

  /** See {@linkcode ExchangeBody.fail}. */
  fail(error: Error): void {
    this.fault ??= error;
  }

  /** See {@linkcode ExchangeBody.drain}. */
  drain(maxBytes: number): boolean | null {
    if (this.fault !== null) return null;
    this.state |= IS_DRAINED;
    const size = this.remainingBytes;
    this.start = this.end;
    return size > maxBytes ? null : true;
  }

  #isReadable(): boolean {
    return this.start < this.end && this.fault === null &&
      (this.state & (IS_CANCELED | IS_OVER | IS_DRAINED)) === 0;
  }

  #consume(): void {
    this.start = this.end;
    this.owner.bodyProgressed();
  }
}
