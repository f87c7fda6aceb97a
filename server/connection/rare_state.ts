/**
 * State that few exchanges need: take-over, trailers, a streamed response, and
 * the promise of `res.sent`. It is an object of its own, so that the fields of
 * `Exchange`, which every request creates, stay few.
 */

import type { Headers } from "../../codec/headers.ts";

/** A response whose body is being streamed, as far as its exchange needs it. */
interface ResponseStream {
  /** Size of the body so far, without framing. */
  readonly bodyBytes: number;
  /** Stops the stream and cancels its source. */
  abort(): void;
}

/** The rare part of one exchange's state; see the file's header. */
export class RareState {
  /** Whether the handler owns the connection. */
  isTakenOver = false;
  /** Whether the error hook was called to answer; it is called once. */
  isHookAsked = false;
  trailers: Headers | null = null;
  stream: ResponseStream | null = null;
  /** Why the whole response cannot be sent, once that is known. */
  failure: Error | null = null;
  /** Settles with the response, if the handler asked before the response was complete. */
  #sent: PromiseWithResolvers<void> | null = null;

  /** Settles once {@linkcode RareState.fail} or {@linkcode RareState.complete} is called, and rejects at once after a failure. */
  whenSent(): Promise<void> {
    if (this.#sent === null) {
      if (this.failure !== null) return Promise.reject(this.failure);
      this.#sent = Promise.withResolvers();
    }
    return this.#sent.promise;
  }

  /** The response is complete; `sentUpToEnd` gives the promise that its last byte is sent. */
  complete(sentUpToEnd: () => Promise<void>): void {
    if (this.failure === null) this.#sent?.resolve(sentUpToEnd());
  }

  /** The response cannot be completed. Only the first reason counts. */
  fail(error: Error): void {
    if (this.failure !== null) return;
    this.failure = error;
    this.#sent?.reject(error);
  }

  /** Forgets the stream, and returns it if there was one. */
  dropStream(): ResponseStream | null {
    const { stream } = this;
    this.stream = null;
    return stream;
  }
}
