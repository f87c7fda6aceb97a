/**
 * One open regular file: its descriptor, size and date. Opening never blocks: a
 * pipe or a device is opened without waiting and then refused. Which paths may
 * be opened is decided in `root_folder.ts`.
 *
 * Metadata is read synchronously, and so are small files: both are usually in
 * the memory of the system, where a call takes less time than a hop to another
 * thread. Pieces of larger files are read on the threads of the runtime.
 */

import * as fs from "node:fs";
import { Status } from "../codec/status.ts";
import type { FileSource } from "../server/file_body.ts";
import {
  type Descriptors,
  type Metadata,
  RUNTIME_DESCRIPTORS,
} from "./descriptors.ts";
import { IS_WINDOWS, isNotCapable } from "./system.ts";

/** A file that is not served, and the status that says so. */
export class FileRefusal extends Error {
  override readonly name = "FileRefusal";
  /** The status of the response. */
  readonly status: Status;
  /** The request fields that the decision depends on; `null` if it depends on none. */
  readonly vary: string | null;

  /** Creates the error. */
  constructor(status: Status, vary: string | null = null) {
    super(`Cannot serve file: ${status.code} ${status.reason}`);
    this.status = status;
    this.vary = vary;
  }
}

/** A regular file that is open for reading, or a folder, which is not. */
export class OpenFile implements FileSource, Disposable {
  /** The device and the number on it, which together identify a file. */
  readonly dev: number;
  readonly ino: number;
  readonly isFolder: boolean;
  /** Size in bytes when the file was opened. */
  readonly size: number;
  /** When the content was last modified, in ms since 1970. */
  readonly mtimeMs: number;
  /** When content or metadata last changed, in ms since 1970, in whole seconds. Programs cannot set it. */
  readonly ctimeMs: number;
  #fd: number | null;
  #calls: Descriptors;

  private constructor(
    fd: number | null,
    stats: Metadata,
    calls: Descriptors,
  ) {
    this.#fd = fd;
    this.#calls = calls;
    this.dev = stats.dev;
    this.ino = stats.ino;
    this.size = stats.size;
    this.mtimeMs = stats.mtimeMs;
    this.ctimeMs = stats.ctimeMs;
    this.isFolder = stats.isDirectory();
  }

  /**
   * Opens a file or a folder.
   *
   * @param calls The calls to use. They must be able to open the path.
   * @throws {FileRefusal} If it is neither.
   * @throws {Error} If it cannot be opened; see {@linkcode statusOf}.
   */
  static open(
    path: string,
    calls: Descriptors = RUNTIME_DESCRIPTORS,
  ): OpenFile {
    if (IS_WINDOWS) { // which does not open folders
      const stats = fs.statSync(path);
      if (stats.isDirectory()) return new OpenFile(null, stats, calls);
    }
    const fd = calls.open(path);
    try {
      const stats = calls.stat(fd);
      if (!stats.isFile() && !stats.isDirectory()) {
        throw new FileRefusal(Status.FORBIDDEN);
      }
      return new OpenFile(fd, stats, calls);
    } catch (error) {
      calls.close(fd);
      throw error;
    }
  }

  /** Whether size or date differ from those when the file was opened. */
  hasChanged(): boolean {
    const { size, mtimeMs } = this.#calls.stat(this.fd);
    return size !== this.size || mtimeMs !== this.mtimeMs;
  }

  /** The descriptor. */
  get fd(): number {
    if (this.#fd !== null) return this.#fd;
    throw new TypeError("Cannot read file: it is closed");
  }

  /** Reads the bytes from `start` to `end` (exclusive) at once. */
  readAll(start: number, end: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(end - start);
    let count = 0;
    while (count < bytes.length) {
      const read = this.readSync(bytes.subarray(count), start + count);
      if (read === 0) throw shrunk(start + count, end);
      count += read;
    }
    return bytes;
  }

  /** See {@linkcode FileSource.readSync}. */
  readSync(buffer: Uint8Array, position: number): number {
    return this.#calls.readSync(this.fd, buffer, position);
  }

  /** See {@linkcode FileSource.read}. */
  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#calls.read(this.fd, buffer, position);
  }

  /** Closes the file; closing it again does nothing. */
  close(): void {
    const fd = this.#fd;
    if (fd === null) return;
    this.#fd = null;
    this.#calls.close(fd);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The error for a file that ended before the bytes that the response has declared. */
export function shrunk(position: number, end: number): RangeError {
  return new RangeError(
    `Cannot send file: it ends at byte ${position}, before the declared end ${end}`,
  );
}

const STATUS_BY_CODE: ReadonlyMap<unknown, Status> = new Map([
  ["ENOENT", Status.NOT_FOUND],
  ["ENOTDIR", Status.NOT_FOUND],
  ["ELOOP", Status.NOT_FOUND],
  ["ENAMETOOLONG", Status.NOT_FOUND],
  ["EACCES", Status.FORBIDDEN],
  ["EPERM", Status.FORBIDDEN],
  ["ENXIO", Status.FORBIDDEN], // a socket
  ["EMFILE", Status.SERVICE_UNAVAILABLE],
  ["ENFILE", Status.SERVICE_UNAVAILABLE],
]);

/** The status for an error of the file system, or `null` for any other error. */
export function statusOf(error: unknown): Status | null {
  if (error instanceof FileRefusal) return error.status;
  if (isNotCapable(error)) return Status.FORBIDDEN;
  if (!(error instanceof Error) || !("code" in error)) return null;
  return STATUS_BY_CODE.get(error.code) ?? null;
}
