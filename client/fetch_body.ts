/** The streams of a `fetch`: bodies that it sends, and the body that it returns. */

import type { ClientResponse } from "./client_response.ts";
import { ClientError } from "./errors.ts";

/** Largest body of a `Request` that is read before it is sent, in bytes, so that its length is known. */
const MAX_PEEKED_BYTES = 65_536;

/** Checks that a stream produces bytes, as the Fetch Standard demands. */
export async function* webChunks(
  body: AsyncIterable<unknown>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) {
      throw new TypeError("Cannot send body: a chunk is not a Uint8Array");
    }
    yield chunk;
  }
}

/**
 * Reads the body of a `Request` if all of it is there within a turn of the event
 * loop. Such a body was a string or bytes, whose length `Request` does not tell.
 *
 * @returns The bytes, or the rest of a longer stream.
 */
export async function peekStream(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const turn = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), 0);
  });
  try {
    while (size <= MAX_PEEKED_BYTES) {
      const read = reader.read();
      const result = await Promise.race([read, turn]);
      if (result === null) return remaining(chunks, reader, read);
      if (result.done) return joined(chunks, size);
      chunks.push(result.value);
      size += result.value.length;
    }
    return remaining(chunks, reader, null);
  } finally {
    clearTimeout(timer);
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function* remaining(
  chunks: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
  pending: Promise<ReadableStreamReadResult<Uint8Array>> | null,
): AsyncGenerator<Uint8Array> {
  let isEnded = false;
  try {
    yield* chunks;
    for (let read = pending ?? reader.read();; read = reader.read()) {
      const { done, value } = await read;
      if (done) break;
      yield value;
    }
    isEnded = true;
  } finally {
    if (!isEnded) await reader.cancel();
  }
}

/**
 * The body of a response as the web's byte stream. It fails with the signal's
 * reason, or with a `TypeError` whose cause is the client's error.
 */
export function bodyStream(
  response: ClientResponse,
  received: Uint8Array<ArrayBuffer> | null,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = received === null
    ? response.body.views()
    : [received].values();
  return new ReadableStream({
    type: "bytes",
    start(controller): void {
      // An empty body has ended before its signal can abort.
      if (received?.length === 0) controller.close();
    },
    async pull(controller): Promise<void> {
      try {
        // Also a body that was received ends with the signal.
        signal?.throwIfAborted();
        const { done, value } = await pieces.next();
        if (!done) return controller.enqueue(new Uint8Array(value));
      } catch (error) {
        if (signal?.aborted === true) throw signal.reason;
        throw bodyError(error);
      }
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel(): void {
      response.close();
    },
  });
}

/** An error of a body as the web reports it. */
export function bodyError(error: unknown): unknown {
  if (!(error instanceof ClientError)) return error;
  return new TypeError(error.message, { cause: error });
}
