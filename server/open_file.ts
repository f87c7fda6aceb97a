/**
 * Opens files for `res.sendFile()`. Opening never waits: a pipe or a device is
 * opened without blocking and then refused. The metadata is that of what was
 * opened, so the path may lead to another file meanwhile.
 */

import { isOptions, shown } from "../codec/shown.ts";

/** The runtime's module for descriptors. */
type FileSystem = typeof import("node:fs");

/** The options of `res.sendFile()`. */
const SEND_OPTIONS: readonly string[] = ["status", "headers", "start", "end"];

/**
 * Checks the options of `res.sendFile()`. A misspelled one would send the wrong
 * part of the file.
 *
 * @throws {TypeError} If they are not an object, or an option is unknown.
 */
function checkSendOptions(options: object): void {
  if (!isOptions(options)) {
    throw new TypeError(
      `Cannot send file with options ${
        shown(options)
      }: they must be an object, such as { start: 0, end: 100 }`,
    );
  }
  for (const name of Object.keys(options)) {
    if (SEND_OPTIONS.includes(name)) continue;
    throw new TypeError(
      `Cannot send file with option ${JSON.stringify(name)}: there are ${
        SEND_OPTIONS.join(", ")
      }`,
    );
  }
}

/** The part of a file to send; all of it by default. */
export interface PartialRange {
  readonly start?: number | undefined;
  readonly end?: number | undefined;
}

/** A file that the program has opened. `Deno.FsFile` is one. */
export interface OpenFile {
  /** Returns whether it is a regular file, and its size in bytes. */
  statSync(): { readonly isFile: boolean; readonly size: number };
  /** Moves to a position; `whence` is always 0, the start of the file. */
  seekSync(offset: number, whence: number): number;
  /** Reads into `buffer`; returns the number of bytes, or `null` at the end. */
  readSync(buffer: Uint8Array): number | null;
  /** Like {@linkcode OpenFile.readSync}, without blocking the thread. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Closes the file. */
  close(): void;
}

/** The `whence` of {@linkcode OpenFile.seekSync}: the start of the file. */
const SEEK_START = 0;

/** An open file and the part to send; `file_body.ts` says what the members mean. */
export interface Opened {
  readonly source: DescriptorSource | FsFileSource;
  readonly range: { readonly start: number; readonly end: number };
}

/**
 * Opens a regular file.
 *
 * @param path A path, or a `file:` URL.
 * @param range The options of `res.sendFile()`.
 * @throws {Deno.errors.NotFound} If there is none.
 * @throws {Deno.errors.NotCapable | Deno.errors.PermissionDenied} If it may not be read.
 * @throws {TypeError} If it is not a regular file, or an option is unknown.
 * @throws {RangeError} If the range is not inside the file.
 */
export function openFile(path: string | URL, range: PartialRange): Opened {
  checkSendOptions(range);
  const what = JSON.stringify(String(path));
  const fs = fileSystem();
  const fd = openDescriptor(fs, path, what);
  try {
    const stats = fs.fstatSync(fd);
    return checked(new DescriptorSource(fs, fd), stats, range, what);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/**
 * Takes over a file that the program has opened. The runtime keeps its
 * descriptor to itself, so it is read. The file is closed if this throws.
 *
 * @throws {TypeError} If it is not a regular file, or no file at all.
 * @throws {RangeError} If the range is not inside the file.
 */
export function adoptFile(file: OpenFile, range: PartialRange): Opened {
  if (typeof file?.statSync !== "function") {
    throw new TypeError(
      `Cannot send ${
        shown(file)
      } as a file: it must be a path, a file: URL or a Deno.FsFile`,
    );
  }
  try {
    checkSendOptions(range);
    const { isFile, size } = statOf(file);
    const stats = { isFile: () => isFile, size };
    return checked(new FsFileSource(file), stats, range, "that is open");
  } catch (error) {
    try {
      file.close();
    } catch {
      // It is closed already; the first error says so.
    }
    throw error;
  }
}

function statOf(file: OpenFile): ReturnType<OpenFile["statSync"]> {
  try {
    return file.statSync();
  } catch (cause) {
    if (typeof Deno === "undefined") throw cause;
    if (!(cause instanceof Deno.errors.BadResource)) throw cause;
    throw new TypeError(
      "Cannot send file: it is closed already; the server closes each file that it has sent, so open it again",
      { cause },
    );
  }
}

function checked(
  source: Opened["source"],
  stats: { isFile(): boolean; readonly size: number },
  { start = 0, end = stats.size }: PartialRange,
  what: string,
): Opened {
  if (!stats.isFile()) {
    throw new TypeError(`Cannot send file ${what}: it is not a regular file`);
  }
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) &&
    0 <= start && start <= end && end <= stats.size;
  if (isRange) return { source, range: { start, end } };
  throw new RangeError(
    `Cannot send bytes ${shown(start)} to ${
      shown(end)
    } of file ${what}: it has ${stats.size}, and the range must be integers with start <= end`,
  );
}

/**
 * The runtime's API for descriptors. It is loaded when the first file is opened:
 * an import would make the start of every server 15 ms longer.
 */
function fileSystem(): FileSystem {
  return globalThis.process.getBuiltinModule("node:fs");
}

/** The flags for opening a file for reading, without waiting for the writer of a pipe. Windows has no `O_NONBLOCK`. */
export function openFlags({ constants }: FileSystem): number {
  return constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
}

function openDescriptor(
  fs: FileSystem,
  path: string | URL,
  what: string,
): number {
  try {
    return fs.openSync(path, openFlags(fs));
  } catch (cause) {
    if (typeof Deno === "undefined") throw cause; // it names the path too
    throw accessError(`send file ${what}`, cause, {
      forbidden: `reading it is not allowed. Run with --allow-read=${what}`,
      missing: whyMissing(path),
    });
  }
}

function whyMissing(path: string | URL): string {
  if (path === "") return "the path is empty";
  return typeof path === "string" && /^file:/i.test(path)
    ? "it does not exist; pass a URL as an object, by new URL()"
    : "it does not exist; a relative path begins at the working directory";
}

/** Why a path cannot be opened. */
export interface AccessReasons {
  /** The runtime's permission is missing. */
  readonly forbidden: string;
  readonly missing: string;
}

/**
 * Returns an error that says what cannot be done with a path, and why. It has the
 * class and the code that programs look for. Any other error than a missing
 * path or permission is returned as it is; its message names the path already.
 *
 * @param action What was to be done, as in `Cannot <action>: it does not exist`.
 */
export function accessError(
  action: string,
  cause: unknown,
  reasons: AccessReasons,
): unknown {
  const errors = typeof Deno === "undefined" ? null : Deno.errors;
  const because = (
    Class: new (message: string, options: ErrorOptions) => Error,
    why: string,
  ): Error => new Class(`Cannot ${action}: ${why}`, { cause });
  if (errors !== null && cause instanceof errors.NotCapable) {
    return because(errors.NotCapable, reasons.forbidden);
  }
  if (!(cause instanceof Error) || !("code" in cause)) return cause;
  const { code } = cause;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR": {
      const error = because(errors?.NotFound ?? Error, reasons.missing);
      return Object.assign(error, { code });
    }
    case "EACCES":
    case "EPERM": {
      const why = "the system does not allow the process to read it";
      const error = because(errors?.PermissionDenied ?? Error, why);
      return Object.assign(error, { code });
    }
    default:
      return cause;
  }
}

/** Reads at a position, without blocking the thread; returns the number of bytes. */
export function readAt(
  fs: FileSystem,
  fd: number,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, count: number): void =>
      error === null ? resolve(count) : reject(error);
    fs.read(fd, buffer, 0, buffer.length, position, done);
  });
}

/** A file that this module has opened. */
class DescriptorSource {
  readonly fd: number;
  #fs: FileSystem;

  constructor(fs: FileSystem, fd: number) {
    this.#fs = fs;
    this.fd = fd;
  }

  readSync(buffer: Uint8Array, position: number): number {
    return this.#fs.readSync(this.fd, buffer, 0, buffer.length, position);
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return readAt(this.#fs, this.fd, buffer, position);
  }

  close(): void {
    this.#fs.closeSync(this.fd);
  }
}

/** A file that the program has opened. */
class FsFileSource {
  readonly fd = null;
  #file: OpenFile;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  readSync(buffer: Uint8Array, position: number): number {
    this.#file.seekSync(position, SEEK_START);
    return this.#file.readSync(buffer) ?? 0;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.#file.seekSync(position, SEEK_START);
    return await this.#file.read(buffer) ?? 0;
  }

  close(): void {
    this.#file.close();
  }
}
