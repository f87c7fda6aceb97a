/**
 * A web response whose body is an open file. Web-standard code sees a stream; the
 * server sends the file itself if nothing has touched the stream.
 */

import type { FileBody } from "../server/file_body.ts";

/** A response with a file; reading or cancelling its body closes the file. */
export class FileResponse extends Response {
  #file: FileBody;
  #state: { isTaken: boolean };

  /** Takes over a file. */
  constructor(file: FileBody, init: ResponseInit) {
    const state = { isTaken: false };
    super(streamOf(file, state), init);
    this.#file = file;
    this.#state = state;
  }

  /** Returns the file to send instead of the stream, which must not have been touched. */
  takeFile(): FileBody {
    this.#state.isTaken = true;
    return this.#file;
  }
}

function streamOf(
  file: FileBody,
  state: { readonly isTaken: boolean },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = file[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller): Promise<void> {
      try {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value as Uint8Array<ArrayBuffer>); // each piece has its own memory
      } catch (error) {
        file.close();
        throw error;
      }
    },
    cancel(): void {
      if (!state.isTaken) file.close();
    },
  }, { highWaterMark: 0 });
}
