/**
 * What a connection has to send, in order: small pieces are gathered in pooled
 * buffers, large ones are sent without a copy. The transport takes one buffer
 * at a time, sends it in any number of parts, and reports how much was sent.
 * Handlers may wait for that. A part of a file may follow the buffers.
 */

/** Sizes of pooled buffers, in bytes: one for several small responses, one for a piece of a stream with its framing. */
const SMALL_BYTES = 4096;
const LARGE_BYTES = 65_536 + 1024;

/** How many free buffers of each size a pool keeps: enough for a few hundred busy connections. */
const MAX_FREE_SMALL = 512;
const MAX_FREE_LARGE = 128;

/** Bytes to send. */
export class OutputBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset after the last byte to send. */
  end: number;
  /** How many bytes fit. */
  readonly capacity: number;
  /** Whether it returns to its pool after it was sent. */
  readonly isPooled: boolean;
  /** Whether the memory belongs to the program, which may change it after it was sent. */
  readonly isBorrowed: boolean;
  /** An engine's own handle for the bytes, such as their address; `null` until the engine makes one. */
  address: unknown = null;
  #view: Uint8Array<ArrayBuffer>;
  /** The length of `#view`. perf: reading it from the array costs 10 more instructions (bench/machine_count.ts, listen-hello). */
  #viewSize: number;

  private constructor(
    bytes: Uint8Array<ArrayBuffer>,
    end: number,
    isPooled: boolean,
    isBorrowed: boolean,
  ) {
    this.bytes = bytes;
    this.end = end;
    this.capacity = bytes.length;
    this.isPooled = isPooled;
    this.isBorrowed = isBorrowed;
    this.#view = bytes;
    this.#viewSize = bytes.length;
  }

  /** An empty buffer to fill. */
  static pooled(sizeBytes: number): OutputBuffer {
    return new OutputBuffer(new Uint8Array(sizeBytes), 0, true, false);
  }

  /** A buffer of bytes that never change and are sent many times. */
  static constant(bytes: Uint8Array<ArrayBuffer>): OutputBuffer {
    return new OutputBuffer(bytes, bytes.length, false, false);
  }

  /** A buffer whose memory belongs to the program. */
  static borrowed(bytes: Uint8Array): OutputBuffer {
    const plain = bytes as Uint8Array<ArrayBuffer>; // it is only read
    return new OutputBuffer(plain, bytes.length, false, true);
  }

  /**
   * The bytes to send as one array.
   *
   * perf: responses of one route mostly have the same length, so the last view
   * is used again; `subarray` costs 460 instructions (bench/machine_bench.ts,
   * hello).
   */
  view(): Uint8Array<ArrayBuffer> {
    if (this.#viewSize !== this.end) {
      this.#view = this.bytes.subarray(0, this.end);
      this.#viewSize = this.end;
    }
    return this.#view;
  }
}

/** A part of a file, which the transport reads or lets the system send. */
export interface FileRegion {
  /** The system's descriptor; `null` if the file has to be read. */
  readonly fd: number | null;
  /** Offset of the next byte to send. */
  readonly position: number;
  /** Offset after the last byte. */
  readonly end: number;
  /** The most bytes that one system call may send from the descriptor. */
  readonly callBytes: number;
  /** Whether a read is running in the background. */
  readonly isReading: boolean;
  /**
   * Returns bytes from the next one on, which are valid until the next call, or a
   * promise that settles when they can be returned. Not called while
   * {@linkcode FileRegion.isReading}.
   *
   * @throws {Error} If the file ends there or cannot be read; the promise rejects
   * for the same reasons.
   */
  nextPiece(): Uint8Array | Promise<void>;
  /** Reports how long a system call has taken to send from the descriptor. After a slow one, the next bytes are read in the background. */
  noteDuration(durationMs: number): void;
  /** Reports that bytes were sent. Only {@linkcode Output.sentOfFile} calls it. */
  advance(size: number): void;
  /** Reports why the next byte cannot be read. Only {@linkcode Output.fileFailed} calls it. */
  fail(error: unknown): void;
}

/**
 * The most bytes of a file that count as pending. V8 stores the counts without
 * an allocation while they have 31 bits.
 */
const MAX_FILE_WINDOW_BYTES = 0x3fff0000;

/** Free buffers, shared by the connections of an engine. */
export class OutputPool {
  #small: OutputBuffer[] = [];
  #large: OutputBuffer[] = [];

  /** Returns an empty buffer with room for at least `size` bytes. */
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

/** The empty {@linkcode Output} queue, shared by all; never changed. */
const NO_BUFFERS: OutputBuffer[] = [];

/** A promise that settles when the output was sent up to a position. */
interface SentWaiter {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** One connection's output; see the file's header. */
export class Output {
  /** Bytes that were added and are not yet reported as sent. */
  pendingBytes = 0;
  /** Bytes that were added since the connection began. */
  totalBytes = 0;
  /** How many bytes of the first buffer were sent. */
  sentOfFirst = 0;
  /**
   * The file that is sent after all buffers; `null` if there is none. Nothing is
   * added until it is sent, since its exchange has not ended.
   */
  file: FileRegion | null = null;
  /** Whether the transport takes {@linkcode Output.file}. */
  takesFiles = false;
  /** Whether it can let the system send from a descriptor, so that nothing is read. */
  sendsDescriptors = false;
  /** Whether the transport sends as soon as it is told to, and can use {@linkcode Output.moreFollows}. */
  sendsAtOnce = false;
  /**
   * Set while the transport is told to send, if more output will probably follow
   * within a few microtask turns: the system may hold back an incomplete packet.
   * If nothing follows, the connection wakes the transport again.
   */
  moreFollows = false;
  /** Why nothing more can be sent; `null` while output can be sent. */
  failure: Error | null = null;
  #pool: OutputPool;
  /**
   * The buffer that is sent next; the transport may be sending it. `null` if
   * nothing is pending, or if only copies of the constant in `#open` are.
   */
  #first: OutputBuffer | null = null;
  /** The buffers after the first. */
  #rest: OutputBuffer[] = NO_BUFFERS;
  /**
   * The buffer that further bytes are written to. It is the last one in the
   * queue, or an empty one that is not queued yet; `null` if the last one was
   * taken. If it is a constant, only copies of it are pending, and they are
   * written to a pooled buffer before further bytes.
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

  /** Returns an array with room for `size` bytes from {@linkcode Output.end} on. */
  reserve(size: number): Uint8Array<ArrayBuffer> {
    const open = this.#open;
    return open !== null && open.capacity - open.end >= size
      ? open.bytes
      : this.#makeRoom(size);
  }

  /** Reports that bytes were written up to `end` in the reserved array. */
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
   * perf: if nothing else is pending, it is sent from its own buffer without a
   * copy, which reduces the time of a request without its I/O to 0.95 times
   * (bench/machine_bench.ts, hello, Deno 2.9). If the same one is added again,
   * only its bytes are counted, and all copies are made when they are taken: 0.87
   * times the instructions of one copy a request (pipelined-16).
   */
  appendConstant(buffer: OutputBuffer): void {
    if (this.pendingBytes > 0) {
      this.#appendAgain(buffer);
      return;
    }
    const size = buffer.end;
    this.#first = buffer;
    this.#open = buffer;
    this.pendingBytes = size;
    this.totalBytes += size;
  }

  /** Adds a piece without copying it; it must not change until it was sent. */
  push(bytes: Uint8Array): void {
    const size = bytes.length;
    if (size === 0) return;
    if (this.#first === null && this.pendingBytes > 0) this.#takeCopies();
    if (this.end > 0) this.#open = null;
    this.#enqueue(OutputBuffer.borrowed(bytes));
    this.pendingBytes += size;
    this.totalBytes += size;
  }

  /** Adds a part of a file that is not empty. Its transport calls {@linkcode Output.sentOfFile}. */
  pushFile(file: FileRegion): void {
    if (this.#first === null && this.pendingBytes > 0) this.#takeCopies();
    if (this.end > 0) this.#open = null;
    this.file = file;
    this.#countFile(file);
  }

  /** Reports that `size` more bytes of the file were sent. No buffer may be pending. */
  sentOfFile(size: number): void {
    const file = this.file!; // the transport has just sent a part of it
    this.pendingBytes -= size;
    file.advance(size);
    if (file.position === file.end) this.file = null;
    else if (this.pendingBytes === 0) this.#countFile(file);
    if (this.#waiters !== null) this.#settle(this.#waiters);
  }

  /** Reports that no more of the file can be sent, and why. No buffer may be pending. */
  fileFailed(error: unknown): void {
    const file = this.file!; // the transport has just tried to send a part of it
    this.file = null;
    this.totalBytes -= this.pendingBytes;
    this.pendingBytes = 0;
    file.fail(error);
  }

  #countFile({ position, end }: FileRegion): void {
    const size = Math.min(end - position, MAX_FILE_WINDOW_BYTES);
    this.pendingBytes += size;
    this.totalBytes += size;
  }

  /**
   * Returns the buffer to send next, or `null` if none is pending. The bytes
   * to send are those from {@linkcode Output.sentOfFirst} to its end. Later
   * calls return the same buffer, and its bytes do not change, until all of it
   * is reported with {@linkcode Output.sent}.
   */
  take(): OutputBuffer | null {
    const first = this.#first;
    if (first === null) {
      return this.pendingBytes > 0 ? this.#takeCopies() : null;
    }
    if (first === this.#open) this.#open = null;
    return first;
  }

  /** Reports that `size` more bytes of the taken buffer were sent. */
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

  /** Asks the transport to close the write direction. All output was sent, and nothing will be added. */
  requestEnd(): void {
    this.#isEndWanted = true;
  }

  /** Whether there is something to send, or the write direction to close. */
  get hasWork(): boolean {
    return this.pendingBytes > 0 || this.#isEndWanted;
  }

  /** Returns `true` once after {@linkcode Output.requestEnd}: the transport then closes the write direction. */
  takeEnd(): boolean {
    if (!this.#isEndWanted) return false;
    this.#isEndWanted = false;
    return true;
  }

  /** Resolves when all output so far was sent; rejects if the connection fails before. */
  drained(): Promise<void> {
    return this.sentUpTo(this.totalBytes);
  }

  /** Resolves when the output was sent up to `position`; rejects if the connection fails before. */
  sentUpTo(position: number): Promise<void> {
    if (this.sentBytes >= position) return Promise.resolve();
    if (this.failure !== null) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.#waiters ??= [];
      this.#waiters.push({ position, resolve, reject });
    });
  }

  /** Drops unsent output after the connection was closed. `pendingBytes` keeps its value. */
  fail(reason: Error): void {
    this.failure = reason;
    this.#first = null;
    this.#rest = NO_BUFFERS;
    this.#open = null;
    this.file = null;
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
    if (open !== null && !open.isPooled) {
      return this.#copyConstant(open, size).bytes;
    }
    const used = this.end;
    const isJoined = open !== null && used + size <= LARGE_BYTES;
    const next = this.#pool.take(isJoined ? used + size : size);
    this.#open = next;
    if (isJoined) {
      // Sending a batch of responses in one write is what makes pipelining
      // cheap.
      next.bytes.set(open.view());
      next.end = used;
      this.#replace(open, next);
    }
    if (open !== null && (isJoined || used === 0)) this.#pool.give(open);
    return next.bytes;
  }

  /** Counts a constant once more if only copies of it are pending; appends its bytes otherwise. */
  #appendAgain(buffer: OutputBuffer): void {
    if (buffer !== this.#open) {
      this.append(buffer.bytes);
      return;
    }
    this.#first = null; // until the copies are made
    this.pendingBytes += buffer.end;
    this.totalBytes += buffer.end;
  }

  /** Makes the copies of a constant that was added several times, and takes them. */
  #takeCopies(): OutputBuffer | null {
    const constant = this.#open;
    if (constant === null || constant.isPooled) return null; // the output has failed
    const copies = this.#copyConstant(constant, 0);
    this.#open = null;
    return copies;
  }

  /** Copies the constant to a pooled buffer as often as it was added; leaves room for `size` more bytes. */
  #copyConstant(constant: OutputBuffer, size: number): OutputBuffer {
    const { pendingBytes } = this;
    const next = this.#pool.take(pendingBytes + size);
    const { bytes } = next;
    bytes.set(constant.bytes);
    for (let end = constant.end; end < pendingBytes; end *= 2) {
      bytes.copyWithin(end, 0, Math.min(end, pendingBytes - end));
    }
    next.end = pendingBytes;
    this.#first = next;
    this.#open = next;
    return next;
  }

  /** Replaces the last buffer of the queue. */
  #replace(last: OutputBuffer, next: OutputBuffer): void {
    if (next.end === 0) return; // an empty buffer is not in the queue
    if (this.#first === last) this.#first = next;
    else this.#rest[this.#rest.length - 1] = next;
  }
}
