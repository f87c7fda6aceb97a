/**
 * The folder that is served. It opens files by the names of a path and follows
 * symbolic links only inside the folder. It opens a file first and checks it
 * afterwards, so that it checks the very file that is sent, even if folders are
 * replaced by links meanwhile.
 *
 * With all permissions on Linux, it asks the kernel for the path of the open
 * descriptor. Otherwise it resolves the path again, which must lead to the same
 * file, by the numbers of device and file. That is a proof if no folder on the
 * path has changed between opening and checking. A change sets the change time
 * of the folder, which programs cannot set. If one of these times is recent, the
 * check is repeated, so that entries that are swapped all the time cannot pass.
 */

import * as fs from "node:fs";
import { Status } from "../codec/status.ts";
import { findByteDescriptors } from "./byte_descriptors.ts";
import type { ByteDescriptors } from "./descriptors.ts";
import { FileRefusal, OpenFile } from "./open_file.ts";
import { describeAccess } from "./registration_error.ts";
import { IS_LINUX, IS_WINDOWS, isUndecodable } from "./system.ts";

/** A file that is replaced between opening and the check is opened again this many times in total. */
const MAX_ATTEMPTS = 3;

/**
 * A change of a folder is recent for this time, in ms. The runtime gives the
 * time of a change in whole seconds.
 */
const RECENT_MS = 2000;

/** How often a path is resolved if a folder on it has changed recently. */
const CHECKS_AFTER_CHANGE = 16;

/** The character that the runtime puts into names for bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** A served folder. */
export class RootFolder {
  /** The path as the program gave it, which has the permission. */
  readonly path: string;
  /** The path without symbolic links. */
  #real: string;
  #canAskKernel: boolean = IS_LINUX;
  /** Calls for names that are not UTF-8, found when first needed. While it is `null`, each use looks again: a permission may be granted later. */
  #byteCalls: ByteDescriptors | null = null;

  /**
   * Resolves the folder.
   *
   * @throws {TypeError} If the path is empty, not a string or not a folder.
   * @throws {Deno.errors.NotFound | Deno.errors.NotCapable} If it cannot be found or read.
   */
  constructor(path: string) {
    this.path = path;
    try {
      this.#real = realPath(path);
      if (fs.statSync(path).isDirectory()) return;
    } catch (error) {
      throw describeAccess(`serve folder ${JSON.stringify(path)}`, path, error);
    }
    throw new TypeError(
      `Cannot serve folder ${
        JSON.stringify(path)
      }: it is not a folder; serveFile() serves a file`,
    );
  }

  /**
   * Opens a file or a folder.
   *
   * @param names Names that `decodePath` returned.
   * @throws {FileRefusal} If it is outside of the folder, or neither a file nor a
   * folder, or if the runtime cannot open the name.
   * @throws {Error} If it cannot be opened; see `statusOf`.
   */
  open(names: readonly string[]): OpenFile {
    const path = this.pathOf(names);
    if (!path.isWellFormed()) return this.#openBytes(path);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const startMs = Date.now();
      const file = OpenFile.open(path);
      try {
        if (this.#isInside(file, path, startMs)) return file;
      } catch (error) {
        file.close();
        if (isUndecodable(error)) return this.#openBytes(path); // a link leads to such a path
        throw error;
      }
      file.close();
    }
    throw new FileRefusal(Status.FORBIDDEN);
  }

  /**
   * Returns the names in a folder. In names that the program cannot open, U+FFFD
   * replaces the bytes that are not UTF-8.
   *
   * @throws {FileRefusal | Error} As {@linkcode RootFolder.open}.
   */
  async list(names: readonly string[]): Promise<readonly string[]> {
    const path = this.pathOf(names);
    const listed = path.isWellFormed() ? await this.#listPlain(path) : null;
    if (listed !== null) {
      const hasBytes = listed.some((name) => name.includes(REPLACEMENT));
      if (!hasBytes || this.#findByteCalls() === null) return listed;
    }
    using folder = this.#openBytes(path);
    return this.#requireByteCalls().list(folder.fd);
  }

  /** Returns the names in a folder, or `null` if a link leads to a folder whose path is not UTF-8. */
  async #listPlain(path: string): Promise<readonly string[] | null> {
    const listed = await fs.promises.readdir(path);
    try {
      // The folder may have been replaced by a link since it was found.
      if (this.#relative(realPath(path)) !== null) return listed;
    } catch (error) {
      if (isUndecodable(error)) return null;
      throw error;
    }
    throw new FileRefusal(Status.FORBIDDEN);
  }

  /** The path of a name, to be opened. */
  pathOf(names: readonly string[]): string {
    return [this.path, ...names].join("/");
  }

  /** Opens a path with calls that take bytes. Checks the path that the kernel reports for the open file. */
  #openBytes(path: string): OpenFile {
    const calls = this.#requireByteCalls();
    const file = OpenFile.open(path, calls);
    try {
      if (this.#relative(calls.pathOf(file.fd)) !== null) return file;
      throw new FileRefusal(Status.FORBIDDEN);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** @throws {FileRefusal} If the program cannot open such names. */
  #requireByteCalls(): ByteDescriptors {
    const calls = this.#findByteCalls();
    if (calls === null) throw new FileRefusal(Status.NOT_FOUND);
    return calls;
  }

  #findByteCalls(): ByteDescriptors | null {
    return this.#byteCalls ??= findByteDescriptors();
  }

  #isInside(file: OpenFile, path: string, startMs: number): boolean {
    const opened = this.#kernelPath(file);
    if (opened !== null) return this.#relative(opened) !== null;
    const inner = this.#relative(realPath(path));
    if (inner === null || !this.#leadsTo(inner, file)) return false;
    if (IS_WINDOWS || !this.#hasChangedSince(startMs - RECENT_MS, inner)) {
      return true;
    }
    const real = `${this.path}${inner}`;
    for (let count = 1; count < CHECKS_AFTER_CHANGE; count++) {
      const again = this.#relative(realPath(real));
      if (again !== inner || !this.#leadsTo(inner, file)) return false;
    }
    return true;
  }

  /** Whether a resolved path leads to an open file. The last name of the path is not a link. */
  #leadsTo(inner: string, file: OpenFile): boolean {
    const { dev, ino } = this.#stat(inner);
    // Deno has no such numbers on Windows.
    return IS_WINDOWS || (dev === file.dev && ino === file.ino);
  }

  /** Whether entries of a folder on the resolved path have changed since a time, or may have. */
  #hasChangedSince(ms: number, inner: string): boolean {
    let end = inner.indexOf("/");
    while (end !== -1) {
      const stats = this.#stat(inner.slice(0, end));
      if (!stats.isDirectory() || stats.ctimeMs >= ms) return true;
      end = inner.indexOf("/", end + 1);
    }
    return false;
  }

  /** The state of a path in the folder. Only the folder itself may be named by a link. */
  #stat(inner: string): fs.Stats {
    return inner === ""
      ? fs.statSync(this.path)
      : fs.lstatSync(`${this.path}${inner}`);
  }

  /** The path of an open file, or `null` if the program may not ask for it. */
  #kernelPath({ fd }: OpenFile): string | null {
    if (!this.#canAskKernel) return null;
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch (error) {
      if (isUndecodable(error)) throw error;
      this.#canAskKernel = false; // no permission, or no `/proc`
      return null;
    }
  }

  /** The part of a resolved path after the folder, with its separator; `null` if it is outside. */
  #relative(real: string): string | null {
    const inner = partAfter(this.#real, real);
    if (inner !== null) return inner;
    // A folder that is named by a link may have been replaced since.
    this.#real = realPath(this.path);
    return partAfter(this.#real, real);
  }
}

function realPath(path: string): string {
  return fs.realpathSync.native(path);
}

function partAfter(folder: string, path: string): string | null {
  if (path === folder) return "";
  const separator = IS_WINDOWS ? "\\" : "/";
  // `/` and `C:\` end with the separator already.
  const prefix = folder.endsWith(separator) ? folder.slice(0, -1) : folder;
  return path.startsWith(prefix + separator) ? path.slice(prefix.length) : null;
}
