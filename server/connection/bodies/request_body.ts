/**
 * The body of a request that did not arrive completely with its head, or whose
 * length is not declared. Decodes pieces from the connection's input on
 * demand, and discards what the handler did not read, up to a limit (RFC 9112
 * §9.3). The connection sends `100 Continue` when a read has to wait (RFC 9110
 * §10.1.1), and decides when to drain.
 */

import { BodyDecoder } from "../../../codec/body_decoder.ts";
import { Headers } from "../../../codec/headers.ts";
import type { BodyLimits } from "../../../codec/limits.ts";
import { toError } from "../../to_error.ts";
import {
  type BodyOwner,
  drainedError,
  type ExchangeBody,
} from "./exchange_body.ts";

interface Waiter {
  readonly resolve: (piece: Uint8Array | null) => void;
  readonly reject: (reason: unknown) => void;
}

/** The most bytes of chunk framing that draining reads in addition to the payload. */
const DRAIN_FRAMING_BYTES = 16_384;

/** One request's body; see the file's header. */
export class RequestBody implements ExchangeBody {
  /** Why the body cannot be read to its end, or `null`. */
  fault: Error | null = null;
  #decoder: BodyDecoder;
  #owner: BodyOwner;
  #waiter: Waiter | null = null;
  #isCanceled = false;
  #isDrained = false;
  /** Whether the exchange is over, so that the input belongs to the next request. */
  #isOver = false;
  /** Bytes that draining consumed, and how many of them were payload. */
  #drained = 0;
  #drainedPayload = 0;

  /** Creates the body of a request whose head was just consumed. */
  constructor(owner: BodyOwner, length: number, limits: BodyLimits) {
    this.#owner = owner;
    this.#decoder = new BodyDecoder(length, limits);
  }

  /** Whether all of it was consumed. */
  get isDone(): boolean {
    return this.#decoder.done;
  }

  /** Bytes of payload that were consumed. */
  get receivedBytes(): number {
    return this.#decoder.receivedBytes;
  }

  /** See {@linkcode ExchangeBody.hasArrived}. */
  get hasArrived(): boolean {
    return false;
  }

  /** Whether a reader waits for bytes. */
  get isAwaited(): boolean {
    return this.#waiter !== null;
  }

  /** Whether no byte of the payload has arrived. */
  get isUntouched(): boolean {
    return this.#decoder.receivedBytes === 0 && this.#owner.input.length === 0;
  }

  /** See {@linkcode BodyFeed.remainingBytes}. */
  get remainingBytes(): number {
    return this.#decoder.remainingBytes;
  }

  /** The trailer section, once the body is done. */
  get trailers(): Headers | null {
    const section = this.#decoder.trailerSection;
    if (section === null) return null;
    return Headers.fromSection({ base: 0, ...section });
  }

  /** See {@linkcode BodyFeed.takeAll}. */
  takeAll(): Uint8Array<ArrayBuffer> | null {
    const decoder = this.#decoder;
    const { input } = this.#owner;
    const size = decoder.remainingBytes; // -1 if it is not declared
    if (
      size <= 0 || size > input.length || this.#isCanceled || this.#isOver ||
      this.#isDrained ||
      this.fault !== null
    ) return null; // `pull` waits, or has the reason
    const { bytes, start } = input;
    const all = bytes.slice(start, start + size);
    input.consume(decoder.decode(bytes, start, start + size));
    this.#owner.bodyProgressed();
    return all;
  }

  /** See {@linkcode BodyFeed.pull}. */
  pull(): Uint8Array | null | Promise<Uint8Array | null> {
    if (this.#waiter !== null) {
      throw new TypeError("Cannot read body: another read is pending");
    }
    const piece = this.#next();
    if (piece !== undefined) return piece;
    this.#owner.bodyAwaited();
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** See {@linkcode BodyFeed.cancel}. The connection drains the rest. */
  cancel(): void {
    this.#isCanceled = true;
    if (this.#isOver) return;
    this.#owner.input.unpin();
    this.#settle((waiter) => waiter.resolve(null));
    this.#owner.bodyProgressed();
  }

  /** See {@linkcode ExchangeBody.advance}. */
  advance(): void {
    if (this.#waiter === null) return;
    let piece: Uint8Array | null | undefined;
    try {
      piece = this.#next();
    } catch (error) {
      this.#settle((waiter) => waiter.reject(error)); // the reader gets the error
      return;
    }
    if (piece === undefined) return;
    this.#settle((waiter) => waiter.resolve(piece));
  }

  /** See {@linkcode ExchangeBody.keep}: nothing is left in the window. */
  keep(): void {}

  /** See {@linkcode ExchangeBody.giveBack}: the unread bytes are in the input. */
  giveBack(): void {
    this.detach();
  }

  /** See {@linkcode ExchangeBody.detach}. */
  detach(): void {
    this.#isOver = true;
    if (!this.isDone) this.#isDrained = true;
    this.#settle((waiter) => waiter.reject(drainedError()));
  }

  /** See {@linkcode ExchangeBody.fail}. */
  fail(error: Error): void {
    this.fault ??= error;
    this.#settle((waiter) => waiter.reject(this.fault));
  }

  /** See {@linkcode ExchangeBody.drain}. */
  drain(maxBytes: number): boolean | null {
    const decoder = this.#decoder;
    const { input } = this.#owner;
    const bound = maxBytes + DRAIN_FRAMING_BYTES;
    if (this.fault !== null) return null;
    this.#isDrained = true;
    this.#settle((waiter) => waiter.reject(drainedError()));
    input.unpin();
    try {
      while (!decoder.done && input.length > 0) {
        const used = decoder.decode(input.bytes, input.start, input.end);
        input.consume(used);
        this.#drained += used;
        this.#drainedPayload += decoder.pieceEnd - decoder.pieceStart;
        if (this.#drainedPayload > maxBytes || this.#drained > bound) {
          return null;
        }
      }
      if (this.#owner.isInputEnded) decoder.end();
    } catch (error) {
      // The response is complete. The connection closes, and the teardown hook gets the fault.
      this.fault = toError(error);
      return null;
    }
    if (decoder.done) return true;
    return decoder.remainingBytes > maxBytes ? null : false;
  }

  /** Returns the next piece, `null` at the end, or `undefined` if more bytes are needed. */
  #next(): Uint8Array | null | undefined {
    const decoder = this.#decoder;
    const { input } = this.#owner;
    if (!this.#isOver) input.unpin();
    if (this.fault !== null) throw this.fault;
    if (this.#isDrained) throw drainedError();
    if (this.#isCanceled || this.#isOver) return null;
    try {
      while (!decoder.done && input.length > 0) {
        const { bytes, start, end } = input;
        const used = decoder.decode(bytes, start, end);
        if (decoder.pieceEnd === decoder.pieceStart) {
          input.consume(used);
          continue;
        }
        input.pin();
        input.consume(used);
        const piece = bytes.subarray(decoder.pieceStart, decoder.pieceEnd);
        this.#owner.bodyProgressed();
        return piece;
      }
      if (this.#owner.isInputEnded) decoder.end();
    } catch (error) {
      this.fault = toError(error);
      throw error;
    }
    if (!decoder.done) return undefined;
    this.#owner.bodyProgressed();
    return null;
  }

  #settle(act: (waiter: Waiter) => void): void {
    const waiter = this.#waiter;
    if (waiter === null) return;
    this.#waiter = null;
    act(waiter);
  }
}
