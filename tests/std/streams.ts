/**
 * Replaces `@std/streams` if its registry does not answer: the same names and
 * signatures, as far as the tests use them.
 */

export function toArrayBuffer(
  readableStream: ReadableStream<Uint8Array>,
): Promise<ArrayBuffer> {
  return new Response(readableStream as BodyInit).arrayBuffer();
}

export async function toText(readableStream: ReadableStream): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of readableStream) {
    text += typeof chunk === "string"
      ? chunk
      : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

export async function toJson(readableStream: ReadableStream): Promise<unknown> {
  return JSON.parse(await toText(readableStream));
}

/** Merges the chunks of all streams as they arrive; the first error ends the result. */
export function mergeReadableStreams<T>(
  ...streams: ReadableStream<T>[]
): ReadableStream<T> {
  const { readable, writable } = new TransformStream<T, T>();
  const writer = writable.getWriter();
  const copy = async (stream: ReadableStream<T>): Promise<void> => {
    for await (const chunk of stream) await writer.write(chunk);
  };
  Promise.all(streams.map(copy))
    .then(() => writer.close(), (error) => writer.abort(error))
    .catch(() => {}); // the reader has cancelled, so the error has no receiver
  return readable;
}
