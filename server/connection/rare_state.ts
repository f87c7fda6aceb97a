/**
 * State that few exchanges need: take-over, trailers, a streamed response, and
 * the promise of `res.sent`. It is a separate object, so that `Exchange`, which
 * every request creates, has few fields.
 */

import type { Headers } from "../../codec/headers.ts";

/** A response whose body is being streamed, as its exchange sees it. */
interface ResponseStream {
  /** Size of the body so far, without framing. */
  readonly bodyBytes: number;
  /** Stops the stream and cancels its source. */
  abort(): void;
}

/** The rarely needed state of one exchange; see the file's header. */
export class RareState {
  /** Whether the handler owns the connection. */
  isTakenOver = false;
  /** Whether the error hook was called to send a response; it is called once. */
  isHookAsked = false;
  trailers: Headers | null = null;
  stream: ResponseStream | null = null;
  /** Why the whole response cannot be sent, once that is known. */
  failure: Error | null = null;
  /** The promise of `res.sent`, if the handler asked for it before the response was complete. */
  #sent: PromiseWithResolvers<void> | null = null;

  /** Settles once {@linkcode RareState.fail} or {@linkcode RareState.complete} is called, and rejects at once after a failure. */
  whenSent(): Promise<void> {
    if (this.#sent === null) {
      if (this.failure !== null) return Promise.reject(this.failure);
      this.#sent = Promise.withResolvers();
    }
    return this.#sent.promise;
  }

  /** The response is complete. The promise of `sentUpToEnd` resolves when its last byte was sent. */
  complete(sentUpToEnd: () => Promise<void>): void {
    if (this.failure === null) this.#sent?.resolve(sentUpToEnd());
  }

  /** The response cannot be completed. Only the first reason counts. */
  fail(error: Error): void {
    if (this.failure !== null) return;
    this.failure = error;
    this.#sent?.reject(error);
  }

  /** Removes the stream, and returns it if there was one. */
  dropStream(): ResponseStream | null {
    const { stream } = this;
    this.stream = null;
    return stream;
  }
}
