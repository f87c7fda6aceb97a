/**
 * What the consumer of a body holds, on the server and in the client: the
 * helpers, the pieces and the web stream. It pulls from a feed that it is
 * given; where the octets come from is the feed's affair.
 */

import { ProtocolError } from "./errors.ts";

/** Where a {@linkcode BodyReader} gets its pieces. */
export interface BodyFeed {
  /** Octets of payload to come if the framing tells, otherwise -1. */
  readonly remainingBytes: number;
  /** Gives the next piece, a view that is valid until the next call, or `null` at the end. */
  pull(): Uint8Array | null | Promise<Uint8Array | null>;
  /** Says that no more pieces are wanted. */
  cancel(reason?: unknown): void;
}

const decoder = new TextDecoder();

/** Where gathering begins: memory follows octets received, not octets declared. */
const INITIAL_GATHER_BYTES = 1024;

/**
 * A body that can be read once, in one of several forms.
 *
 * @example Read a request's body as text
 * ```ts
 * import { Server } from "@khttp/khttp";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.post("/echo", async (ctx, res) => res.ok(await ctx.body.text()));
 * ```
 */
export class BodyReader implements AsyncIterable<Uint8Array> {
  #feed: BodyFeed;
  #maxBufferedBytes: number;
  #form: string | null = null;
  /** What `read` could not give yet. */
  #rest: Uint8Array | null = null;

  /**
   * Creates a reader.
   *
   * @param feed Where pieces come from.
   * @param maxBufferedBytes How many bytes the gathering helpers take before they reject.
   */
  constructor(feed: BodyFeed, maxBufferedBytes: number) {
    this.#feed = feed;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  /** Whether the body is being read or was read. */
  get isUsed(): boolean {
    return this.#form !== null;
  }

  /**
   * Gathers the whole body.
   *
   * @throws {TypeError} If the body was used already.
   * @throws {ProtocolError} If it breaks off or its framing is bad;
   * `BODY_TOO_LARGE` beyond `maxBufferedBodyBytes` (1 MiB by default).
   */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    this.#claim("bytes");
    return await this.#gather();
  }

  /**
   * Gathers the whole body and decodes it as UTF-8; malformed sequences become U+FFFD.
   *
   * @throws {TypeError | ProtocolError} As {@linkcode BodyReader.bytes}.
   */
  async text(): Promise<string> {
    this.#claim("text");
    return decoder.decode(await this.#gather());
  }

  /**
   * Gathers the whole body and parses it as JSON.
   *
   * @throws {SyntaxError} If it is no JSON.
   * @throws {TypeError | ProtocolError} As {@linkcode BodyReader.bytes}.
   */
  async json(): Promise<unknown> {
    this.#claim("json");
    return JSON.parse(decoder.decode(await this.#gather()));
  }

  /**
   * Gathers the whole body and parses it as `application/x-www-form-urlencoded`.
   *
   * @throws {TypeError | ProtocolError} As {@linkcode BodyReader.bytes}.
   */
  async form(): Promise<URLSearchParams> {
    this.#claim("form");
    return new URLSearchParams(decoder.decode(await this.#gather()));
  }

  /**
   * The body as a web stream of pieces that the reader owns.
   *
   * @throws {TypeError} If the body was used already.
   */
  get stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#claim("stream");
    const feed = this.#feed;
    return new ReadableStream({
      async pull(controller): Promise<void> {
        const piece = await feed.pull();
        if (piece === null) controller.close();
        else controller.enqueue(piece.slice()); // views end with the next pull
      },
      cancel(reason): void {
        feed.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Reads into a buffer; may be called until it gives `null`.
   *
   * @param buffer Where bytes go; at least one byte long.
   * @returns Bytes written, or `null` at the end.
   * @throws {TypeError | ProtocolError} As {@linkcode BodyReader.bytes}, without the bound.
   */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#form !== "read") this.#claim("read");
    let piece = this.#rest ?? await this.#feed.pull();
    while (piece !== null && piece.length === 0) {
      piece = await this.#feed.pull();
    }
    if (piece === null) return null;
    const size = Math.min(piece.length, buffer.length);
    buffer.set(piece.subarray(0, size));
    this.#rest = size < piece.length ? piece.subarray(size) : null;
    return size;
  }

  /** Gives the pieces as they come: views, each valid until the next step. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    this.#claim("async iteration");
    const feed = this.#feed;
    return {
      async next(): Promise<IteratorResult<Uint8Array>> {
        const value = await feed.pull();
        return value === null
          ? { done: true, value: undefined }
          : { done: false, value };
      },
      return(): Promise<IteratorResult<Uint8Array>> {
        feed.cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #claim(form: string): void {
    if (this.#form !== null) {
      throw new TypeError(
        `Cannot use body by ${form}: it was used by ${this.#form} already`,
      );
    }
    this.#form = form;
  }

  async #gather(): Promise<Uint8Array<ArrayBuffer>> {
    const feed = this.#feed;
    if (feed.remainingBytes > this.#maxBufferedBytes) this.#tooLarge();
    // One array that doubles: a list of pieces would let a peer that sends
    // single octets make a hundred times their size of bookkeeping.
    let gathered = new Uint8Array(INITIAL_GATHER_BYTES);
    let size = 0;
    for (;;) {
      const piece = await feed.pull();
      if (piece === null) return gathered.slice(0, size);
      const needed = size + piece.length;
      if (needed > this.#maxBufferedBytes) this.#tooLarge();
      if (needed > gathered.length) {
        const larger = new Uint8Array(Math.max(needed, gathered.length * 2));
        larger.set(gathered);
        gathered = larger;
      }
      gathered.set(piece, size);
      size = needed;
    }
  }

  #tooLarge(): never {
    this.#feed.cancel();
    throw new ProtocolError(
      "BODY_TOO_LARGE",
      `Cannot gather body: longer than ${this.#maxBufferedBytes} bytes (maxBufferedBodyBytes)`,
      this.#maxBufferedBytes,
    );
  }
}
