/**
 * The folder that is served. It opens files by the names of a path and follows
 * symbolic links only inside the folder. A file is opened first and then
 * checked, so that the check is about the file that is sent.
 *
 * With all permissions on Linux, the kernel is asked for the path of the open
 * descriptor. Otherwise the path is resolved again, and must still lead to the
 * same file, which the device and the number of the file show.
 */

import { Status } from "../codec/status.ts";
import { FileRefusal, OpenFile } from "./open_file.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** A file that is replaced between opening and the check is opened again this many times in total. */
const MAX_ATTEMPTS = 3;

/** A served folder. */
export class RootFolder {
  /** The path as the program gave it, which has the permission. */
  readonly path: string;
  /** The path without symbolic links. */
  #real: string;
  #canAskKernel: boolean = Deno.build.os === "linux";

  /**
   * Resolves the folder.
   *
   * @throws {TypeError} If the path is empty or not a folder.
   * @throws {Deno.errors.NotFound | Deno.errors.NotCapable} If it cannot be found or read.
   */
  constructor(path: string) {
    if (path === "") throw new TypeError("Cannot serve folder: path is empty");
    this.path = path;
    this.#real = Deno.realPathSync(path);
    if (Deno.statSync(path).isDirectory) return;
    throw new TypeError(
      `Cannot serve folder ${JSON.stringify(path)}: it is not a folder`,
    );
  }

  /**
   * Opens a file or a folder.
   *
   * @param names Names that `decodePath` returned.
   * @throws {FileRefusal} If it is outside of the folder, or neither a file nor a folder.
   * @throws {Error} If it cannot be opened; see `statusOf`.
   */
  open(names: readonly string[]): OpenFile {
    const path = this.pathOf(names);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const file = OpenFile.open(path);
      try {
        if (this.#isInside(file, path)) return file;
      } catch (error) {
        file.close();
        throw error;
      }
      file.close();
    }
    throw new FileRefusal(Status.FORBIDDEN);
  }

  /** The path of a name, to be opened. */
  pathOf(names: readonly string[]): string {
    return [this.path, ...names].join("/");
  }

  /** Whether a path is inside the folder after its symbolic links are followed. It may have changed when it is opened. */
  contains(path: string): boolean {
    return this.#relative(Deno.realPathSync(path)) !== null;
  }

  #isInside(file: OpenFile, path: string): boolean {
    const opened = this.#kernelPath(file);
    if (opened !== null) return this.#relative(opened) !== null;
    const inner = this.#relative(Deno.realPathSync(path));
    if (inner === null) return false;
    // Only the folder itself may be named by a link.
    const { dev, ino } = inner === ""
      ? Deno.statSync(this.path)
      : Deno.lstatSync(`${this.path}${inner}`);
    // The runtime has no such numbers on Windows.
    return IS_WINDOWS || (dev === file.dev && ino === file.ino);
  }

  /** The path of an open file, or `null` if the program may not ask for it. */
  #kernelPath({ fd }: OpenFile): string | null {
    if (!this.#canAskKernel) return null;
    try {
      return Deno.readLinkSync(`/proc/self/fd/${fd}`);
    } catch {
      this.#canAskKernel = false; // no permission, or no `/proc`
      return null;
    }
  }

  /** The part of a resolved path after the folder, with its separator; `null` if it is outside. */
  #relative(real: string): string | null {
    const inner = partAfter(this.#real, real);
    if (inner !== null) return inner;
    // A folder that is named by a link may have been replaced since.
    this.#real = Deno.realPathSync(this.path);
    return partAfter(this.#real, real);
  }
}

function partAfter(folder: string, path: string): string | null {
  if (path === folder) return "";
  const separator = IS_WINDOWS ? "\\" : "/";
  // `/` and `C:\` end with the separator already.
  const prefix = folder.endsWith(separator) ? folder.slice(0, -1) : folder;
  return path.startsWith(prefix + separator) ? path.slice(prefix.length) : null;
}
