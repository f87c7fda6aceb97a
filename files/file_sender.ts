/**
 * Sends the file of a path, or the variant of it that the client likes best: from
 * memory if it is kept there, and otherwise from the file that the handler has
 * opened.
 */

import type { FileSource } from "../server/file_body.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import type { Coding } from "./content_coding.ts";
import { CompressedFile, Compressor, MADE_CODINGS } from "./compression.ts";
import { ContentHashes, hashOf } from "./content_hash.ts";
import { FileCache, type Loaded } from "./file_cache.ts";
import type { OpenFile } from "./open_file.ts";
import type { FileSettings } from "./options.ts";
import { Representation } from "./representation.ts";
import {
  chooseCoding,
  closeAll,
  type OpenVariant,
  openVariants,
  type Variant,
  type Variants,
} from "./select_file.ts";
import { type Content, sendFile } from "./send_file.ts";
import { SharedFile } from "./shared_file.ts";
import type { FileRequest } from "./web_exchange.ts";

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

/** A variant of a file that was chosen for a client. */
interface Choice {
  readonly found: Found;
  readonly variants: Variants;
  readonly coding: Coding | null;
  readonly variant: Variant;
}

/** Sends files with the settings of one handler. */
export class FileSender {
  #settings: FileSettings;
  #cache: FileCache;
  #compressor: Compressor;
  #hashes: ContentHashes = new ContentHashes();

  /** Creates a sender that keeps nothing yet. */
  constructor(settings: FileSettings) {
    this.#settings = settings;
    this.#cache = new FileCache(settings.cache);
    this.#compressor = new Compressor(settings.compress);
  }

  /**
   * Sends what is kept for a path, if the files there were looked at a short time ago.
   *
   * @returns Whether it sent a response.
   * @throws {FileRefusal} With 406 if the client accepts no variant.
   */
  sendKept(
    ctx: FileRequest,
    res: ResponseHandle,
    { path, skipped }: RequestPath,
  ): boolean {
    const nowMs = Date.now();
    const kept = this.#cache.find(path, skipped, nowMs);
    if (kept === null) return false;
    const { variants } = kept;
    const coding = variants.size === 1
      ? null
      : chooseCoding(ctx, variants, false);
    const loaded = variants.get(coding)?.loaded ?? null;
    const content = contentOf(loaded, nowMs);
    if (loaded === null || content === null) return false;
    sendFile(ctx, res, loaded.representation, content, nowMs);
    return true;
  }

  /**
   * Sends an open file or one of its variants, and closes all of them.
   *
   * @throws {FileRefusal} With 406 if the client accepts no variant.
   */
  send(
    ctx: FileRequest,
    res: ResponseHandle,
    found: Found,
    open: OpenVariant,
  ): void | Promise<void> {
    const variants = this.#findVariants(found, open);
    let choice: Choice;
    try {
      const coding = chooseCoding(ctx, variants, this.#compressor.isBusy);
      const variant = variants.get(coding)!; // it was chosen among them
      choice = { found, variants, coding, variant };
      const loaded = this.#load(choice);
      const send = ({ representation, content }: ReadyToSend): void =>
        sendFile(ctx, res, representation, content, Date.now());
      if (loaded !== null) {
        closeAll(variants);
        return loaded instanceof Promise ? loaded.then(send) : send(loaded);
      }
    } catch (error) {
      closeAll(variants);
      throw error;
    }
    closeAll(variants, choice.variant.file);
    return this.#sendOpen(ctx, res, choice);
  }

  #findVariants({ file, path }: Found, open: OpenVariant): Variants {
    const { precompressed, mediaTypes } = this.#settings;
    const variants: Variants = precompressed
      ? openVariants(file, open)
      : new Map([[null, { file, isMade: false }]]);
    if (!this.#compressor.fits(mediaTypes.typeOf(path), file.size)) {
      return variants;
    }
    for (const coding of MADE_CODINGS) {
      if (!variants.has(coding)) variants.set(coding, { file, isMade: true });
    }
    return variants;
  }

  /**
   * What to send without the file that was opened: what is kept of it, if it has
   * not changed, or what is read now to be kept. `null` if there is nothing.
   */
  #load(choice: Choice): ReadyToSend | Promise<ReadyToSend> | null {
    const { found: { key }, variants, coding, variant } = choice;
    if (key === null) return null;
    const { file, isMade } = variant;
    const nowMs = Date.now();
    const kept = this.#cache.check(key.path, key.skipped, variants, nowMs);
    const before = kept?.variants.get(coding)?.loaded ?? null;
    const content = contentOf(before, nowMs);
    if (before !== null && content !== null) return { ...before, content };
    if (!this.#cache.mayKeep(file, nowMs)) return null;
    const read = file.readAll(0, file.size);
    const hash = this.#settings.etag === "strong" ? hashOf(read) : null;
    const representation = this.#describe(choice, hash);
    const keep = (content: Uint8Array): ReadyToSend => {
      const loaded = { representation, content };
      const { path, skipped } = key;
      this.#cache.keep(path, skipped, variants, coding, loaded, nowMs);
      return loaded;
    };
    return isMade && coding !== null
      ? this.#compressor.compress(read, coding).then(keep)
      : keep(read);
  }

  #sendOpen(
    ctx: FileRequest,
    res: ResponseHandle,
    choice: Choice,
  ): void | Promise<void> {
    const { coding, variant: { file, isMade } } = choice;
    const send = (hash: string | null): void => {
      const representation = this.#describe(choice, hash);
      const content = isMade && coding !== null
        ? new CompressedFile(this.#compressor, file, coding)
        : this.#share(choice, representation);
      sendFile(ctx, res, representation, content, Date.now());
    };
    if (this.#settings.etag !== "strong") return send(null);
    return this.#hashes.of(file).then(send, (error) => {
      file.close();
      throw error;
    });
  }

  /** The chosen file, from now on shared with other responses if that is possible. */
  #share(choice: Choice, representation: Representation): FileSource {
    const { found: { key }, variants, coding, variant: { file } } = choice;
    if (key === null || !this.#cache.mayShare(file)) return file;
    const nowMs = Date.now();
    const content = new SharedFile(file, nowMs);
    const loaded = { representation, content };
    const { path, skipped } = key;
    this.#cache.keep(path, skipped, variants, coding, loaded, nowMs);
    return content.lease();
  }

  #describe(choice: Choice, hash: string | null): Representation {
    const { found: { path, vary }, variants, coding, variant } = choice;
    const { file: { size, mtimeMs }, isMade } = variant;
    const fields = variants.size > 1 ? [vary, "Accept-Encoding"] : [vary];
    const chosen = {
      ...{ path, coding, size, mtimeMs, isMade, hash },
      vary: fields.filter((field) => field !== null).join(", ") || null,
    };
    return new Representation(chosen, this.#settings, Date.now() / 1000);
  }
}

/** A description, and content that is ready to be sent. */
interface ReadyToSend {
  readonly representation: Representation;
  readonly content: Content;
}

/** The content to send of what is kept; `null` if there is none, or it has changed. */
function contentOf(
  loaded: Loaded | null,
  nowMs: number,
): Uint8Array | FileSource | null {
  if (loaded === null) return null;
  const { content } = loaded;
  return content instanceof Uint8Array
    ? content
    : content.leaseIfUnchanged(nowMs);
}
