/**
 * What a connection has to send: small pieces gathered in pooled buffers, large
 * ones kept as they are. The engine takes one segment at a time and says when
 * it is gone.
 */

/** Sizes of pooled buffers in bytes: several small answers, and a piece of a stream with its framing. */
const SMALL_BYTES = 4096;
const LARGE_BYTES = 65_536 + 1024;

/** How many free buffers a pool keeps of each: those of a few hundred busy connections. */
const MAX_FREE_SMALL = 512;
const MAX_FREE_LARGE = 32;

/** A buffer and the view that was sent of it last. */
class OutputBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  #view: Uint8Array<ArrayBuffer>;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = this.bytes;
  }

  /**
   * perf: answers of one route have one length, so that the view of the last
   * one fits again; `subarray` costs 460 instructions (bench/server.ts).
   */
  view(end: number): Uint8Array<ArrayBuffer> {
    if (this.#view.length !== end) this.#view = this.bytes.subarray(0, end);
    return this.#view;
  }
}

/** Free buffers, shared by the connections of an engine. */
export class OutputPool {
  #small: OutputBuffer[] = [];
  #large: OutputBuffer[] = [];

  /** Gives a buffer with room for at least `size` bytes. */
  take(size: number): OutputBuffer {
    if (size <= SMALL_BYTES) {
      return this.#small.pop() ?? new OutputBuffer(SMALL_BYTES);
    }
    if (size > LARGE_BYTES) return new OutputBuffer(size);
    return this.#large.pop() ?? new OutputBuffer(LARGE_BYTES);
  }

  /** Takes a buffer back. */
  give(buffer: OutputBuffer): void {
    const size = buffer.bytes.length;
    if (size === SMALL_BYTES) {
      if (this.#small.length < MAX_FREE_SMALL) this.#small.push(buffer);
    } else if (size === LARGE_BYTES && this.#large.length < MAX_FREE_LARGE) {
      this.#large.push(buffer);
    }
  }
}

interface Segment {
  readonly bytes: Uint8Array;
  readonly buffer: OutputBuffer | null;
}

/** One connection's output, in order. */
export class Output {
  /** Bytes put in and not yet reported as sent. */
  pendingBytes = 0;
  /** Bytes put in since the connection began. */
  totalBytes = 0;
  #pool: OutputPool;
  #buffer: OutputBuffer | null = null;
  #end = 0;
  /** A piece that goes out alone; nothing else is queued while there is one. */
  #single: Uint8Array | null = null;
  #segments: Segment[] = [];
  #sendingBuffer: OutputBuffer | null = null;

  /** Creates an empty output. */
  constructor(pool: OutputPool) {
    this.#pool = pool;
  }

  /** Bytes that were sent since the connection began. */
  get sentBytes(): number {
    return this.totalBytes - this.pendingBytes;
  }

  /** Where the next small piece is written; see {@linkcode Output.reserve}. */
  get end(): number {
    return this.#end;
  }

  /** Gives an array with room for `size` bytes from {@linkcode Output.end} on. */
  reserve(size: number): Uint8Array<ArrayBuffer> {
    if (this.#single !== null) this.#unpackSingle();
    const buffer = this.#buffer;
    if (buffer !== null && buffer.bytes.length - this.#end >= size) {
      return buffer.bytes;
    }
    return this.#makeRoom(size);
  }

  /** Says that bytes were written up to `end` in the array that was reserved. */
  commit(end: number): void {
    const size = end - this.#end;
    this.#end = end;
    this.pendingBytes += size;
    this.totalBytes += size;
  }

  /** Adds a copy of a small piece. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.#end);
    this.commit(this.#end + bytes.length);
  }

  /**
   * Adds a small piece that never changes.
   *
   * perf: alone, it is sent as it is, without a buffer and a view of one: 0.95
   * times the time of a request without its I/O (bench/server.ts, GET /, Deno 2.9).
   */
  appendConstant(bytes: Uint8Array): void {
    if (this.pendingBytes > 0 || this.#single !== null) {
      this.append(bytes);
      return;
    }
    this.#single = bytes;
    this.pendingBytes = bytes.length;
    this.totalBytes += bytes.length;
  }

  /** Adds a piece without a copy; it must not change until it was sent. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#single !== null) this.#unpackSingle();
    this.#close();
    this.#segments.push({ bytes, buffer: null });
    this.pendingBytes += bytes.length;
    this.totalBytes += bytes.length;
  }

  /** Gives the next bytes to send, or `null`; {@linkcode Output.sent} must follow. */
  take(): Uint8Array | null {
    const single = this.#single;
    if (single !== null) {
      this.#single = null;
      return single;
    }
    const segment = this.#segments.length === 0
      ? undefined
      : this.#segments.shift();
    if (segment !== undefined) {
      this.#sendingBuffer = segment.buffer;
      return segment.bytes;
    }
    const buffer = this.#buffer;
    if (buffer === null || this.#end === 0) return null;
    this.#sendingBuffer = buffer;
    const view = buffer.view(this.#end);
    this.#buffer = null;
    this.#end = 0;
    return view;
  }

  /** Says that the bytes taken last are gone. */
  sent(size: number): void {
    this.pendingBytes -= size;
    if (this.#sendingBuffer === null) return;
    this.#pool.give(this.#sendingBuffer);
    this.#sendingBuffer = null;
  }

  /** Drops everything that was not taken. */
  clear(): void {
    this.#segments = [];
    this.#single = null;
    this.#buffer = null;
    this.#end = 0;
    this.pendingBytes = 0;
  }

  /** More follows: the piece is copied to where the rest will be gathered. */
  #unpackSingle(): void {
    const single = this.#single;
    this.#single = null;
    if (single === null) return;
    this.pendingBytes -= single.length;
    this.totalBytes -= single.length;
    this.append(single);
  }

  #makeRoom(size: number): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer;
    const needed = this.#end + size;
    if (buffer !== null && needed <= LARGE_BYTES) {
      // One write for a batch of answers is what makes pipelining cheap.
      const larger = this.#pool.take(needed);
      larger.bytes.set(buffer.bytes.subarray(0, this.#end));
      this.#pool.give(buffer);
      this.#buffer = larger;
      return larger.bytes;
    }
    this.#close();
    const next = this.#pool.take(size);
    this.#buffer = next;
    return next.bytes;
  }

  /** Ends the buffer that is being filled, so that a segment can follow. */
  #close(): void {
    const buffer = this.#buffer;
    if (buffer === null) return;
    if (this.#end > 0) {
      this.#segments.push({ bytes: buffer.view(this.#end), buffer });
    } else this.#pool.give(buffer);
    this.#buffer = null;
    this.#end = 0;
  }
}
