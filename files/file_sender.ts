/**
 * Sends the file of a path, or the variant of it that the client likes best: from
 * memory if it is kept there, and otherwise from the file that the handler has
 * opened.
 */

import type { RequestContext } from "../server/request_context.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import type { Coding } from "./content_coding.ts";
import { ContentHashes, hashOf } from "./content_hash.ts";
import { FileCache } from "./file_cache.ts";
import type { OpenFile } from "./open_file.ts";
import type { FileSettings } from "./options.ts";
import { Representation } from "./representation.ts";
import {
  chooseCoding,
  closeAll,
  type OpenVariant,
  openVariants,
  type Variants,
} from "./select_file.ts";
import { sendFile } from "./send_file.ts";

/** The path of a request, which names what is kept for it. */
export interface RequestPath {
  /** As it was sent. */
  readonly path: string;
  /** How many segments of it are not part of the name. */
  readonly skipped: number;
}

/** An open file that a path led to. */
export interface Found {
  readonly file: OpenFile;
  /** The path inside the folder, without the extension of a coding. */
  readonly path: string;
  /** The request fields that decided about the path; `null` if none did. */
  readonly vary: string | null;
  /** Where it may be kept; `null` if other requests for the path may get another file. */
  readonly key: RequestPath | null;
}

/** Sends files with the settings of one handler. */
export class FileSender {
  #settings: FileSettings;
  #cache: FileCache;
  #hashes: ContentHashes = new ContentHashes();

  /** Creates a sender that keeps nothing yet. */
  constructor(settings: FileSettings) {
    this.#settings = settings;
    this.#cache = new FileCache(settings.cache);
  }

  /**
   * Sends what is kept for a path, if the files there were looked at a short time ago.
   *
   * @returns Whether it sent a response.
   * @throws {FileRefusal} With 406 if the client accepts no variant.
   */
  sendKept(
    ctx: RequestContext,
    res: ResponseHandle,
    { path, skipped }: RequestPath,
  ): boolean {
    const nowMs = Date.now();
    const kept = this.#cache.find(path, skipped, nowMs);
    if (kept === null) return false;
    const loaded = kept.variants.get(chooseCoding(ctx, kept.variants))?.loaded;
    if (loaded === null || loaded === undefined) return false;
    sendFile(ctx, res, loaded.representation, loaded.bytes, nowMs);
    return true;
  }

  /**
   * Sends an open file or one of its siblings, and closes all of them.
   *
   * @throws {FileRefusal} With 406 if the client accepts no variant.
   */
  send(
    ctx: RequestContext,
    res: ResponseHandle,
    found: Found,
    open: OpenVariant,
  ): void | Promise<void> {
    const { file } = found;
    const variants: Variants = this.#settings.precompressed
      ? openVariants(file, open)
      : new Map([[null, file]]);
    let coding: Coding | null;
    try {
      coding = chooseCoding(ctx, variants);
      if (this.#sendFromMemory(ctx, res, found, variants, coding)) {
        closeAll(variants);
        return;
      }
    } catch (error) {
      closeAll(variants);
      throw error;
    }
    closeAll(variants, coding);
    return this.#sendOpen(ctx, res, found, variants, coding);
  }

  /** Sends a file from memory: what is kept of it, if it has not changed, or what is read now to be kept. */
  #sendFromMemory(
    ctx: RequestContext,
    res: ResponseHandle,
    found: Found,
    variants: Variants,
    coding: Coding | null,
  ): boolean {
    const file = variants.get(coding);
    if (found.key === null || file === undefined) return false;
    const { path, skipped } = found.key;
    const nowMs = Date.now();
    const kept = this.#cache.check(path, skipped, variants, nowMs);
    let loaded = kept?.variants.get(coding)?.loaded ?? null;
    if (loaded === null) {
      if (!this.#cache.mayKeep(file, nowMs)) return false;
      const bytes = file.readAll(0, file.size);
      const hash = this.#settings.etag === "strong" ? hashOf(bytes) : null;
      const representation = this.#describe(found, variants, coding, hash);
      loaded = { representation, bytes };
      this.#cache.keep(path, skipped, variants, coding, loaded, nowMs);
    }
    sendFile(ctx, res, loaded.representation, loaded.bytes, nowMs);
    return true;
  }

  #sendOpen(
    ctx: RequestContext,
    res: ResponseHandle,
    found: Found,
    variants: Variants,
    coding: Coding | null,
  ): void | Promise<void> {
    const file = variants.get(coding) ?? found.file;
    const send = (hash: string | null): void => {
      const representation = this.#describe(found, variants, coding, hash);
      sendFile(ctx, res, representation, file, Date.now());
    };
    if (this.#settings.etag !== "strong") return send(null);
    return this.#hashes.of(file).then(send, (error) => {
      file.close();
      throw error;
    });
  }

  #describe(
    { path, vary, file }: Found,
    variants: Variants,
    coding: Coding | null,
    hash: string | null,
  ): Representation {
    const { size, mtimeMs } = variants.get(coding) ?? file;
    const fields = variants.size > 1 ? [vary, "Accept-Encoding"] : [vary];
    const chosen = {
      ...{ path, coding, size, mtimeMs, hash },
      vary: fields.filter((field) => field !== null).join(", ") || null,
    };
    return new Representation(chosen, this.#settings, Date.now() / 1000);
  }
}
