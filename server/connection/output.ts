/**
 * What a connection has to send, in order: small pieces gathered in pooled
 * buffers, large ones as they are. Its transport takes one buffer at a time,
 * sends it in as many parts as it likes, and says how much has left; handlers
 * may wait for that.
 */

/** Sizes of pooled buffers, in bytes: several small responses, and a piece of a stream with its framing. */
const SMALL_BYTES = 4096;
const LARGE_BYTES = 65_536 + 1024;

/** Free buffers of each size that a pool keeps: what a few hundred busy connections use. */
const MAX_FREE_SMALL = 512;
const MAX_FREE_LARGE = 128;

/** Bytes to send. */
export class OutputBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset after the last byte to send. */
  end: number;
  /** Whether it goes back to its pool once it was sent. */
  readonly isPooled: boolean;
  /** Whether the memory is the program's, which may do anything with it once it was sent. */
  readonly isBorrowed: boolean;
  /** An engine's own handle for the bytes, such as their address; `null` until the engine makes one. */
  address: unknown = null;
  #view: Uint8Array<ArrayBuffer>;

  private constructor(
    bytes: Uint8Array<ArrayBuffer>,
    end: number,
    isPooled: boolean,
    isBorrowed: boolean,
  ) {
    this.bytes = bytes;
    this.end = end;
    this.isPooled = isPooled;
    this.isBorrowed = isBorrowed;
    this.#view = bytes;
  }

  /** An empty buffer to fill. */
  static pooled(sizeBytes: number): OutputBuffer {
    return new OutputBuffer(new Uint8Array(sizeBytes), 0, true, false);
  }

  /** Bytes of our own that never change and are sent many times. */
  static constant(bytes: Uint8Array<ArrayBuffer>): OutputBuffer {
    return new OutputBuffer(bytes, bytes.length, false, false);
  }

  /** Bytes of the program. */
  static borrowed(bytes: Uint8Array): OutputBuffer {
    const plain = bytes as Uint8Array<ArrayBuffer>; // it is only read
    return new OutputBuffer(plain, bytes.length, false, true);
  }

  /**
   * The bytes to send as one array.
   *
   * perf: responses of one route have one length, so the view of the last one
   * fits again; `subarray` costs 460 instructions (bench/machine_bench.ts, hello).
   */
  view(): Uint8Array<ArrayBuffer> {
    if (this.#view.length !== this.end) {
      this.#view = this.bytes.subarray(0, this.end);
    }
    return this.#view;
  }
}

/** Free buffers, shared by the connections of an engine. */
export class OutputPool {
  #small: OutputBuffer[] = [];
  #large: OutputBuffer[] = [];

  /** Gives an empty buffer with room for at least `size` bytes. */
  take(size: number): OutputBuffer {
    if (size <= SMALL_BYTES) {
      return this.#small.pop() ?? OutputBuffer.pooled(SMALL_BYTES);
    }
    if (size > LARGE_BYTES) return OutputBuffer.pooled(size);
    return this.#large.pop() ?? OutputBuffer.pooled(LARGE_BYTES);
  }

  /** Takes a buffer back. */
  give(buffer: OutputBuffer): void {
    const size = buffer.bytes.length;
    buffer.end = 0;
    if (size === SMALL_BYTES) {
      if (this.#small.length < MAX_FREE_SMALL) this.#small.push(buffer);
    } else if (size === LARGE_BYTES && this.#large.length < MAX_FREE_LARGE) {
      this.#large.push(buffer);
    }
  }
}

/** The rest of an output without one; nothing is ever added to it. */
const NO_BUFFERS: OutputBuffer[] = [];

/** A promise for the moment when a position of the output was sent. */
interface SentWaiter {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** One connection's output; see the file's header. */
export class Output {
  /** Bytes that were added and not yet reported as sent. */
  pendingBytes = 0;
  /** Bytes that were added since the connection began. */
  totalBytes = 0;
  /** Bytes of the buffer in front that were sent. */
  sentOfFirst = 0;
  /** Why nothing more can be sent, once that is so. */
  failure: Error | null = null;
  #pool: OutputPool;
  /** The buffer that is sent next; the transport may be sending it. */
  #first: OutputBuffer | null = null;
  /** The buffers after the first. */
  #rest: OutputBuffer[] = NO_BUFFERS;
  /**
   * The buffer that more bytes go to: the last one, unless it is empty or was
   * taken. A constant has no room, so its bytes are copied to a pooled buffer in
   * front of what follows.
   */
  #open: OutputBuffer | null = null;
  #isEndWanted = false;
  #waiters: SentWaiter[] | null = null;

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
    return this.#open === null ? 0 : this.#open.end;
  }

  /** Gives an array with room for `size` bytes from {@linkcode Output.end} on. */
  reserve(size: number): Uint8Array<ArrayBuffer> {
    const open = this.#open;
    return open !== null && open.bytes.length - open.end >= size
      ? open.bytes
      : this.#makeRoom(size);
  }

  /** Says that bytes were written up to `end` in the array that was reserved. */
  commit(end: number): void {
    const open = this.#open;
    if (open === null || end === open.end) return;
    if (open.end === 0) this.#enqueue(open);
    const size = end - open.end;
    open.end = end;
    this.pendingBytes += size;
    this.totalBytes += size;
  }

  /** Adds a copy of a small piece. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.end);
    this.commit(this.end + bytes.length);
  }

  /**
   * Adds a response that never changes.
   *
   * perf: if nothing else is pending, it is sent from its own buffer instead of
   * being copied to another: 0.95 times the time of a request without its I/O
   * (bench/machine_bench.ts, hello, Deno 2.9).
   */
  appendConstant(buffer: OutputBuffer): void {
    const size = buffer.end;
    if (this.pendingBytes > 0) {
      this.append(buffer.bytes);
      return;
    }
    this.#first = buffer;
    this.#open = buffer;
    this.pendingBytes = size;
    this.totalBytes += size;
  }

  /** Adds a piece without a copy; it must not change until it was sent. */
  push(bytes: Uint8Array): void {
    const size = bytes.length;
    if (size === 0) return;
    if (this.end > 0) this.#open = null;
    this.#enqueue(OutputBuffer.borrowed(bytes));
    this.pendingBytes += size;
    this.totalBytes += size;
  }

  /**
   * Gives the buffer to send next, or `null` if nothing is pending: its bytes
   * from {@linkcode Output.sentOfFirst} up to its end. It stays the next one
   * until all of it is reported as {@linkcode Output.sent}, and does not change
   * meanwhile.
   */
  take(): OutputBuffer | null {
    const first = this.#first;
    if (first === null) return null;
    if (first === this.#open) this.#open = null;
    return first;
  }

  /** Says that `size` more bytes of the buffer that was taken were sent. */
  sent(size: number): void {
    const first = this.#first!; // it was taken
    const sentOfFirst = this.sentOfFirst + size;
    this.pendingBytes -= size;
    if (sentOfFirst < first.end) {
      this.sentOfFirst = sentOfFirst;
      return;
    }
    this.sentOfFirst = 0;
    this.#first = this.#rest.length === 0 ? null : this.#rest.shift()!; // there is one
    if (first.isPooled) this.#pool.give(first);
    if (this.#waiters !== null) this.#settle(this.#waiters);
  }

  /** All was sent and nothing will be added: asks the transport to close the write direction. */
  requestEnd(): void {
    this.#isEndWanted = true;
  }

  /** Whether the transport is asked to close the write direction; says so once. */
  takeEnd(): boolean {
    if (!this.#isEndWanted) return false;
    this.#isEndWanted = false;
    return true;
  }

  /** Resolves when all output so far was sent; rejects when it cannot be. */
  drained(): Promise<void> {
    return this.sentUpTo(this.totalBytes);
  }

  /** Resolves when `position` bytes of the connection were sent; rejects when they cannot be. */
  sentUpTo(position: number): Promise<void> {
    if (this.sentBytes >= position) return Promise.resolve();
    if (this.failure !== null) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.#waiters ??= [];
      this.#waiters.push({ position, resolve, reject });
    });
  }

  /** Drops what was not sent: the connection is closed. What is pending stays pending. */
  fail(reason: Error): void {
    this.failure = reason;
    this.#first = null;
    this.#rest = NO_BUFFERS;
    this.#open = null;
    this.sentOfFirst = 0;
    const waiters = this.#waiters ?? [];
    this.#waiters = null;
    for (const { reject } of waiters) reject(reason);
  }

  #enqueue(buffer: OutputBuffer): void {
    if (this.#first === null) {
      this.#first = buffer;
      return;
    }
    if (this.#rest === NO_BUFFERS) this.#rest = [];
    this.#rest.push(buffer);
  }

  #settle(waiters: readonly SentWaiter[]): void {
    const { sentBytes } = this;
    const left = waiters.filter(({ position }) => position > sentBytes);
    this.#waiters = left.length === 0 ? null : left;
    for (const { position, resolve } of waiters) {
      if (position <= sentBytes) resolve();
    }
  }

  /** Opens a buffer with room for `size` more bytes. */
  #makeRoom(size: number): Uint8Array<ArrayBuffer> {
    const open = this.#open;
    const used = this.end;
    const isJoined = open !== null && used + size <= LARGE_BYTES;
    const next = this.#pool.take(isJoined ? used + size : size);
    this.#open = next;
    if (isJoined) {
      // One write for a batch of responses is what makes pipelining cheap.
      next.bytes.set(open.bytes.subarray(0, used));
      next.end = used;
      this.#replace(open, next);
    }
    const isUnused = isJoined || used === 0;
    if (open !== null && open.isPooled && isUnused) this.#pool.give(open);
    return next.bytes;
  }

  /** Puts a buffer where the last one was. */
  #replace(last: OutputBuffer, next: OutputBuffer): void {
    if (next.end === 0) return; // an empty buffer is not in the line
    if (this.#first === last) this.#first = next;
    else this.#rest[this.#rest.length - 1] = next;
  }
}
