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

import { Status } from "../codec/status.ts";
import { FileRefusal, OpenFile } from "./open_file.ts";

const IS_WINDOWS = typeof Deno !== "undefined" && Deno.build.os === "windows";

/** A file that is replaced between opening and the check is opened again this many times in total. */
const MAX_ATTEMPTS = 3;

/**
 * A change of a folder is recent for this time, in ms. The runtime gives the
 * time of a change in whole seconds.
 */
const RECENT_MS = 2000;

/** How often a path is resolved if a folder on it has changed recently. */
const CHECKS_AFTER_CHANGE = 16;

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
    this.#real = resolveRoot(path);
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
      const startMs = Date.now();
      const file = OpenFile.open(path);
      try {
        if (this.#isInside(file, path, startMs)) return file;
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

  #isInside(file: OpenFile, path: string, startMs: number): boolean {
    const opened = this.#kernelPath(file);
    if (opened !== null) return this.#relative(opened) !== null;
    const inner = this.#relative(Deno.realPathSync(path));
    if (inner === null || !this.#leadsTo(inner, file)) return false;
    if (IS_WINDOWS || !this.#hasChangedSince(startMs - RECENT_MS, inner)) {
      return true;
    }
    const real = `${this.path}${inner}`;
    for (let count = 1; count < CHECKS_AFTER_CHANGE; count++) {
      const again = this.#relative(Deno.realPathSync(real));
      if (again !== inner || !this.#leadsTo(inner, file)) return false;
    }
    return true;
  }

  /** Whether a resolved path leads to an open file. The last name of the path is not a link. */
  #leadsTo(inner: string, file: OpenFile): boolean {
    const { dev, ino } = this.#stat(inner);
    // The runtime has no such numbers on Windows.
    return IS_WINDOWS || (dev === file.dev && ino === file.ino);
  }

  /** Whether entries of a folder on the resolved path have changed since a time, or may have. */
  #hasChangedSince(ms: number, inner: string): boolean {
    let end = inner.indexOf("/");
    while (end !== -1) {
      const { isDirectory, ctime } = this.#stat(inner.slice(0, end));
      if (!isDirectory || ctime === null || ctime.getTime() >= ms) return true;
      end = inner.indexOf("/", end + 1);
    }
    return false;
  }

  /** The state of a path in the folder. Only the folder itself may be named by a link. */
  #stat(inner: string): Deno.FileInfo {
    return inner === ""
      ? Deno.statSync(this.path)
      : Deno.lstatSync(`${this.path}${inner}`);
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

function resolveRoot(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    const what = `Cannot serve folder ${JSON.stringify(path)}`;
    if (error instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(
        `${what}: it does not exist; a relative path begins at the working directory`,
        { cause: error },
      );
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new Deno.errors.NotCapable(
        `${what}: the program may not read it; run it with --allow-read=${path}`,
        { cause: error },
      );
    }
    throw error;
  }
}

function partAfter(folder: string, path: string): string | null {
  if (path === folder) return "";
  const separator = IS_WINDOWS ? "\\" : "/";
  // `/` and `C:\` end with the separator already.
  const prefix = folder.endsWith(separator) ? folder.slice(0, -1) : folder;
  return path.startsWith(prefix + separator) ? path.slice(prefix.length) : null;
}
