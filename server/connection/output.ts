/**
 * What a connection has to send: small pieces gathered in pooled buffers, large
 * ones kept as they are. The engine takes one segment at a time and says how
 * much of it is gone.
 */

/** Sizes of pooled buffers in bytes: several small answers, and a piece of a stream with its framing. */
const SMALL_BYTES = 4096;
const LARGE_BYTES = 65_536 + 1024;

/** How many free buffers a pool keeps of each: those of a few hundred busy connections. */
const MAX_FREE_SMALL = 512;
const MAX_FREE_LARGE = 128;

/** Bytes to send, what an engine keeps with them, and the view that was sent of them last. */
export class OutputBuffer {
  /** All of the buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether it is written over again once it was sent. */
  readonly isPooled: boolean;
  /** An engine's own handle for the bytes, such as their address; `null` until it made one. */
  address: unknown = null;
  #view: Uint8Array<ArrayBuffer>;

  /** Wraps bytes. */
  constructor(bytes: Uint8Array<ArrayBuffer>, isPooled: boolean) {
    this.bytes = bytes;
    this.isPooled = isPooled;
    this.#view = bytes;
  }

  /**
   * Gives the bytes up to `end`.
   *
   * perf: answers of one route have one length, so that the view of the last
   * one fits again; `subarray` costs 460 instructions (bench/server.ts, GET /).
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
    if (size <= SMALL_BYTES) return this.#small.pop() ?? make(SMALL_BYTES);
    if (size > LARGE_BYTES) return make(size);
    return this.#large.pop() ?? make(LARGE_BYTES);
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

function make(size: number): OutputBuffer {
  return new OutputBuffer(new Uint8Array(size), true);
}

interface Segment {
  readonly bytes: Uint8Array;
  /** The buffer that the bytes are the start of, if there is one. */
  readonly buffer: OutputBuffer | null;
  readonly end: number;
}

const NO_BYTES = new Uint8Array(0);

/** In place of a list of one's own; nothing is ever added to it. */
const NO_SEGMENTS: Segment[] = [];

/** One connection's output, in order. */
export class Output {
  /** Bytes put in and not yet reported as sent. */
  pendingBytes = 0;
  /** Bytes put in since the connection began. */
  totalBytes = 0;
  /** A piece that goes out alone and of which nothing is known to be sent; nothing else is there while there is one. */
  single: OutputBuffer | null = null;
  #isSingleTaken = false;
  /** The buffer of the segment that is being sent, if it lies in one. */
  sendBuffer: OutputBuffer | null = null;
  /** The array of the segment that is being sent, from its start. */
  sendBytes: Uint8Array = NO_BYTES;
  /** Offset of the first byte of it that was not sent. */
  sendStart = 0;
  /** Offset behind the segment's last byte. */
  sendEnd = 0;
  #pool: OutputPool;
  #buffer: OutputBuffer | null = null;
  #end = 0;
  #segments: Segment[] = NO_SEGMENTS;

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
    if (this.single !== null) this.#unpackSingle();
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
  appendConstant(buffer: OutputBuffer): void {
    const { bytes } = buffer;
    if (this.pendingBytes > 0 || this.single !== null) {
      this.append(bytes);
      return;
    }
    this.single = buffer;
    this.pendingBytes = bytes.length;
    this.totalBytes += bytes.length;
  }

  /** Adds a piece without a copy; it must not change until it was sent. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.single !== null) this.#unpackSingle();
    this.#close();
    this.#addSegment({ bytes, buffer: null, end: bytes.length });
    this.pendingBytes += bytes.length;
    this.totalBytes += bytes.length;
  }

  /**
   * Goes on to the next segment, once all of the last one was sent: it is then
   * told by {@linkcode Output.sendBytes}, `sendStart` and `sendEnd`, and must be
   * sent.
   *
   * @returns Whether there is one.
   */
  next(): boolean {
    const single = this.single;
    if (single !== null) {
      this.single = null;
      this.#isSingleTaken = false;
      this.#send(single.bytes, single.bytes.length, single);
      return true;
    }
    if (this.#segments.length > 0) {
      const { bytes, end, buffer } = this.#segments.shift()!; // there is one
      this.#send(bytes, end, buffer);
      return true;
    }
    const buffer = this.#buffer;
    if (buffer === null || this.#end === 0) return false;
    this.#send(buffer.bytes, this.#end, buffer);
    this.#buffer = null;
    this.#end = 0;
    return true;
  }

  /**
   * As {@linkcode Output.next}, for engines that want a view and send it while
   * others may put more behind it: gives it, or `null`.
   *
   * perf: a single piece stays where it is; going on to it as a segment costs 60
   * instructions a request more (bench/server.ts, GET /, Deno 2.9).
   */
  take(): Uint8Array | null {
    const { single } = this;
    if (single !== null) {
      this.#isSingleTaken = true;
      return single.bytes;
    }
    if (!this.next()) return null;
    return this.sendBuffer?.view(this.sendEnd) ?? this.sendBytes;
  }

  /** Says that so many more bytes of the segment are gone, or of the single piece that was taken. */
  sent(size: number): void {
    const { single } = this;
    if (single !== null) {
      if (size === single.bytes.length) {
        this.singleSent();
        return;
      }
      this.#unpackSingle();
    }
    this.pendingBytes -= size;
    this.sendStart += size;
    if (this.sendStart < this.sendEnd) return;
    const buffer = this.sendBuffer;
    if (buffer === null) {
      this.sendBytes = NO_BYTES; // may be large
      return;
    }
    this.sendBuffer = null;
    if (buffer.isPooled) this.#pool.give(buffer);
  }

  /** Says that {@linkcode Output.single} is gone as a whole. */
  singleSent(): void {
    this.single = null;
    this.#isSingleTaken = false;
    this.pendingBytes = 0;
  }

  /** Drops everything that was not taken. */
  clear(): void {
    this.#segments = NO_SEGMENTS;
    this.single = null;
    this.#isSingleTaken = false;
    this.#buffer = null;
    this.#end = 0;
    this.pendingBytes = 0;
  }

  /** More follows: the piece is copied to where the rest will be gathered, or is the segment that is being sent. */
  #unpackSingle(): void {
    const single = this.single;
    this.single = null;
    if (single === null) return;
    if (this.#isSingleTaken) {
      this.#isSingleTaken = false;
      this.#send(single.bytes, single.bytes.length, single);
      return;
    }
    this.pendingBytes -= single.bytes.length;
    this.totalBytes -= single.bytes.length;
    this.append(single.bytes);
  }

  #addSegment(segment: Segment): void {
    if (this.#segments === NO_SEGMENTS) this.#segments = [];
    this.#segments.push(segment);
  }

  #send(bytes: Uint8Array, end: number, buffer: OutputBuffer | null): void {
    this.sendBuffer = buffer;
    this.sendBytes = bytes;
    this.sendStart = 0;
    this.sendEnd = end;
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
      this.#addSegment({ bytes: buffer.bytes, buffer, end: this.#end });
    } else this.#pool.give(buffer);
    this.#buffer = null;
    this.#end = 0;
  }
}
