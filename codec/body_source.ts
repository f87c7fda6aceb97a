/**
 * What a body that we send may be, and one way to take its pieces, for
 * responses and requests alike. With `body_reader.ts` the only file here that
 * knows promises, because a stream cannot be had without them.
 */

/** Pieces of a body that is streamed: a web stream, or any async iterable. Strings go out as UTF-8. */
export type StreamedBody =
  | ReadableStream<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>;

/** What a body may be: nothing, a string (sent as UTF-8), bytes, or a stream of them. */
export type BodyInit =
  | null
  | undefined
  | string
  | Uint8Array
  | ArrayBuffer
  | StreamedBody;

const encoder = new TextEncoder();

/** Pulls pieces out of a streamed body, one at a time. */
export class BodySource {
  #pieces: AsyncIterator<Uint8Array | string>;

  /**
   * Takes hold of the body.
   *
   * @throws {TypeError} If it is no stream, or one that is locked.
   */
  constructor(body: StreamedBody) {
    this.#pieces = toIterator(body);
  }

  /**
   * Gives the next piece, which may be empty, or `null` at the end.
   *
   * @throws {TypeError} If a piece is neither bytes nor a string.
   */
  async pull(): Promise<Uint8Array | null> {
    const { done, value } = await this.#pieces.next();
    if (done === true) return null;
    if (value instanceof Uint8Array) return value;
    if (typeof value === "string") return encoder.encode(value);
    throw new TypeError(
      `Cannot send a body piece of type ${typeof value}: bytes or a string`,
    );
  }

  /** Tells the body that no more pieces are wanted; its own error on that has no reader left. */
  async cancel(): Promise<void> {
    try {
      await this.#pieces.return?.();
    } catch {
      // The response is over already; the source's failure to stop changes nothing.
    }
  }
}

function toIterator(body: StreamedBody): AsyncIterator<Uint8Array | string> {
  if (body instanceof ReadableStream) return readStream(body.getReader());
  const iterate = body?.[Symbol.asyncIterator];
  if (typeof iterate === "function") return iterate.call(body);
  throw new TypeError(
    `Cannot send a body of type ${typeof body}: a string, bytes, a ReadableStream or an async iterable`,
  );
}

/** A reader as an iterator whose `return` cancels even while a read is pending. */
function readStream(
  reader: ReadableStreamDefaultReader<Uint8Array | string>,
): AsyncIterator<Uint8Array | string> {
  return {
    async next(): Promise<IteratorResult<Uint8Array | string>> {
      const { done, value } = await reader.read();
      return done ? { done, value: undefined } : { done: false, value };
    },
    async return(): Promise<IteratorResult<Uint8Array | string>> {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}
