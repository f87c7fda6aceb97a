/**
 * Writes one request: first its head, then its body piece by piece. Waits for
 * `100 Continue` if the request asks for it (RFC 9110 §10.1.1), and can be
 * stopped when the response arrives first (RFC 9112 §9.5).
 */

import type { ClientConn } from "./client_conn.ts";
import {
  chunkSizeLineBytes,
  CRLF,
  LAST_CHUNK,
  writeChunkSize,
} from "../codec/chunked.ts";
import { CHUNKED } from "../codec/framing.ts";
import type { Clock } from "./clock.ts";
import type { PreparedRequest } from "./request.ts";

/** What a sender needs from a connection. */
export type WritableConn = Pick<ClientConn, "write">;

/** What a sender reports. */
export interface SenderEvents {
  /** Bytes were written. */
  progressed(): void;
  /** The whole request was written. */
  sent(): void;
  /** A write or the body failed. */
  sendFailed(sender: RequestSender, error: unknown): void;
}

/** Sends one request. */
export class RequestSender {
  /** Whether the whole request was written. */
  isFinished = false;
  /** Whether a write has not ended. */
  isWriting = false;
  /** The error of the request's body, if it failed. */
  bodyFailure: unknown = null;
  #conn: WritableConn;
  #request: PreparedRequest;
  #isStopped = false;
  #events: SenderEvents;
  #proceed: (() => void) | null = null;

  /**
   * Creates a sender. It writes nothing before {@linkcode RequestSender.send}
   * is called.
   */
  constructor(
    conn: WritableConn,
    request: PreparedRequest,
    events: SenderEvents,
  ) {
    this.#conn = conn;
    this.#request = request;
    this.#events = events;
  }

  /**
   * Writes the request. The promise never rejects; failures are events.
   *
   * @param clock Measures `continueTimeoutMs`.
   * @param continueTimeoutMs Time to wait for `100 Continue` if the request expects it.
   */
  send(clock: Clock, continueTimeoutMs: number): Promise<void> {
    const { first, rest, source } = this.#request;
    if (rest !== null || source !== null) {
      return this.#sendParts(clock, continueTimeoutMs);
    }
    const finish = (size: number): void | Promise<void> =>
      size === first.length
        ? this.#finish()
        : this.#finishFirst(first.subarray(size));
    return this.#conn.write(first).then(finish, this.#fail);
  }

  /** Writes the rest of a request that is a single write. */
  async #finishFirst(rest: Uint8Array): Promise<void> {
    try {
      if (await this.#write(rest)) this.#finish();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #sendParts(clock: Clock, continueTimeoutMs: number): Promise<void> {
    const { first, rest, expectsContinue } = this.#request;
    try {
      if (!await this.#write(first)) return;
      if (expectsContinue) {
        await this.#awaitContinue(clock, continueTimeoutMs);
        if (this.#isStopped) return;
      }
      const isSent = rest === null
        ? await this.#sendSource()
        : await this.#write(rest);
      if (isSent) this.#finish();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends the body now: `100 Continue` arrived. */
  proceed(): void {
    this.#proceed?.();
  }

  /** Stops writing, and cancels the body. */
  stop(): void {
    if (this.isFinished || this.#isStopped) return;
    this.#isStopped = true;
    this.#proceed?.();
    this.#request.source?.cancel();
  }

  #fail = (error: unknown): void => this.#events.sendFailed(this, error);

  #finish(): void {
    this.isFinished = true;
    this.#events.sent();
  }

  /** Waits for `100 Continue`, the timeout or a stop. */
  async #awaitContinue(clock: Clock, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const stopTimer = timeoutMs === Infinity
        ? null
        : clock.after(timeoutMs, resolve);
      this.#proceed = () => {
        stopTimer?.();
        resolve();
      };
    });
    this.#proceed = null;
  }

  async #sendSource(): Promise<boolean> {
    const { source, length } = this.#request;
    let sent = 0;
    while (!this.#isStopped) {
      const piece = await this.#pull();
      if (this.#isStopped) return false;
      if (piece === null) {
        if (length !== CHUNKED && sent < length) {
          this.#failBody(`the body had ${sent} of ${length} bytes`);
        }
        return length !== CHUNKED || await this.#write(LAST_CHUNK);
      }
      if (piece.length === 0) continue;
      sent += piece.length;
      if (length === CHUNKED) await this.#write(chunkOf(piece));
      else if (sent <= length) await this.#write(piece);
      else {
        source?.cancel();
        this.#failBody(`the body has more than the declared ${length} bytes`);
      }
    }
    return false;
  }

  async #pull(): Promise<Uint8Array | null> {
    try {
      return await this.#request.source?.pull() ?? null;
    } catch (error) {
      this.bodyFailure = error ??
        new TypeError("The body failed without a reason");
      throw error;
    }
  }

  #failBody(why: string): never {
    this.bodyFailure = new RangeError(`Cannot send body: ${why}`);
    throw this.bodyFailure;
  }

  /** Returns whether all bytes were written. If sending was stopped, the request is incomplete. */
  async #write(bytes: Uint8Array): Promise<boolean> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#isStopped) return false;
      this.isWriting = true;
      const size = await this.#conn.write(rest);
      this.isWriting = false;
      this.#events.progressed();
      rest = size === rest.length ? NO_BYTES : rest.subarray(size);
    }
    return true;
  }
}

const NO_BYTES = new Uint8Array(0);

/** A complete chunk, so that it takes a single write. */
function chunkOf(piece: Uint8Array): Uint8Array {
  const size = chunkSizeLineBytes(piece.length);
  const chunk = new Uint8Array(size + piece.length + CRLF.length);
  const at = writeChunkSize(chunk, 0, piece.length);
  chunk.set(piece, at);
  chunk.set(CRLF, at + piece.length);
  return chunk;
}
