/**
 * The application's side of a received body, on the server and in the client:
 * whole-body helpers, iteration by pieces, and a web stream. It pulls pieces
 * from a feed, which decodes them and waits for the peer. Besides
 * `body_source.ts`, this is the only file here that uses promises.
 *
 * A feed reuses the memory of its pieces. All methods here copy, so that a
 * program can keep what it reads, except `views()`.
 */

import { BodySyntaxError, ProtocolError } from "./errors.ts";
import { decodeUtf8 } from "./utf8.ts";

/** The source of a {@linkcode BodyReader}'s pieces. */
export interface BodyFeed {
  /** How many bytes of payload remain, or -1 if the framing does not declare it. */
  readonly remainingBytes: number;
  /** Returns the next piece, a view that is valid until the next call, or `null` at the end. */
  pull(): Uint8Array | null | Promise<Uint8Array | null>;
  /** Tells the feed that no more pieces are wanted. */
  cancel(reason?: unknown): void;
  /**
   * Returns the whole body, as bytes that the caller then owns, if all of it
   * was received; otherwise `null`. Called only before the first pull.
   */
  takeAll?(): Uint8Array<ArrayBuffer> | null;
  /** Like {@linkcode BodyFeed.takeAll}, but decodes the body as UTF-8. */
  takeText?(): string | null;
  /**
   * Receives the whole body, as bytes that the caller then owns, or returns
   * `null` if it is longer than `maxBytes`. Called only before the first pull.
   */
  gather?(maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Converts a `ProtocolError` of the reader itself, for callers that expect
   * another class. Only responses have it: without it, the body is a request's.
   */
  readonly convertError?: (error: ProtocolError) => unknown;
}

/** The message of a body. Its `Content-Type` decides how a form is parsed. */
export interface BodyMessage {
  /** The fields. */
  readonly headers: { get(name: string): string | null };
}

const decoder = new TextDecoder();

/** First size of the array that gathers a body of unknown length. */
const INITIAL_GATHER_BYTES = 1024;

/** Memory follows what has arrived, not what the peer declares: at most this many times as much. */
const MAX_DECLARED_RATIO = 8;

/**
 * A received body, which can be read once, in one of several forms.
 *
 * @example Read a request's body as a string
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
  #message: BodyMessage | null;
  /** The form in which the body is being read, for the error on a second use. */
  #form: string | null = null;
  /** The part of the last piece that did not fit into the buffer passed to `read`. */
  #rest: Uint8Array | null = null;

  /**
   * Creates a reader.
   *
   * @param feed The source of the pieces.
   * @param maxBufferedBytes The largest body, in bytes, that `bytes`, `text`,
   * `json` and `form` accept.
   * @param message The message, whose type decides how a form is parsed.
   * @default {none; forms are not multipart}
   */
  constructor(
    feed: BodyFeed,
    maxBufferedBytes: number,
    message: BodyMessage | null = null,
  ) {
    this.#feed = feed;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#message = message;
  }

  /** Whether one of the reading methods has been used. */
  get isUsed(): boolean {
    return this.#form !== null;
  }

  /**
   * Reads the whole body into one array, which the caller owns.
   *
   * @throws {TypeError} If the body was used already.
   * @throws {ProtocolError} `BODY_TOO_LARGE` beyond `maxBufferedBodyBytes` (1 MiB
   * by default), `TRUNCATED_BODY` if the body is incomplete, or the code of a fault
   * in the framing.
   */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    this.#claim("bytes");
    return this.#takeAll() ?? await this.#gather();
  }

  /**
   * Reads the whole body and decodes it as UTF-8; malformed sequences become U+FFFD.
   *
   * @throws {TypeError | ProtocolError} As {@linkcode BodyReader.bytes}.
   */
  // perf: `text` and `json` are not `async`, since most short bodies have already
  // arrived at the call (bench/machine_bench.ts, fetch-json-post, Deno 2.9).
  text(): Promise<string> {
    try {
      this.#claim("text");
      const text = this.#takeText();
      return text === null ? this.#gatherText() : Promise.resolve(text);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Reads the whole body and parses it as JSON.
   *
   * @throws {SyntaxError} If it is not JSON. If the handler of a request lets
   * this error through, the server responds with 400.
   * @throws {TypeError | ProtocolError} As {@linkcode BodyReader.bytes}.
   */
  json(): Promise<unknown> {
    try {
      this.#claim("json");
      const text = this.#takeText();
      return text === null
        ? this.#gatherText().then((gathered) => this.#parse(gathered))
        : Promise.resolve(this.#parse(text));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #parse(json: string): unknown {
    try {
      return JSON.parse(json);
    } catch (error) {
      throw this.#syntaxError(error);
    }
  }

  /** Marks the error of a request's body, which is the client's fault. A response's body says nothing about the client. */
  #syntaxError(error: unknown): unknown {
    const isRequest = this.#feed.convertError === undefined;
    return error instanceof SyntaxError && isRequest
      ? new BodySyntaxError(error.message, { cause: error })
      : error;
  }

  /**
   * Reads the whole body and parses it as a form. `multipart/form-data` (RFC
   * 7578) results in the web's `FormData`, in which uploads are `File` objects
   * in memory. A body of any other type is parsed as
   * `application/x-www-form-urlencoded`.
   *
   * Both results have `get`, `getAll`, `has` and iteration. A field of
   * `FormData` may be a `File`, so check that a value is a string.
   *
   * @throws {SyntaxError} If the type is `multipart/form-data` but the body is
   * not valid, or the type has no boundary.
   * @throws {TypeError | ProtocolError} As {@linkcode BodyReader.bytes}; uploads
   * count towards `maxBufferedBodyBytes`.
   *
   * @example Receive an upload
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.post("/photos", async (ctx, res) => {
   *   const photo = (await ctx.body.form()).get("photo");
   *   if (!(photo instanceof File)) return res.send(400, "photo is missing\n");
   *   res.ok(`${photo.name} has ${photo.size} bytes\n`);
   * });
   * ```
   */
  async form(): Promise<URLSearchParams | FormData> {
    this.#claim("form");
    // Read now: the head may no longer be readable when the body is complete.
    const type = this.#message?.headers.get("content-type") ?? "";
    const bytes = this.#takeAll() ?? await this.#gather();
    if (!MULTIPART.test(type)) {
      return new URLSearchParams(decoder.decode(bytes));
    }
    try {
      return await parseMultipart(bytes, type);
    } catch (error) {
      throw this.#syntaxError(error);
    }
  }

  /**
   * The body as a web stream; each chunk is a copy that the consumer owns.
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
        else controller.enqueue(copyOf(piece));
      },
      cancel(reason): void {
        feed.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Reads the next bytes into a buffer; call it again until it returns `null`.
   *
   * @param buffer Receives the bytes; at least one byte long.
   * @returns How many bytes were written, at least 1, or `null` at the end.
   * @throws {TypeError} If the body was used in another form.
   * @throws {ProtocolError} `TRUNCATED_BODY` if the body is incomplete, or the code of
   * a fault in the framing.
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

  /**
   * Iterates over the pieces as they arrive. Each is a copy that the caller
   * owns and may keep; {@linkcode BodyReader.views} iterates without copies.
   * Leaving the loop early discards the rest of the body.
   *
   * @throws {TypeError} If the body was used already.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>> {
    this.#claim("async iteration");
    return iterate(this.#feed, copyOf);
  }

  /**
   * Iterates over the pieces as they arrive, without copying them.
   *
   * A piece is a view of a receive buffer, and valid only until the next step
   * of the iteration: use it within the step, and copy what you keep. This is
   * for code that reads each byte once, such as a hash, a parser or a write to
   * a file.
   *
   * @returns The pieces, which can be iterated once.
   * @throws {TypeError} If the body was used already.
   *
   * @example Count the lines of an upload
   * ```ts
   * import { Server } from "@khttp/khttp";
   *
   * const app = Server.builder("127.0.0.1:0");
   * app.post("/lines", async (ctx, res) => {
   *   let lines = 0;
   *   for await (const view of ctx.body.views()) {
   *     for (const byte of view) if (byte === 0x0a) lines++;
   *   }
   *   res.ok(`${lines}\n`);
   * });
   * ```
   */
  views(): AsyncIterableIterator<Uint8Array> {
    this.#claim("views");
    return iterate(this.#feed, (piece) => piece);
  }

  /**
   * Returns the whole body if it was received already. Otherwise returns `null`,
   * and the body can still be read in any form.
   *
   * @ignore
   */
  takeReceived(): Uint8Array<ArrayBuffer> | null {
    if (this.#form !== null) return null;
    const bytes = this.#feed.takeAll?.() ?? null;
    if (bytes !== null) this.#form = "stream";
    return bytes;
  }

  /**
   * Reads the whole body into one array, like {@linkcode BodyReader.bytes} but
   * without a limit. Only for use after {@linkcode BodyReader.takeReceived} has
   * returned `null`.
   *
   * @ignore
   */
  async unlimitedBytes(): Promise<Uint8Array<ArrayBuffer>> {
    this.#claim("bytes");
    return await this.#gather(Infinity);
  }

  #claim(form: string): void {
    if (this.#form !== null) {
      throw new TypeError(
        `Cannot read body with ${form}: it was already read with ${this.#form}`,
      );
    }
    this.#form = form;
  }

  #takeAll(): Uint8Array<ArrayBuffer> | null {
    const feed = this.#feed;
    if (feed.takeAll === undefined) return null;
    if (feed.remainingBytes > this.#maxBufferedBytes) this.#tooLarge();
    return feed.takeAll();
  }

  /** Returns the whole body as a string if it was received already, otherwise `null`. */
  #takeText(): string | null {
    const feed = this.#feed;
    if (feed.takeText === undefined) {
      const bytes = this.#takeAll();
      return bytes === null ? null : decodeUtf8(bytes, 0, bytes.length);
    }
    if (feed.remainingBytes > this.#maxBufferedBytes) this.#tooLarge();
    return feed.takeText();
  }

  async #gatherText(): Promise<string> {
    return decoder.decode(await this.#gather());
  }

  async #gather(
    maxBytes = this.#maxBufferedBytes,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const feed = this.#feed;
    if (feed.remainingBytes > maxBytes) this.#tooLarge();
    if (feed.gather !== undefined) {
      return await feed.gather(maxBytes) ?? this.#tooLarge();
    }
    // One array that doubles, not a list of pieces: a list would take a hundred
    // times the size of the body if a peer sends single bytes.
    let gathered = new Uint8Array(0);
    let size = 0;
    for (;;) {
      const piece = await feed.pull();
      if (piece === null) {
        return size === gathered.length ? gathered : gathered.slice(0, size);
      }
      const needed = size + piece.length;
      if (needed > maxBytes) this.#tooLarge();
      if (needed > gathered.length) {
        const larger = new Uint8Array(
          capacityFor(needed, feed.remainingBytes, gathered.length),
        );
        larger.set(gathered);
        gathered = larger;
      }
      gathered.set(piece, size);
      size = needed;
    }
  }

  #tooLarge(): never {
    this.#feed.cancel();
    const error = new ProtocolError(
      "BODY_TOO_LARGE",
      `Cannot buffer body: longer than ${this.#maxBufferedBytes} bytes (maxBufferedBodyBytes)`,
      this.#maxBufferedBytes,
    );
    throw this.#feed.convertError?.(error) ?? error;
  }
}

/** A `Content-Type` of a form with uploads, compared without case (RFC 9110 §8.3.1). */
const MULTIPART = /^multipart\/form-data[ \t]*(?:;|$)/i;

/** The `boundary` parameter, plain or quoted (RFC 2046 §5.1.1). */
const BOUNDARY = /;[ \t]*boundary=(?:"([^"]{1,70})"|([^\s";]{1,70}))/i;

/** How many bytes at the end of a multipart body are searched for its last line. */
const MAX_LAST_LINE_BYTES = 256;

/**
 * Parses a form with the runtime's parser. That parser silently drops an
 * incomplete last part, so the line that ends the form is checked here.
 */
async function parseMultipart(
  bytes: Uint8Array<ArrayBuffer>,
  type: string,
): Promise<FormData> {
  const [, quoted, plain] = BOUNDARY.exec(type) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) {
    throw new SyntaxError(
      "Cannot parse form: its Content-Type has no boundary",
    );
  }
  const end = decoder.decode(bytes.subarray(-MAX_LAST_LINE_BYTES)).trimEnd();
  if (!end.endsWith(`--${boundary}--`)) {
    throw new SyntaxError(
      "Cannot parse form: the closing boundary line is missing",
    );
  }
  const response = new Response(bytes, { headers: { "content-type": type } });
  try {
    return await response.formData();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxError(`Cannot parse form: ${why}`, { cause });
  }
}

/** Copies a view into new memory. It does not use `slice()`, which for a Node `Buffer` returns another view. */
function copyOf(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view);
}

/** Iterates over the pieces of a feed, each as `convert` returns it. */
function iterate<Piece extends Uint8Array>(
  feed: BodyFeed,
  convert: (view: Uint8Array) => Piece,
): AsyncIterableIterator<Piece> {
  return {
    async next(): Promise<IteratorResult<Piece>> {
      const view = await feed.pull();
      return view === null
        ? { done: true, value: undefined }
        : { done: false, value: convert(view) };
    },
    return(): Promise<IteratorResult<Piece>> {
      feed.cancel();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator](): AsyncIterableIterator<Piece> {
      return this;
    },
  };
}

/** Size of the next array for a body of which `neededBytes` have arrived: the rest included if that is not much more. */
function capacityFor(
  neededBytes: number,
  remainingBytes: number,
  currentBytes: number,
): number {
  const total = neededBytes + remainingBytes;
  return remainingBytes >= 0 && total <= neededBytes * MAX_DECLARED_RATIO
    ? total
    : Math.max(neededBytes, currentBytes * 2, INITIAL_GATHER_BYTES);
}
