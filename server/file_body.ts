/**
 * A part of an open file as a body. A response hands it to its transport, which
 * sends it without a stream in between; everything else that takes a streamed
 * body reads it as an async iterable. `open_file.ts` opens files.
 */

/** Size of the pieces of {@linkcode FileBody} as an iterable, in bytes. */
const PIECE_BYTES = 65_536;

/**
 * An open regular file, as a body reads it. A program may implement it for files
 * that it has opened and checked itself.
 */
export interface FileSource {
  /**
   * The number of the system's descriptor, from which an engine may send without
   * reading; `null` if it is not known. It must stay open until `close` is called.
   */
  readonly fd: number | null;
  /** Reads at most `buffer.length` bytes from `position` on; returns how many, 0 at the end of the file. Used for pieces that are probably in memory. */
  readSync(buffer: Uint8Array, position: number): number;
  /** Does the same as `readSync` without blocking the thread. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Closes the file; called once, when no read is pending. */
  close(): void;
}

/** Which bytes of a file to send. */
export interface FileRange {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
}

/**
 * Bytes of an open file, to be sent once. What it is passed to closes the file,
 * however the response ends. The length is fixed: if the file becomes longer, the
 * rest is not sent; if it becomes shorter, the response is cut off.
 *
 * @example Send a part of a file that the program reads itself
 * ```ts
 * import { FileBody, type FileSource, Server } from "@khttp/khttp";
 * import { assertEquals } from "@std/assert";
 *
 * const file = new TextEncoder().encode("Hello, World!");
 * const readSync = (buffer: Uint8Array, position: number): number => {
 *   const part = file.subarray(position, position + buffer.length);
 *   buffer.set(part);
 *   return part.length;
 * };
 * const source: FileSource = {
 *   fd: null,
 *   readSync,
 *   read: (buffer, position) => Promise.resolve(readSync(buffer, position)),
 *   close() {},
 * };
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/", (_, res) => {
 *   res.ok(new FileBody(source, { start: 7, end: 12 }));
 * });
 * await using handle = app.build().serve();
 * assertEquals(await (await fetch(handle.url)).text(), "World");
 * ```
 */
export class FileBody implements AsyncIterable<Uint8Array> {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
  #source: FileSource;
  #isClosed = false;
  #isReading = false;

  /**
   * Takes an open file over.
   *
   * @param range The bytes to send; they should exist.
   * @throws {RangeError} If the range is not one of a file. The file stays open.
   */
  constructor(source: FileSource, { start, end }: FileRange) {
    if (
      !Number.isSafeInteger(start) || !Number.isSafeInteger(end) ||
      start < 0 || end < start
    ) {
      throw new RangeError(
        `Cannot send bytes ${start} to ${end} of a file: both must be integers, and 0 <= start <= end`,
      );
    }
    this.#source = source;
    this.start = start;
    this.end = end;
  }

  /** How many bytes the body has. */
  get length(): number {
    return this.end - this.start;
  }

  /** The system's descriptor; `null` if it is not known or the file is closed. */
  get fd(): number | null {
    return this.#isClosed ? null : this.#source.fd;
  }

  /**
   * Reads bytes at once, from the memory of the system if they are there.
   *
   * @returns How many bytes, at least one.
   * @throws {RangeError} If the file ends at `position`.
   */
  readSync(buffer: Uint8Array, position: number): number {
    this.#requireOpen();
    return this.#checked(this.#source.readSync(buffer, position), position);
  }

  /**
   * Reads bytes without blocking. If the body is closed meanwhile, the file is
   * closed when the read has ended.
   *
   * @returns How many bytes, at least one.
   * @throws {RangeError} If the file ends at `position`.
   */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.#requireOpen();
    this.#isReading = true;
    try {
      const size = await this.#source.read(buffer, position);
      return this.#checked(size, position);
    } finally {
      this.#isReading = false;
      if (this.#isClosed) this.#source.close();
    }
  }

  /** Closes the file. Closing it again does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isReading) this.#source.close();
  }

  /** Reads the body in pieces, each of which has its own memory, and closes the file at the end. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#pieces((size) => new Uint8Array(size));
  }

  /**
   * Reads the body in pieces that share memory, and closes the file at the end. A
   * piece is valid until the next one is requested.
   *
   * @internal
   */
  views(): AsyncIterable<Uint8Array> {
    let memory: Uint8Array | null = null;
    const pieces = this.#pieces((size) => {
      memory ??= new Uint8Array(size); // the first piece is the largest
      return memory.subarray(0, size);
    });
    return { [Symbol.asyncIterator]: () => pieces };
  }

  #pieces(
    memoryOf: (size: number) => Uint8Array,
  ): AsyncIterator<Uint8Array, undefined> {
    const done = { done: true, value: undefined } as const;
    let position = this.start;
    return {
      next: async () => {
        if (position >= this.end) this.close();
        if (this.#isClosed) return done;
        const size = Math.min(this.end - position, PIECE_BYTES);
        const piece = memoryOf(size);
        const count = await this.read(piece, position);
        position += count;
        return { done: false, value: piece.subarray(0, count) };
      },
      return: () => {
        this.close();
        return Promise.resolve(done);
      },
    };
  }

  #checked(size: number, position: number): number {
    if (size > 0) return size;
    throw new RangeError(
      `Cannot send file: it ends at byte ${position}, before byte ${this.end}, the end of what was declared`,
    );
  }

  #requireOpen(): void {
    if (!this.#isClosed) return;
    throw new TypeError("Cannot read file: the body was sent or closed");
  }
}
