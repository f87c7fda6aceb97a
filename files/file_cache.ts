/**
 * What a path of a request led to: the content of small files, and larger files
 * that are being sent to other clients. For a short time, a path is answered without a look at the folder.
 * After that, the handler opens the file again, with all checks, and what is kept
 * is used only if it is still that very file, unchanged.
 *
 * A file that has changed within the last seconds is not kept. The runtime gives
 * the time of a change in whole seconds, so a further change right after could
 * not be seen.
 */

import type { Coding } from "./content_coding.ts";
import type { OpenFile } from "./open_file.ts";
import type { CacheSettings } from "./options.ts";
import type { Representation } from "./representation.ts";
import type { SharedFile } from "./shared_file.ts";

/** The largest file that is kept. Reading a larger one costs little beside sending it. */
export const MAX_KEPT_FILE_BYTES = 65_536;

/** What an entry costs beside the content of its files: names, fields and encoded heads. */
const ENTRY_BYTES = 2048;

/** A file that changed within this time, in ms, may change again without another date. */
const RECENT_MS = 2000;

/** One way to send a file. */
interface KeepableVariant {
  readonly file: FileState;
  readonly isMade: boolean;
}

/** One way to send the file of a path, and what is sent if it was read already. */
interface KeptVariant extends KeepableVariant {
  readonly loaded: Loaded | null;
}

type Variants = ReadonlyMap<Coding | null, KeepableVariant>;

/** What is sent for a file. */
export interface Loaded {
  readonly representation: Representation;
  readonly content: Uint8Array | SharedFile;
}

function sizeOf({ content }: Loaded): number {
  return content instanceof Uint8Array ? content.length : 0;
}

/** What tells one version of a file from another. */
type FileState = Pick<
  OpenFile,
  "dev" | "ino" | "size" | "mtimeMs" | "ctimeMs"
>;

/** What a path led to. */
export class KeptPath {
  /** What can be sent, by coding; `null` is the file as it is. */
  readonly variants: Map<Coding | null, KeptVariant> = new Map();
  /** How many segments of the path were not part of the name. */
  readonly skipped: number;
  /** When the files were looked at. */
  checkedMs: number;
  /** Whether it was asked for since the last time that space was needed. */
  isUsed = false;
  /** Bytes in memory. */
  cost: number = ENTRY_BYTES;

  /** Creates an entry without files. */
  constructor(skipped: number, checkedMs: number) {
    this.skipped = skipped;
    this.checkedMs = checkedMs;
  }
}

/** The kept files of one handler. */
export class FileCache {
  #settings: CacheSettings;
  #paths: Map<string, KeptPath> = new Map();
  #bytes = 0;

  /** Creates an empty cache. */
  constructor(settings: CacheSettings) {
    this.#settings = settings;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Returns what a path led to, if that was looked at a short time ago.
   *
   * @param path The path of the request, as it was sent.
   * @param skipped How many segments of it are not part of the name.
   */
  find(path: string, skipped: number, nowMs: number): KeptPath | null {
    const kept = this.#paths.get(path);
    if (kept === undefined || kept.skipped !== skipped) return null;
    const age = nowMs - kept.checkedMs;
    if (age < 0 || age >= this.#settings.checkEveryMs) return null; // the clock may be set back
    kept.isUsed = true;
    return kept;
  }

  /** Whether the content of a file may be kept. */
  mayKeep({ size, mtimeMs, ctimeMs }: FileState, nowMs: number): boolean {
    return size <= MAX_KEPT_FILE_BYTES &&
      size + ENTRY_BYTES <= this.#settings.maxBytes &&
      Math.max(mtimeMs, ctimeMs) + RECENT_MS < nowMs;
  }

  /** Whether a file may be shared by several responses: one that is too large to be kept. */
  mayShare({ size }: FileState): boolean {
    return size > MAX_KEPT_FILE_BYTES && this.#settings.maxBytes >= ENTRY_BYTES;
  }

  /**
   * Notes which files a path leads to now. Files that have not changed keep their
   * content.
   *
   * @returns The entry, or `null` if the path has none.
   */
  check(
    path: string,
    skipped: number,
    variants: Variants,
    nowMs: number,
  ): KeptPath | null {
    const kept = this.#paths.get(path);
    if (kept === undefined) return null;
    this.#remove(path, kept);
    const next = new KeptPath(skipped, nowMs);
    let isLoaded = false;
    for (const [coding, variant] of variants) {
      const before = kept.variants.get(coding);
      const isSame = before !== undefined && isSameVariant(before, variant) &&
        kept.skipped === skipped;
      const loaded = isSame ? before.loaded : null;
      if (loaded !== null) next.cost += sizeOf(loaded);
      isLoaded ||= loaded !== null;
      next.variants.set(coding, { ...variant, loaded });
    }
    if (!isLoaded) return null;
    next.isUsed = kept.isUsed;
    this.#add(path, next);
    return next;
  }

  /**
   * Keeps the content of a file.
   *
   * @param variants All variants of the file, as they were when it was read.
   * @param coding The coding of the one that was read.
   */
  keep(
    path: string,
    skipped: number,
    variants: Variants,
    coding: Coding | null,
    loaded: Loaded,
    nowMs: number,
  ): void {
    if (!isCanonical(path)) return;
    let kept = this.#paths.get(path);
    if (kept !== undefined) this.#remove(path, kept);
    else {
      kept = new KeptPath(skipped, nowMs);
      for (const [coding, variant] of variants) {
        kept.variants.set(coding, { ...variant, loaded: null });
      }
    }
    // Both may have changed while the file was being compressed.
    const before = kept.variants.get(coding);
    const variant = variants.get(coding);
    if (
      before !== undefined && variant !== undefined &&
      isSameVariant(before, variant)
    ) {
      kept.variants.set(coding, { ...before, loaded });
      kept.cost += sizeOf(loaded);
      if (before.loaded !== null) kept.cost -= sizeOf(before.loaded);
    }
    this.#add(path, kept);
    this.#makeRoom();
  }

  #add(path: string, kept: KeptPath): void {
    this.#paths.set(path, kept);
    this.#bytes += kept.cost;
  }

  #remove(path: string, kept: KeptPath): void {
    this.#paths.delete(path);
    this.#bytes -= kept.cost;
  }

  /** Drops the oldest entries. One that was used meanwhile gets a second chance. */
  #makeRoom(): void {
    for (const [path, kept] of this.#paths) { // also visits what is added again, once
      if (this.#bytes <= this.#settings.maxBytes) return;
      this.#remove(path, kept);
      if (!kept.isUsed) continue;
      kept.isUsed = false;
      this.#add(path, kept);
    }
  }
}

function isSameVariant(one: KeepableVariant, other: KeepableVariant): boolean {
  const [a, b] = [one.file, other.file];
  return one.isMade === other.isMade && a.ino === b.ino && a.dev === b.dev &&
    a.size === b.size &&
    a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

/**
 * Whether a path is written as browsers write it. A name can be percent-encoded
 * in very many ways; one of them is enough to keep.
 */
function isCanonical(path: string): boolean {
  if (!path.includes("%")) return true;
  try {
    return encodeURI(decodeURI(path)) === path;
  } catch {
    return false; // a name that is not UTF-8, which is rare
  }
}
