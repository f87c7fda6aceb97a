/**
 * A response's body. Returns pieces on demand, releases the connection at the
 * end, and drains a short rest when the response is closed (RFC 9112 §6.3, §9.3).
 *
 * A short body is received before the caller reads it. So a response that is
 * never read occupies a connection only if its body is long or incomplete.
 */

import { BodyDecoder } from "../codec/body_decoder.ts";
import type { BodyFeed } from "../codec/body_reader.ts";
import { ProtocolError } from "../codec/errors.ts";
import { Headers } from "../codec/headers.ts";
import { DEFAULT_BODY_LIMITS } from "../codec/limits.ts";
import type { ReceivedResponseHead } from "../codec/response_head.ts";
import type { ClientConnection, DeadlineReason } from "./connection.ts";
import { toClientError } from "./errors.ts";
import { GatheredBody } from "./gathered_body.ts";
import { closedError } from "./received_body.ts";
import type { ReaderContext } from "./response_reader.ts";

const READING: DeadlineReason = {
  phase: "read",
  what: "Cannot read body",
  option: "bodyTimeout",
};
const DRAINING: DeadlineReason = {
  phase: "read",
  what: "Cannot drain body",
  option: "drainTimeout",
};

/** Longest body that is received before the caller reads it, in bytes. */
const MAX_RECEIVED_BYTES = 16_384;

/**
 * How many promises a caller may await between the response and its body if the
 * caller's own read is to be the first one. Only that read goes directly to
 * where the bytes belong.
 */
const CALLER_STEPS = 12;

/** One response's body; see the file's header. */
export class ResponseBody implements BodyFeed {
  /** See {@linkcode BodyFeed.convertError}. */
  readonly convertError = toClientError;
  #connection: ClientConnection;
  #head: ReceivedResponseHead;
  #context: ReaderContext;
  #decoder: BodyDecoder;
  /** Pieces that were received before the caller asked for them. */
  #received: Uint8Array[] = [];
  /** The read that receives a short body, while it is pending. */
  #receiving: Promise<void> | null = null;
  /** The block of the last piece, which the connection no longer uses. */
  #block: Uint8Array<ArrayBuffer> | null = null;
  #failure: unknown = null;
  #isReleased = false;
  /** Whether the body is being read or drained. */
  #isStarted = false;
  #isPulling = false;
  #isCancelled = false;
  #onEnd: () => void;

  /**
   * Creates the body that follows a head.
   *
   * @param onEnd Called once, when the body no longer needs the connection.
   */
  constructor(
    connection: ClientConnection,
    head: ReceivedResponseHead,
    context: ReaderContext,
    onEnd: () => void,
  ) {
    this.#connection = connection;
    this.#head = head;
    this.#context = context;
    this.#onEnd = onEnd;
    const { maxBodyBytes } = context.options;
    this.#decoder = new BodyDecoder(head.bodyLength, {
      ...DEFAULT_BODY_LIMITS,
      maxBodyBytes,
    });
    if (head.bodyLength > maxBodyBytes) {
      this.#fail(
        new ProtocolError(
          "BODY_TOO_LARGE",
          `Cannot read body: longer than ${maxBodyBytes} bytes (maxBodyBytes)`,
          maxBodyBytes,
        ),
      );
    } else if (this.#decoder.done) this.#release();
    else this.#receiveShortBody();
  }

  /** See {@linkcode BodyFeed.remainingBytes}. */
  get remainingBytes(): number {
    const remaining = this.#decoder.remainingBytes;
    if (remaining < 0) return remaining;
    return this.#received.reduce((sum, { length }) => sum + length, remaining);
  }

  /** The trailer section, once the body was read to its end. */
  get trailers(): Headers | null {
    const section = this.#decoder.trailerSection;
    return section === null || this.#received.length > 0
      ? null
      : Headers.fromSection({ base: 0, ...section });
  }

  /** See {@linkcode BodyFeed.pull}. */
  async pull(): Promise<Uint8Array | null> {
    if (this.#isCancelled) throw closedError();
    if (this.#isPulling) {
      throw new TypeError("Cannot read body: another read is pending");
    }
    this.#isPulling = true;
    try {
      return await this.#next();
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#isPulling = false;
    }
  }

  /** See {@linkcode BodyFeed.gather}. */
  async gather(maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#isCancelled) throw closedError();
    if (this.#isPulling) {
      throw new TypeError("Cannot read body: another read is pending");
    }
    this.#isPulling = true;
    this.#isStarted = true;
    try {
      if (this.#receiving !== null) await this.#receiving;
      if (this.#failure !== null) throw this.#failure;
      return await this.#gatherRest(maxBytes);
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#isPulling = false;
    }
  }

  async #gatherRest(maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const decoder = this.#decoder;
    const { reader, expectedBytes } = this.#connection;
    const { blocks } = this.#context;
    const gathered = new GatheredBody({
      ...{ reader, decoder, blocks, expectedBytes },
      declaredBytes: this.#head.bodyLength,
    });
    for (const piece of this.#received.splice(0)) gathered.add(piece);
    for (let piece = this.#decode(); piece !== null; piece = this.#decode()) {
      gathered.add(piece);
    }
    while (!decoder.done) {
      if (gathered.size > maxBytes) return null;
      this.#renew();
      await gathered.read();
    }
    if (gathered.size > maxBytes) return null;
    if (gathered.hasSurplus) this.#abandon();
    else if (gathered.hasRead && this.#connection.mayPersist(this.#head)) {
      await reader.checkEnd();
    }
    if (this.#head.bodyLength < 0) {
      this.#connection.expectedBytes = gathered.size;
    }
    this.#release();
    return gathered.take();
  }

  /** See {@linkcode BodyFeed.cancel}. Drains a short rest; otherwise closes the connection. */
  cancel(): void {
    if (this.#isCancelled) return;
    if (this.#isReleased) {
      this.#isCancelled = this.#received.length > 0;
      return;
    }
    this.#isCancelled = true;
    const { drainBytes, drainTimeout } = this.#context.options;
    const remaining = this.#decoder.remainingBytes;
    const isWorthIt = this.#connection.mayPersist(this.#head) &&
      remaining <= drainBytes && (remaining >= 0 || drainBytes > 0);
    if (this.#isPulling || !isWorthIt) {
      this.#failure ??= closedError();
      this.#abandon();
      return;
    }
    this.#connection.setDeadline(DRAINING, drainTimeout);
    this.#drain(drainBytes).catch(() => this.#abandon());
  }

  async #drain(drainBytes: number): Promise<void> {
    let dropped = 0;
    for (;;) {
      const piece = await this.#next(false);
      if (piece === null) return;
      dropped += piece.length;
      if (dropped > drainBytes) return this.#abandon();
    }
  }

  async #next(renews = true): Promise<Uint8Array | null> {
    this.#isStarted = true;
    const received = this.#received.shift();
    if (received !== undefined) return received;
    const decoder = this.#decoder;
    const { reader } = this.#connection;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#isReleased) return this.#giveBlock();
      reader.throwIfFailed();
      const piece = this.#decode();
      if (piece !== null || decoder.done) {
        if (decoder.done) this.#releaseKept();
        else if (renews) this.#renew();
        return piece;
      }
      if (renews) this.#renew();
      if (this.#receiving !== null) await this.#receiving;
      else if (!await reader.fill()) decoder.end();
    }
  }

  /** Returns the next piece in the buffer, or `null` if there is none. The next read may overwrite it. */
  #decode(): Uint8Array | null {
    const decoder = this.#decoder;
    const { buffer } = this.#connection.reader;
    while (!decoder.done && buffer.length > 0) {
      const { bytes, start, end } = buffer;
      buffer.consume(decoder.decode(bytes, start, end));
      if (decoder.pieceEnd > decoder.pieceStart) {
        return bytes.subarray(decoder.pieceStart, decoder.pieceEnd);
      }
    }
    return null;
  }

  /** Receives the body immediately if all of it has arrived, and otherwise as it arrives. */
  #receiveShortBody(): void {
    this.#renew();
    const { reader } = this.#connection;
    const decoder = this.#decoder;
    if (decoder.remainingBytes > MAX_RECEIVED_BYTES) return;
    if (seemsComplete(decoder, reader.buffer)) this.#receiveBuffer();
    if (this.#isReleased || reader.buffer.length >= MAX_RECEIVED_BYTES) return;
    this.#receiving = this.#receiveMore();
  }

  /** Reads until the body is complete, too long, or being read by the caller. */
  async #receiveMore(): Promise<void> {
    const { reader } = this.#connection;
    try {
      for (let count = 0; count < CALLER_STEPS; count++) await null;
      if (this.#isStarted) return;
      while (!this.#isReleased && reader.buffer.length < MAX_RECEIVED_BYTES) {
        const isMore = await reader.fill();
        if (this.#isStarted) return;
        if (!isMore || seemsComplete(this.#decoder, reader.buffer)) {
          this.#receiveBuffer();
        }
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#receiving = null;
    }
  }

  /** Decodes the whole buffer, and releases the connection if that is the whole body. */
  #receiveBuffer(): void {
    const decoder = this.#decoder;
    try {
      for (let piece = this.#decode(); piece !== null; piece = this.#decode()) {
        this.#received.push(piece);
      }
      this.#connection.reader.buffer.keep();
      if (this.#connection.reader.isEnded) decoder.end();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (decoder.done) this.#release();
  }

  /** Starts the deadline, both for a server that stops sending and for a caller that stops reading. */
  #renew(): void {
    this.#connection.setDeadline(READING, this.#context.options.bodyTimeout);
  }

  /** Records the first failure, converted to a `ClientError`. */
  #fail(error: unknown): unknown {
    this.#failure ??= toClientError(error);
    this.#abandon();
    return this.#failure;
  }

  /** Releases the connection while the last piece may still be in use. */
  #releaseKept(): void {
    const { buffer } = this.#connection.reader;
    if (!this.#isReleased) {
      this.#block = buffer.maybeTakeLarge();
      if (this.#block === null) buffer.keep();
    }
    this.#release();
  }

  /** The caller has used the last piece. */
  #giveBlock(): null {
    if (this.#block !== null) this.#context.blocks.give(this.#block);
    return this.#block = null;
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#connection.release(this.#head);
    this.#onEnd();
  }

  #abandon(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#connection.close(this.#failure ?? undefined);
    this.#onEnd();
  }
}

/** The end of a chunked body without trailers. A trailer section ends in the same last four bytes. */
const CHUNKED_END = [0x0d, 0x0a, 0x0d, 0x0a] as const;

/** Whether a buffer seems to hold a whole body. For a known length, this is exact. */
function seemsComplete(
  { remainingBytes }: BodyDecoder,
  { bytes, start, end }: { bytes: Uint8Array; start: number; end: number },
): boolean {
  const size = end - start;
  if (remainingBytes >= 0) return size >= remainingBytes;
  return size > CHUNKED_END.length && CHUNKED_END.every(
    (byte, index) => bytes[end - CHUNKED_END.length + index] === byte,
  );
}
