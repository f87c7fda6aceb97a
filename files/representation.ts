/**
 * What is sent for a file, apart from what the request decides: its validators,
 * and the fields that describe it (RFC 9110 §8). The lists of fields never
 * change, so that a head that is sent again is encoded once.
 */

import { formatHttpDate } from "../codec/http_date.ts";
import { Headers } from "../codec/headers.ts";
import { attachment } from "./content_disposition.ts";
import type { Coding } from "./content_coding.ts";
import type { FileSettings } from "./options.ts";
import type { Validators } from "./preconditions.ts";

/** A file, and how it was chosen. */
export interface Chosen {
  /** The path inside the folder, without the extension of the coding. */
  readonly path: string;
  readonly coding: Coding | null;
  /** The request fields that the choice depends on; `null` if it depends on none. */
  readonly vary: string | null;
  /** Size in bytes. */
  readonly size: number;
  /** When the content was last modified, in ms since 1970. */
  readonly mtimeMs: number;
  /** Whether it is compressed while it is sent. Other bytes may then come out each time: no ranges, and no strong tag. */
  readonly isMade: boolean;
  /** The hash of the content, for a strong entity tag, or `null`. */
  readonly hash: string | null;
}

/**
 * Dates up to this one, in seconds since 1970, say nothing: builds and package
 * managers set them for all files. A validator from such a date would stay the
 * same when the content changes.
 */
const MEANINGLESS_SECONDS = 1;

/** What is sent for a file; see the file's header. */
export class Representation {
  readonly size: number;
  readonly validators: Validators;
  readonly contentType: string;
  /** Whether a range of it can be sent. */
  readonly hasRanges: boolean;
  #chosen: Chosen;
  #settings: FileSettings;
  #common: Headers | null = null;
  #partial: Headers | null = null;
  #whole: Headers | null = null;

  /** Describes a file at a time, in seconds since 1970. */
  constructor(chosen: Chosen, settings: FileSettings, nowSeconds: number) {
    this.size = chosen.size;
    this.validators = validatorsOf(chosen, settings, nowSeconds);
    this.contentType = settings.mediaTypes.typeOf(chosen.path);
    this.hasRanges = !chosen.isMade;
    this.#chosen = chosen;
    this.#settings = settings;
  }

  /** The fields of every response for the file except errors; also those of 304 (RFC 9110 §15.4.5). Callers must not change them. */
  get common(): Headers {
    return this.#common ??= this.#describe();
  }

  /** The fields of a response with a part of the content, without its type. Not to be changed. */
  get partial(): Headers {
    return this.#partial ??= this.#describeContent();
  }

  /** The fields of a response with the whole content. Not to be changed. */
  get whole(): Headers {
    return this.#whole ??= this.#describeContent()
      .add("content-type", this.contentType);
  }

  /** The fields of 412 and 416. Their content is an error message, so the file's validators and cache lifetime do not apply to it. */
  get refused(): Headers {
    return this.#describeAny()
      .add("accept-ranges", this.hasRanges ? "bytes" : "none")
      .add("x-content-type-options", "nosniff");
  }

  #describeAny(): Headers {
    const { vary } = this.#chosen;
    const headers = new Headers(this.#settings.headers);
    if (vary !== null) headers.add("vary", vary);
    return headers;
  }

  #describe(): Headers {
    const { path } = this.#chosen;
    const { etag, modifiedSeconds } = this.validators;
    const headers = this.#describeAny();
    if (etag !== null) headers.add("etag", etag);
    if (modifiedSeconds !== null) {
      headers.add("last-modified", formatHttpDate(modifiedSeconds));
    }
    const cacheControl = this.#settings.cacheControl(path);
    if (cacheControl !== null) headers.add("cache-control", cacheControl);
    headers.add("accept-ranges", this.hasRanges ? "bytes" : "none");
    headers.add("x-content-type-options", "nosniff");
    return headers;
  }

  #describeContent(): Headers {
    const { path, coding } = this.#chosen;
    const headers = this.#describe();
    const name = this.#settings.download(path);
    if (name !== null) headers.add("content-disposition", attachment(name));
    if (coding !== null) headers.add("content-encoding", coding.name);
    return headers;
  }
}

function validatorsOf(
  { mtimeMs, size, coding, hash, isMade }: Chosen,
  settings: FileSettings,
  nowSeconds: number,
): Validators {
  // A date in the future is not a valid validator (RFC 9110 §8.8.2.1).
  const modified = Math.floor(Math.min(mtimeMs / 1000, nowSeconds));
  const hasDate = modified > MEANINGLESS_SECONDS;
  const modifiedSeconds = hasDate ? modified : null;
  const suffix = coding === null ? "" : `-${coding.name}`;
  if (hash !== null) {
    const etag = isMade ? `W/"${hash}${suffix}"` : `"${hash}"`;
    return { etag, modifiedSeconds };
  }
  if (settings.etag === false || !hasDate) {
    return { etag: null, modifiedSeconds };
  }
  const date = Math.floor(mtimeMs).toString(16);
  return { etag: `W/"${size.toString(16)}-${date}${suffix}"`, modifiedSeconds };
}
