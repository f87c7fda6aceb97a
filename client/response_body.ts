/**
 * A response's body. Returns pieces on demand, releases the connection at the
 * end, and drains a short rest when the response is closed (RFC 9112 §6.3, §9.3).
 */

import { BodyDecoder } from "../codec/body_decoder.ts";
import type { BodyFeed } from "../codec/body_reader.ts";
import { ProtocolError } from "../codec/errors.ts";
import { Headers } from "../codec/headers.ts";
import { DEFAULT_BODY_LIMITS } from "../codec/limits.ts";
import type { ResponseHead } from "../codec/response_parser.ts";
import type { ClientConnection, DeadlineReason } from "./connection.ts";
import { ClientError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";

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
   * Creates the body that follows a head.
   *
   * @param onEnd Called once, when the body no longer needs the connection.
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

  /** See {@linkcode BodyFeed.cancel}. Drains a short rest; otherwise closes the connection. */
  cancel(): void {
    if (this.#isReleased || this.#isCancelled) return;
    this.#isCancelled = true;
    const { drainBytes, drainTimeout } = this.#options;
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
    if (this.#failure !== null) throw this.#failure;
    const connection = this.#connection;
    const decoder = this.#decoder;
    const { reader } = connection;
    const { buffer } = reader;
    buffer.unpin();
    while (!decoder.done) {
      reader.throwIfFailed();
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
      if (!await reader.fill()) decoder.end();
    }
    this.#release();
    return null;
  }

  /** Limits both a server that stops sending and a caller that stops reading. */
  #renew(): void {
    this.#connection.setDeadline(READING, this.#options.bodyTimeout);
  }

  /** Records the first failure, converted to a `ClientError`. */
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
    // The caller may still use a view of the last piece. The connection drops the
    // array instead of writing over it.
    this.#connection.reader.buffer.unpin();
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
