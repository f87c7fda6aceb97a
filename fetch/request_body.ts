/**
 * The body of a received request as a web stream of bytes. Nothing is read, and
 * the body is not claimed, before the stream is read or cancelled.
 */

import type { BodyReader } from "../codec/body_reader.ts";

/** Makes a stream of a body. */
export function bodyStream(
  body: BodyReader,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let pieces: AsyncIterator<Uint8Array<ArrayBuffer>> | null = null;
  return new ReadableStream({
    type: "bytes",
    async pull(controller): Promise<void> {
      pieces ??= body[Symbol.asyncIterator]();
      const { done, value } = await pieces.next();
      if (done !== true) {
        controller.enqueue(value);
        return;
      }
      controller.close();
      controller.byobRequest?.respond(0); // a reader with a buffer waits for an answer of its own
    },
    async cancel(): Promise<void> {
      pieces ??= body[Symbol.asyncIterator]();
      await pieces.return?.();
    },
  }, { highWaterMark: 0 });
}
