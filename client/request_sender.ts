/**
 * Writes one request: head, and body as it comes; waits for `100 Continue`
 * when that was asked for (RFC 9110 §10.1.1), and stops when the answer is
 * there before the body is (RFC 9112 §9.5).
 */

import {
  chunkSizeLineBytes,
  CRLF,
  LAST_CHUNK,
  writeChunkSize,
} from "../codec/chunked.ts";
import { CHUNKED } from "../codec/framing.ts";
import type { PreparedRequest } from "./request.ts";

/** Largest body that is sent with its head in one write, in bytes. */
const MAX_JOINED_BYTES = 16_384;

/** One request on its way. */
export class RequestSender {
  /** Whether all of it was written. */
  isDone = false;
  /** What the body failed with, if it did. */
  bodyFailure: unknown = null;
  /** Told when bytes went out. */
  onProgress: () => void = () => {};
  #conn: Deno.Conn;
  #request: PreparedRequest;
  #isStopped = false;
  #onSent: () => void;
  #proceed: (() => void) | null = null;

  /** Creates a sender; {@linkcode RequestSender.send} begins. */
  constructor(conn: Deno.Conn, request: PreparedRequest, onSent: () => void) {
    this.#conn = conn;
    this.#request = request;
    this.#onSent = onSent;
  }

  /**
   * Writes the request.
   *
   * @param continueTimeoutMs How long `100 Continue` is awaited, if it is.
   * @throws {Error} If a write or the body fails.
   */
  async send(continueTimeoutMs: number): Promise<void> {
    const { head, bytes, expectsContinue } = this.#request;
    if (
      bytes !== null && !expectsContinue && bytes.length <= MAX_JOINED_BYTES
    ) {
      const whole = bytes.length === 0 ? head : join(head, bytes);
      if (await this.#write(whole)) this.#finish();
      return;
    }
    if (!await this.#write(head)) return;
    if (expectsContinue && !await this.#mayProceed(continueTimeoutMs)) return;
    const isSent = bytes === null
      ? await this.#sendSource()
      : await this.#write(bytes);
    if (isSent) this.#finish();
  }

  /** `100 Continue` came. */
  proceed(): void {
    this.#proceed?.();
  }

  /** Nothing more is wanted. */
  stop(): void {
    if (this.isDone || this.#isStopped) return;
    this.#isStopped = true;
    this.#proceed?.();
    this.#request.source?.cancel();
  }

  #finish(): void {
    this.isDone = true;
    this.#onSent();
  }

  async #mayProceed(timeoutMs: number): Promise<boolean> {
    await new Promise<void>((resolve) => {
      const timer = timeoutMs === Infinity
        ? undefined
        : setTimeout(resolve, timeoutMs);
      this.#proceed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#proceed = null;
    return !this.#isStopped;
  }

  async #sendSource(): Promise<boolean> {
    const { source, length } = this.#request;
    let sent = 0;
    while (!this.#isStopped) {
      const piece = await this.#pull();
      if (this.#isStopped) return false;
      if (piece === null) {
        if (length !== CHUNKED && sent < length) {
          this.#fails(`the body had ${sent} of ${length} bytes`);
        }
        return length !== CHUNKED || await this.#write(LAST_CHUNK);
      }
      if (piece.length === 0) continue;
      sent += piece.length;
      if (length === CHUNKED) await this.#write(chunkOf(piece));
      else if (sent <= length) await this.#write(piece);
      else {
        source?.cancel();
        this.#fails(`the body has more than the declared ${length} bytes`);
      }
    }
    return false;
  }

  async #pull(): Promise<Uint8Array | null> {
    try {
      return await this.#request.source?.pull() ?? null;
    } catch (error) {
      this.bodyFailure = error ?? new TypeError("it failed without a reason");
      throw error;
    }
  }

  #fails(why: string): never {
    this.bodyFailure = new RangeError(`Cannot send body: ${why}`);
    throw this.bodyFailure;
  }

  /** Says whether all of it went out: half a message must not count as one. */
  async #write(bytes: Uint8Array): Promise<boolean> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#isStopped) return false;
      const size = await this.#conn.write(rest);
      this.onProgress();
      rest = size === rest.length ? NO_BYTES : rest.subarray(size);
    }
    return true;
  }
}

const NO_BYTES = new Uint8Array(0);

function join(head: Uint8Array, body: Uint8Array): Uint8Array {
  const joined = new Uint8Array(head.length + body.length);
  joined.set(head);
  joined.set(body, head.length);
  return joined;
}

/** A piece with its size line and end, so that it is one write. */
function chunkOf(piece: Uint8Array): Uint8Array {
  const size = chunkSizeLineBytes(piece.length);
  const chunk = new Uint8Array(size + piece.length + CRLF.length);
  const at = writeChunkSize(chunk, 0, piece.length);
  chunk.set(piece, at);
  chunk.set(CRLF, at + piece.length);
  return chunk;
}
