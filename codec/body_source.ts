/**
 * The types of a body that we send, and one way to pull its pieces, for both
 * responses and requests. The server and the client frame and write the pieces.
 * This file and `body_reader.ts` are the only ones here that use promises,
 * since streams are asynchronous.
 */

import { BodyReader } from "./body_reader.ts";

/** A streamed body: a web stream or any async iterable. Strings are sent as UTF-8. */
export type StreamedBody =
  | ReadableStream<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>;

/** A body to send: nothing, a string (sent as UTF-8), bytes, or a stream of them. */
export type BodyInit =
  | null
  | undefined
  | string
  | Uint8Array
  | ArrayBuffer
  | StreamedBody;

const encoder = new TextEncoder();

/** Pulls the pieces of a streamed body, one at a time. */
export class BodySource {
  #pieces: AsyncIterator<Uint8Array | string>;

  /**
   * Locks the body for reading.
   *
   * @throws {TypeError} If it is not a stream, or the stream is locked.
   */
  constructor(body: StreamedBody) {
    this.#pieces = toIterator(body);
  }

  /**
   * Returns the next piece, which may be empty, or `null` at the end.
   *
   * @throws {TypeError} If a piece is neither bytes nor a string.
   */
  async pull(): Promise<Uint8Array | null> {
    return pieceOf(await this.#pieces.next());
  }

  /**
   * Asks for the next piece; {@linkcode pieceOf} reads it from the result.
   *
   * perf: unlike `pull()`, makes no promise of its own (bench/load.ts,
   * chunked-130k).
   */
  next(): Promise<IteratorResult<Uint8Array | string>> {
    try {
      return Promise.resolve(this.#pieces.next());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Tells the body that no more pieces are needed. */
  async cancel(): Promise<void> {
    try {
      await this.#pieces.return?.();
    } catch {
      // The message has already ended, so an error from the source has no
      // effect.
    }
  }
}

/**
 * Returns the piece in a source's result, which may be empty, or `null` at the end.
 *
 * @throws {TypeError} If it is neither bytes nor a string.
 */
export function pieceOf(
  { done, value }: IteratorResult<Uint8Array | string>,
): Uint8Array | null {
  if (done === true) return null;
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return encoder.encode(value);
  throw new TypeError(
    `Cannot send a body piece of type ${typeof value}: it must be bytes or a string`,
  );
}

function toIterator(body: StreamedBody): AsyncIterator<Uint8Array | string> {
  if (body instanceof ReadableStream) return readStream(body.getReader());
  // Sending needs no copies: each piece is pulled after the previous one was
  // written.
  if (body instanceof BodyReader) return body.views();
  const iterate = body?.[Symbol.asyncIterator];
  if (typeof iterate === "function") return iterate.call(body);
  throw new TypeError(
    `Cannot send a body of type ${typeof body}: it must be a string, bytes, a ReadableStream or an async iterable; await a promise, and send other objects with res.json()`,
  );
}

/** Wraps a reader as an iterator whose `return` cancels even while a read is pending. */
function readStream(
  reader: ReadableStreamDefaultReader<Uint8Array | string>,
): AsyncIterator<Uint8Array | string> {
  return {
    next: () => reader.read() as Promise<IteratorResult<Uint8Array | string>>, // `value` is missing only at the end
    async return(): Promise<IteratorResult<Uint8Array | string>> {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}
