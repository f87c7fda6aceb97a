/**
 * The C library: the calls that the engine uses, their declarations, and the
 * constants of the system's headers that several files need.
 *
 * V8 calls a symbol directly only from optimised code, and only if its types
 * allow it. Sizes are therefore 32-bit numbers (64-bit ones would be BigInts),
 * and memory that never moves is passed as a pointer made once: a `buffer`
 * costs 130 instructions more a call. `UnsafePointer` is not used, since it
 * needs the permission for all of FFI; these calls need it for one library.
 */

// The values are the same on x86-64 and aarch64.
export const SOCK_STREAM = 1;
/** Makes the calls on a socket return instead of waiting (`SOCK_NONBLOCK`). */
export const NON_BLOCKING = 0o4000;
/** Closes the descriptor in programs that this process starts (`SOCK_CLOEXEC`). */
export const CLOSE_ON_EXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;

/** Makes the call fail with an error if the pipe is broken, instead of raising a signal. */
export const MSG_NOSIGNAL = 0x4000;

/** Duplicates a descriptor, with `CLOSE_ON_EXEC` (`F_DUPFD_CLOEXEC`). */
export const DUPLICATE = 1030;

export const EPOLL_ADD = 1;
export const EPOLL_REMOVE = 2;

/** What a call of a socket returns, instead of throwing, if it would block. */
export const WOULD_WAIT = -1;
/** What it returns for a file that the system cannot send from, or that ends there. */
export const CANNOT_SEND_FILE = -2;

/**
 * Calls that serving needs. Deno compiles a function for each of these when the
 * library is opened, which takes longer for each `buffer`. Calls that few servers
 * need are therefore in {@linkcode SETUP_SYMBOLS}.
 */
const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  recvBytes: {
    name: "recv",
    parameters: ["i32", "buffer", "u32", "i32"],
    result: "i32",
  },
  send: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  sendBytes: {
    name: "send",
    parameters: ["i32", "buffer", "u32", "i32"],
    result: "i32",
  },
  sendfile: { parameters: ["i32", "i32", "pointer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "pointer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  waitInBackground: {
    name: "epoll_wait",
    parameters: ["i32", "pointer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  malloc: { parameters: ["u32"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
  __errno_location: { parameters: [], result: "pointer" },
  copy: {
    name: "memcpy",
    parameters: ["pointer", "pointer", "u32"],
    result: "void",
  },
  // Returns its first argument; with a size of 0, it sets nothing.
  addressOf: {
    name: "memset",
    parameters: ["buffer", "i32", "u32"],
    result: "pointer",
  },
} as const;

/** Calls that only some servers need: while they start, or after a worker has died. */
const SETUP_SYMBOLS = {
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  // Variadic, which makes no difference to a call with integers.
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  getaddrinfo: {
    parameters: ["buffer", "pointer", "buffer", "buffer"],
    result: "i32",
  },
  freeaddrinfo: { parameters: ["u64"], result: "void" },
  copyFromNumber: {
    name: "memcpy",
    parameters: ["buffer", "u64", "u32"],
    result: "void",
  },
} as const;

/** The calls that serving needs, by name. */
export type Calls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The calls of {@linkcode Libc.setupCalls}, by name. */
export type SetupCalls = Deno.DynamicLibrary<typeof SETUP_SYMBOLS>["symbols"];

/** The name under which the loader finds the library. */
const DEFAULT_LIBRARY = "libc.so.6";

/** Architectures whose structure layouts this engine knows. */
const ARCHITECTURES: ReadonlySet<string> = new Set(["x86_64", "aarch64"]);

/** The C library, opened for one thread. */
export class Libc {
  /** The calls, as in their manual pages. */
  readonly calls: Calls;
  /**
   * The call that receives; made once a request, as `send` is.
   *
   * perf: a class field instead of the runtime's dictionary of symbols saves 15
   * instructions a call (bench/server.ts, GET /).
   */
  readonly recv: Calls["recv"];
  /** See {@linkcode Libc.recv}. */
  readonly send: Calls["send"];
  #path: string;
  #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  #setupLibrary: Deno.DynamicLibrary<typeof SETUP_SYMBOLS> | null = null;
  #errnoAddress: Deno.PointerValue;
  #errno = new Int32Array(1);
  #errnoCopyAt: Deno.PointerValue;
  /** An offset in a file, of which the first half is the lower one. */
  #offset = new Uint32Array(2);
  #offsetAt: Deno.PointerValue;
  #noEvent = new Int32Array(4);
  /** The address of an event without bits, for `epoll_ctl`. */
  readonly noEventAt: Deno.PointerValue;

  /**
   * Opens the library.
   *
   * @param path The library's path. A permission for one path covers exactly
   * that string.
   * @throws {Deno.errors.NotSupported} If the system or the architecture is not
   * supported, or there is no library at the path.
   * @throws {Deno.errors.NotCapable} If the permission is missing.
   */
  constructor(path: string = DEFAULT_LIBRARY) {
    requireLinux();
    this.#path = path;
    try {
      this.#library = Deno.dlopen(path, SYMBOLS);
    } catch (cause) {
      throw cannotOpen(path, cause);
    }
    this.calls = this.#library.symbols;
    this.recv = this.calls.recv;
    this.send = this.calls.send;
    this.#errnoAddress = this.calls.__errno_location();
    this.#errnoCopyAt = this.addressOf(this.#errno);
    this.#offsetAt = this.addressOf(this.#offset);
    this.noEventAt = this.addressOf(this.#noEvent);
  }

  /**
   * The calls that few servers need; the first use opens them. A program may give
   * up its permissions once it serves. So a server that needs these calls later
   * reads this property while it starts.
   */
  get setupCalls(): SetupCalls {
    this.#setupLibrary ??= Deno.dlopen(this.#path, SETUP_SYMBOLS);
    return this.#setupLibrary.symbols;
  }

  /** Returns the error number of the last failed call; valid until the next call. */
  errno(): number {
    this.calls.copy(this.#errnoCopyAt, this.#errnoAddress, 4);
    return this.#errno[0]!; // it has one element
  }

  /** Sends bytes of a file from an offset; returns how many, or -1. */
  sendFile(socketFd: number, fd: number, offset: number, size: number): number {
    this.#offset[0] = offset % 2 ** 32;
    this.#offset[1] = Math.floor(offset / 2 ** 32);
    return this.calls.sendfile(socketFd, fd, this.#offsetAt, size);
  }

  /**
   * Returns the address of an array's first byte; valid while its buffer lives.
   *
   * V8 may move the contents of a short array until its `buffer` is read, so
   * this reads it first.
   */
  addressOf(array: ArrayBufferView<ArrayBuffer>): Deno.PointerValue {
    const { buffer, byteOffset, byteLength } = array;
    const pinned = new Uint8Array(buffer, byteOffset, byteLength);
    return this.calls.addressOf(pinned, 0, 0);
  }

  /** Closes the library; none of its calls may be used afterwards. */
  close(): void {
    this.#setupLibrary?.close();
    this.#library.close();
  }
}

function requireLinux(): void {
  const { os, arch } = Deno.build;
  if (os === "linux" && ARCHITECTURES.has(arch)) return;
  throw new Deno.errors.NotSupported(
    `Cannot serve with epoll on ${os} (${arch}): it exists on Linux, x86-64 and aarch64; use the engine "listen" of serve()`,
  );
}

function cannotOpen(path: string, cause: unknown): Error {
  if (cause instanceof Deno.errors.NotCapable) {
    return new Deno.errors.NotCapable(
      `Cannot serve with epoll: calling the C library is not allowed. Run with --allow-ffi, or with --allow-ffi=/path/to/libc.so.6 and that path as option libc; or use the engine "listen" of serve()`,
      { cause },
    );
  }
  return new Deno.errors.NotSupported(
    `Cannot serve with epoll: the C library is not at ${
      JSON.stringify(path)
    }. Give its path as option libc, or use the engine "listen" of serve()`,
    { cause },
  );
}
