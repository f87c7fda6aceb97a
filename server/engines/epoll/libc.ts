/**
 * The C library: which calls are used, how they are declared, and how they are
 * found. Nothing here knows what they are used for.
 *
 * V8 calls a symbol directly only from optimised code and only if its types
 * allow it, so that sizes are 32-bit numbers (64-bit ones would be BigInts) and
 * places that never move are pointers made once: a `buffer` costs 130
 * instructions more a call. No `UnsafePointer` is used: it needs the whole FFI
 * permission, where these calls need that of one library.
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
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
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
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  eventfd_read: { parameters: ["i32", "buffer"], result: "i32" },
  eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  waitInBackground: {
    name: "epoll_wait",
    parameters: ["i32", "pointer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  malloc: { parameters: ["u32"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
  getaddrinfo: {
    parameters: ["buffer", "pointer", "buffer", "buffer"],
    result: "i32",
  },
  freeaddrinfo: { parameters: ["u64"], result: "void" },
  __errno_location: { parameters: [], result: "pointer" },
  copyFrom: {
    name: "memcpy",
    parameters: ["buffer", "pointer", "u32"],
    result: "void",
  },
  copyFromNumber: {
    name: "memcpy",
    parameters: ["buffer", "u64", "u32"],
    result: "void",
  },
  addressOf: {
    name: "memcpy",
    parameters: ["buffer", "buffer", "u32"],
    result: "pointer",
  },
} as const;

/** The calls. */
export type Calls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Where the library is looked for by default: the loader knows its place. */
const DEFAULT_LIBRARY = "libc.so.6";

/** Architectures whose structures are known. */
const ARCHITECTURES: ReadonlySet<string> = new Set(["x86_64", "aarch64"]);

/** The C library of this thread. */
export class Libc {
  /** The calls, as their manual pages have them. */
  readonly calls: Calls;
  /**
   * The calls of each request.
   *
   * perf: the runtime keeps its symbols in a dictionary; a field of a class saves
   * 15 instructions a call (bench/server.ts, GET /).
   */
  readonly recv: Calls["recv"];
  /** See {@linkcode Libc.recv}. */
  readonly send: Calls["send"];
  #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  #errnoAddress: Deno.PointerValue;
  #errno = new Int32Array(1);

  /**
   * Opens the library.
   *
   * @param path Where it is, if not where the loader looks: a permission for
   * one path is for exactly that text.
   * @throws {Deno.errors.NotSupported} If this is no Linux, or none that is known.
   * @throws {Deno.errors.NotCapable} Without the permission.
   */
  constructor(path: string = DEFAULT_LIBRARY) {
    requireLinux();
    try {
      this.#library = Deno.dlopen(path, SYMBOLS);
    } catch (cause) {
      throw cannotOpen(path, cause);
    }
    this.calls = this.#library.symbols;
    this.recv = this.calls.recv;
    this.send = this.calls.send;
    this.#errnoAddress = this.calls.__errno_location();
  }

  /** The error of the last call that failed; ask before the next one. */
  errno(): number {
    this.calls.copyFrom(this.#errno, this.#errnoAddress, 4);
    return this.#errno[0]!; // it has one element
  }

  /**
   * Where the first of these bytes lies, for as long as they live.
   *
   * V8 keeps short arrays where they may be moved, until somebody asks for
   * their buffer.
   */
  addressOf(bytes: Uint8Array<ArrayBuffer>): Deno.PointerValue {
    const { buffer, byteOffset, length } = bytes;
    const settled = new Uint8Array(buffer, byteOffset, length);
    return this.calls.addressOf(settled, settled, 0);
  }

  /** Closes the library: none of its calls may be used any more. */
  close(): void {
    this.#library.close();
  }
}

function requireLinux(): void {
  const { os, arch } = Deno.build;
  if (os === "linux" && ARCHITECTURES.has(arch)) return;
  throw new Deno.errors.NotSupported(
    `Cannot serve with epoll on ${os} (${arch}): it exists on Linux, x86-64 and aarch64; use serve()`,
  );
}

function cannotOpen(path: string, cause: unknown): Error {
  if (cause instanceof Deno.errors.NotCapable) {
    return new Deno.errors.NotCapable(
      `Cannot serve with epoll: calling the C library is not allowed. Run with --allow-ffi, or with --allow-ffi=/path/to/libc.so.6 and that path as option libc; or use serve()`,
      { cause },
    );
  }
  return new Deno.errors.NotSupported(
    `Cannot serve with epoll: the C library is not at ${
      JSON.stringify(path)
    }. Give its path as option libc, or use serve()`,
    { cause },
  );
}
