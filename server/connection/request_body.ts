/**
 * A request's body between the connection's input and whoever reads it: gives
 * pieces on demand, says `100 Continue` when the first one is awaited
 * (RFC 9110 §10.1.1), and drops a bounded rest that nobody wanted
 * (RFC 9112 §9.3).
 */

import { BodyDecoder } from "../../codec/body_decoder.ts";
import type { BodyFeed } from "../../codec/body_reader.ts";
import { Headers } from "../../codec/headers.ts";
import type { BodyLimits } from "../../codec/limits.ts";
import type { ReceiveBuffer } from "../../codec/receive_buffer.ts";
import { toError } from "../to_error.ts";

/** What a body asks of its connection. */
export interface BodyOwner {
  /** Received octets that are not consumed. */
  readonly input: ReceiveBuffer;
  /** Whether the peer will send nothing more. */
  readonly isInputEnded: boolean;
  /** The reader waits for octets. */
  bodyAwaited(): void;
  /** Octets were taken out of the input, the last one perhaps. */
  bodyProgressed(): void;
}

interface Waiter {
  readonly resolve: (piece: Uint8Array | null) => void;
  readonly reject: (reason: unknown) => void;
}

/** Octets of framing that a drained body may have beside its payload. */
const DRAIN_FRAMING_BYTES = 16_384;

/** One request's body; see the file's header. */
export class RequestBody implements BodyFeed {
  /** What broke the body, once something did. */
  fault: Error | null = null;
  #decoder: BodyDecoder;
  #owner: BodyOwner;
  #waiter: Waiter | null = null;
  #isCanceled = false;
  #isDrained = false;
  /** Whether the input belongs to the next request. */
  #isOver = false;
  /** Octets that were dropped, and those of payload among them. */
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

  /** Octets of payload that were consumed. */
  get receivedBytes(): number {
    return this.#decoder.receivedBytes;
  }

  /** Whether a reader waits for octets. */
  get isAwaited(): boolean {
    return this.#waiter !== null;
  }

  /** Whether no octet of payload was consumed or lies in the input. */
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

  /** See {@linkcode BodyFeed.cancel}: the rest is the connection's to drain. */
  cancel(): void {
    this.#isCanceled = true;
    if (this.#isOver) return;
    this.#owner.input.unpin();
    this.#settle((waiter) => waiter.resolve(null));
    this.#owner.bodyProgressed();
  }

  /** Octets arrived, or the peer ended. */
  advance(): void {
    if (this.#waiter === null) return;
    let piece: Uint8Array | null | undefined;
    try {
      piece = this.#next();
    } catch (error) {
      this.#settle((waiter) => waiter.reject(error)); // it was waiting for this
      return;
    }
    if (piece === undefined) return;
    this.#settle((waiter) => waiter.resolve(piece));
  }

  /** The exchange is over: a reader that outlives it must not touch the input. */
  detach(): void {
    this.#isOver = true;
    if (!this.isDone) this.#isDrained = true;
    this.#settle((waiter) => waiter.reject(drainedError()));
  }

  /** Breaks the body: the waiting read and all further ones reject. */
  fail(error: Error): void {
    this.fault ??= error;
    this.#settle((waiter) => waiter.reject(this.fault));
  }

  /**
   * Drops octets of a body that nobody reads.
   *
   * @param maxBytes How many octets of payload may be dropped in all.
   * @returns `true` when the body is done, `false` when more octets are
   * needed, `null` when it is not worth it: too long, broken or cut.
   */
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
      // The response stands; its connection closes, and teardown is told why.
      this.fault = toError(error);
      return null;
    }
    if (decoder.done) return true;
    return decoder.remainingBytes > maxBytes ? null : false;
  }

  /** The next piece, `null` at the end, `undefined` if octets are needed. */
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

/** A reader that outlives its exchange must not take a part for the whole. */
function drainedError(): TypeError {
  return new TypeError(
    "Cannot read body after the exchange: read it before the handler's promise settles",
  );
}
