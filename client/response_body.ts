/**
 * A response's body between its connection and whoever reads it: gives pieces
 * on demand, gives the connection back at the end, and drops a bounded rest
 * that nobody wants (RFC 9112 §6.3, §9.3).
 */

import { BodyDecoder } from "../codec/body_decoder.ts";
import type { BodyFeed } from "../codec/body_reader.ts";
import { ProtocolError } from "../codec/errors.ts";
import { Headers } from "../codec/headers.ts";
import { DEFAULT_BODY_LIMITS } from "../codec/limits.ts";
import type { ResponseHead } from "../codec/response_parser.ts";
import type { ClientConnection, Due } from "./connection.ts";
import { ClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";

const READING: Due = {
  phase: "read",
  what: "Cannot read body",
  option: "bodyTimeout",
};
const DRAINING: Due = {
  phase: "read",
  what: "Cannot drain body",
  option: "drainTimeout",
};

/** One response's body; see the file's header. */
export class ResponseBody implements BodyFeed {
  #connection: ClientConnection;
  #head: ResponseHead;
  #options: ClientOptions;
  #decoder: BodyDecoder;
  #failure: unknown = null;
  #isReleased = false;
  #isPulling = false;
  #isCancelled = false;
  #onEnd: () => void;

  /**
   * Creates the body behind a head that was just read.
   *
   * @param onEnd Called once, when the connection is not needed any more.
   */
  constructor(
    connection: ClientConnection,
    head: ResponseHead,
    options: ClientOptions,
    onEnd: () => void,
  ) {
    this.#connection = connection;
    this.#head = head;
    this.#options = options;
    this.#onEnd = onEnd;
    const { maxBodyBytes } = options;
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
    else this.#renew();
  }

  /** See {@linkcode BodyFeed.remainingBytes}. */
  get remainingBytes(): number {
    return this.#decoder.remainingBytes;
  }

  /** The trailer section, once the body was read to its end. */
  get trailers(): Headers | null {
    const section = this.#decoder.trailerSection;
    return section === null
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

  /** See {@linkcode BodyFeed.cancel}: drains what is left if that is little, or closes. */
  cancel(): void {
    if (this.#isReleased || this.#isCancelled) return;
    this.#isCancelled = true;
    const { drainBytes, drainTimeout } = this.#options;
    const left = this.#decoder.remainingBytes;
    const isWorthIt = this.#connection.mayPersist(this.#head) &&
      left <= drainBytes && (left >= 0 || drainBytes > 0);
    if (this.#isPulling || !isWorthIt) {
      this.#failure ??= closedError();
      this.#abandon();
      return;
    }
    this.#connection.awaits(DRAINING, drainTimeout);
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
    if (this.#failure !== null) throw this.#failure;
    const connection = this.#connection;
    const decoder = this.#decoder;
    const { buffer } = connection;
    buffer.unpin();
    while (!decoder.done) {
      connection.throwIfFailed();
      while (!decoder.done && buffer.length > 0) {
        const { bytes, start, end } = buffer;
        const used = decoder.decode(bytes, start, end);
        if (decoder.pieceEnd === decoder.pieceStart) {
          buffer.consume(used);
          continue;
        }
        buffer.pin();
        buffer.consume(used);
        const piece = bytes.subarray(decoder.pieceStart, decoder.pieceEnd);
        if (decoder.done) this.#release();
        else if (renews) this.#renew();
        return piece;
      }
      if (decoder.done) break;
      if (renews) this.#renew();
      if (!await connection.fill()) decoder.end();
    }
    this.#release();
    return null;
  }

  /** Bytes must come in time, and a caller that stops reading keeps no connection for ever. */
  #renew(): void {
    this.#connection.awaits(READING, this.#options.bodyTimeout);
  }

  /** Remembers the first failure, in the client's own terms. */
  #fail(error: unknown): unknown {
    this.#failure ??= error instanceof ProtocolError
      ? new ClientError(error.message, {
        phase: error.code === "TRUNCATED_BODY" ? "read" : "parse",
        code: error.code === "TRUNCATED_BODY" ? "INCOMPLETE" : "PROTOCOL",
        cause: error,
      })
      : error;
    this.#abandon();
    return this.#failure;
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    // A view of the last piece may be in use: the array is left to it.
    this.#connection.buffer.unpin();
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

function closedError(): TypeError {
  return new TypeError("Cannot read body: the response was closed");
}
