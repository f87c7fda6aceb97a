/**
 * Calls of the C library on files whose paths are not UTF-8, which the runtime's
 * own calls cannot open. Memory is passed as arrays and nothing is read through
 * a pointer, so the permission for one library is enough. Linux only.
 */

import { bytesOfName, nameOfBytes } from "./byte_names.ts";
import type { ByteDescriptors, Metadata } from "./descriptors.ts";

const LIBRARY = "libc.so.6";

const SYMBOLS = {
  // `open` is variadic, which makes no difference to a call with integers. Sizes
  // are far below 2^32, so `u32` avoids BigInts.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
  },
  pread: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  preadInBackground: {
    name: "pread",
    parameters: ["i32", "buffer", "u32", "i64"],
    result: "i32",
    nonblocking: true,
  },
  readlink: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
  memcpy: { parameters: ["buffer", "pointer", "u32"], result: "void" },
} as const;

/** `O_NONBLOCK | O_CLOEXEC`, the same on x86-64 and aarch64. */
const OPEN_FLAGS = 0o2004000;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BYTES = 256;
/** The kinds of file in a mode (`S_IFMT`, `S_IFREG`, `S_IFDIR`). */
const KIND = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;
const MAX_PATH_BYTES = 4096;
const LIST_BYTES = 65_536;
/** Offset of the name in an entry of `getdents64`, after inode, position, size and kind. */
const ENTRY_NAME = 19;

/** The errors that a handler tells apart, by number. */
const CODES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  6: "ENXIO",
  13: "EACCES",
  20: "ENOTDIR",
  23: "ENFILE",
  24: "EMFILE",
  36: "ENAMETOOLONG",
  40: "ELOOP",
};

/** Opens the library of Linux; `null` if the processor is another one or the program may not call it. */
export function openLibc(): ByteDescriptors | null {
  const { arch } = Deno.build;
  if (arch !== "x86_64" && arch !== "aarch64") return null;
  const permission = { name: "ffi", path: LIBRARY } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return null;
  try {
    return new Libc();
  } catch {
    return null; // another C library; such names are then not served
  }
}

/** See the file's header. */
class Libc implements ByteDescriptors {
  #calls = Deno.dlopen(LIBRARY, SYMBOLS).symbols;
  #errnoAddress: Deno.PointerValue = this.#calls.__errno_location();

  open(path: string): number {
    const fd = this.#checked(this.#calls.open(zeroEnded(path), OPEN_FLAGS));
    try {
      this.#requirePermission(this.pathOf(fd));
      return fd;
    } catch (error) {
      this.close(fd);
      throw error;
    }
  }

  stat(fd: number): Metadata {
    const bytes = new Uint8Array(STATX_BYTES);
    const empty = zeroEnded("");
    const { statx } = this.#calls;
    this.#checked(statx(fd, empty, AT_EMPTY_PATH, STATX_BASIC_STATS, bytes));
    return metadataOf(new DataView(bytes.buffer));
  }

  readSync(fd: number, buffer: Uint8Array, position: number): number {
    const bytes = buffer as Uint8Array<ArrayBuffer>; // its memory is not shared
    const { pread } = this.#calls;
    return this.#checked(pread(fd, bytes, buffer.length, BigInt(position)));
  }

  async read(
    fd: number,
    buffer: Uint8Array,
    position: number,
  ): Promise<number> {
    const bytes = buffer as Uint8Array<ArrayBuffer>; // its memory is not shared
    const { preadInBackground } = this.#calls;
    const { length } = buffer;
    const count = await preadInBackground(fd, bytes, length, BigInt(position));
    if (count >= 0) return count;
    throw new Error("Cannot read file: the system reported an error"); // `errno` was set in another thread
  }

  close(fd: number): void {
    this.#calls.close(fd);
  }

  pathOf(fd: number): string {
    const bytes = new Uint8Array(MAX_PATH_BYTES);
    const { readlink } = this.#calls;
    const link = zeroEnded(`/proc/self/fd/${fd}`);
    const size = this.#checked(readlink(link, bytes, bytes.length));
    return nameOfBytes(bytes.subarray(0, size));
  }

  list(fd: number): readonly string[] {
    const names: string[] = [];
    const bytes = new Uint8Array(LIST_BYTES);
    const view = new DataView(bytes.buffer);
    const { getdents64 } = this.#calls;
    for (;;) {
      const size = this.#checked(getdents64(fd, bytes, bytes.length));
      if (size === 0) return names;
      for (let at = 0; at < size; at += view.getUint16(at + 16, true)) {
        const start = at + ENTRY_NAME;
        const name = bytes.subarray(start, bytes.indexOf(0, start));
        names.push(nameOfBytes(name));
      }
    }
  }

  /** Requires the permission to read the folder of the file, since the C library ignores `--deny-read`. */
  #requirePermission(path: string): void {
    const odd = path.search(/[\udc80-\udcff]/);
    const plain = odd === -1 ? path : path.slice(0, odd);
    const folder = plain.slice(0, plain.lastIndexOf("/")) || "/";
    const permission = { name: "read", path: folder } as const;
    if (Deno.permissions.querySync(permission).state === "granted") return;
    throw new Deno.errors.NotCapable(`Cannot read ${JSON.stringify(folder)}`);
  }

  #checked(result: number): number {
    if (result >= 0) return result;
    const errno = new Int32Array(1);
    this.#calls.memcpy(errno, this.#errnoAddress, 4);
    const code = CODES[errno[0] ?? 0] ?? `errno ${errno[0]}`;
    throw Object.assign(new Error(`Cannot use file: ${code}`), { code });
  }
}

function zeroEnded(path: string): Uint8Array<ArrayBuffer> {
  const bytes = bytesOfName(path);
  const ended = new Uint8Array(bytes.length + 1);
  ended.set(bytes);
  return ended;
}

/** Reads a `struct statx`, which is the same on all architectures. */
function metadataOf(view: DataView): Metadata {
  const kind = view.getUint16(28, true) & KIND;
  const timeAt = (at: number): number =>
    Number(view.getBigInt64(at, true)) * 1000;
  const mtimeNs = view.getUint32(112 + 8, true);
  return {
    // Joins the device's major and minor number, as `node:fs` does.
    dev: view.getUint32(136, true) * 256 + view.getUint32(140, true),
    ino: Number(view.getBigUint64(32, true)),
    size: Number(view.getBigUint64(40, true)),
    mtimeMs: timeAt(112) + Math.floor(mtimeNs / 1e6),
    ctimeMs: timeAt(96),
    isFile: () => kind === REGULAR,
    isDirectory: () => kind === FOLDER,
  };
}
