/**
 * Sends an open file: validators, preconditions, ranges, and the fields that
 * describe it (RFC 9110 §8, §13, §14, §15.3.7). The file is closed on every path.
 */

import { formatHttpDate } from "../codec/http_date.ts";
import { Headers } from "../codec/headers.ts";
import { Status } from "../codec/status.ts";
import type { RequestContext } from "../server/request_context.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import { attachment } from "./content_disposition.ts";
import type { Coding } from "./content_coding.ts";
import type { ContentHashes } from "./content_hash.ts";
import { FileBody, PIECE_BYTES } from "./file_body.ts";
import type { OpenFile } from "./open_file.ts";
import type { FileSettings } from "./options.ts";
import {
  allowsRange,
  evaluatePreconditions,
  type Validators,
} from "./preconditions.ts";
import {
  type ByteRange,
  contentRange,
  frameRanges,
  parseRanges,
} from "./ranges.ts";

/** A file to send, and how it was chosen. */
export interface Selected {
  readonly file: OpenFile;
  /** The path inside the folder, without the extension of the coding. */
  readonly path: string;
  readonly coding: Coding | null;
  /** The request fields that the choice depends on; `null` if it depends on none. */
  readonly vary: string | null;
}

/**
 * Dates up to this one, in seconds since 1970, say nothing: builds and package
 * managers set them for all files. A validator from such a date would stay the
 * same when the content changes.
 */
const MEANINGLESS_SECONDS = 1;

/** Answers GET or HEAD with a file. */
export function sendFile(
  ctx: RequestContext,
  res: ResponseHandle,
  selected: Selected,
  settings: FileSettings,
  hashes: ContentHashes,
): void | Promise<void> {
  const { file } = selected;
  if (settings.etag !== "strong") {
    closeOnError(file, () => respond(ctx, res, selected, settings, null));
    return;
  }
  return hashes.of(file).then(
    (hash) =>
      closeOnError(file, () => respond(ctx, res, selected, settings, hash)),
    (error) => {
      file.close();
      throw error;
    },
  );
}

function closeOnError(file: OpenFile, run: () => void): void {
  try {
    run();
  } catch (error) {
    file.close();
    throw error;
  }
}

function respond(
  ctx: RequestContext,
  res: ResponseHandle,
  selected: Selected,
  settings: FileSettings,
  hash: string | null,
): void {
  const { file, path } = selected;
  const nowSeconds = Date.now() / 1000;
  const validators = validatorsOf(selected, settings, hash, nowSeconds);
  const headers = describe(selected, settings, validators);
  const status = evaluatePreconditions(ctx.headers, validators, nowSeconds);
  if (status !== 200) {
    file.close();
    return res.send(status, null, headers);
  }
  const contentType = settings.mediaTypes.typeOf(path);
  const disposition = settings.download(path);
  if (disposition !== null) {
    headers.add("content-disposition", attachment(disposition));
  }
  if (selected.coding !== null) {
    headers.add("content-encoding", selected.coding.name);
  }
  const whole = { start: 0, end: file.size };
  // Ranges are defined for GET alone (RFC 9110 §14.2).
  const ranges = ctx.method === "GET" &&
      allowsRange(ctx.headers, validators, nowSeconds)
    ? parseRanges(ctx.headers.get("range"), file.size)
    : null;
  if (ranges === null) {
    headers.add("content-type", contentType);
    return sendRange(ctx, res, Status.OK, file, whole, headers);
  }
  sendRanges(ctx, res, file, ranges, contentType, headers);
}

function sendRanges(
  ctx: RequestContext,
  res: ResponseHandle,
  file: OpenFile,
  ranges: readonly ByteRange[],
  contentType: string,
  headers: Headers,
): void {
  const [first] = ranges;
  if (first === undefined) {
    file.close();
    headers.remove("content-encoding"); // these two describe content that is not sent
    headers.remove("content-disposition");
    headers.add("content-range", `bytes */${file.size}`);
    return res.send(Status.RANGE_NOT_SATISFIABLE, null, headers);
  }
  if (ranges.length === 1) {
    headers.add("content-type", contentType);
    headers.add("content-range", contentRange(first, file.size));
    return sendRange(ctx, res, Status.PARTIAL_CONTENT, file, first, headers);
  }
  const boundary = crypto.randomUUID();
  const framed = frameRanges(ranges, file.size, contentType, boundary);
  headers.add("content-type", framed.contentType);
  headers.add("content-length", `${framed.length}`);
  res.send(Status.PARTIAL_CONTENT, new FileBody(file, framed.parts), headers);
}

/** Sends one range: a short one at once, a longer one in pieces. */
function sendRange(
  ctx: RequestContext,
  res: ResponseHandle,
  status: Status,
  file: OpenFile,
  range: ByteRange,
  headers: Headers,
): void {
  const length = range.end - range.start;
  if (ctx.method === "HEAD") {
    file.close();
    headers.add("content-length", `${length}`);
    return res.send(status, null, headers);
  }
  if (length <= PIECE_BYTES) {
    const bytes = file.readAll(range.start, range.end);
    file.close();
    return res.send(status, bytes, headers);
  }
  headers.add("content-length", `${length}`);
  res.send(status, new FileBody(file, [range]), headers);
}

function validatorsOf(
  { file, coding }: Selected,
  settings: FileSettings,
  hash: string | null,
  nowSeconds: number,
): Validators {
  // A date in the future is not a valid validator (RFC 9110 §8.8.2.1).
  const modified = Math.floor(Math.min(file.mtimeMs / 1000, nowSeconds));
  const hasDate = modified > MEANINGLESS_SECONDS;
  const modifiedSeconds = hasDate ? modified : null;
  if (hash !== null) return { etag: `"${hash}"`, modifiedSeconds };
  if (settings.etag === false || !hasDate) {
    return { etag: null, modifiedSeconds };
  }
  const size = file.size.toString(16);
  const date = Math.floor(file.mtimeMs).toString(16);
  const suffix = coding === null ? "" : `-${coding.name}`;
  return { etag: `W/"${size}-${date}${suffix}"`, modifiedSeconds };
}

/** The fields of every response for a file, 304 and 416 included (RFC 9110 §15.4.5). */
function describe(
  { path, vary }: Selected,
  settings: FileSettings,
  { etag, modifiedSeconds }: Validators,
): Headers {
  const headers = new Headers(settings.headers);
  if (vary !== null) headers.add("vary", vary);
  if (etag !== null) headers.add("etag", etag);
  if (modifiedSeconds !== null) {
    headers.add("last-modified", formatHttpDate(modifiedSeconds));
  }
  const cacheControl = settings.cacheControl(path);
  if (cacheControl !== null) headers.add("cache-control", cacheControl);
  headers.add("accept-ranges", "bytes");
  headers.add("x-content-type-options", "nosniff");
  return headers;
}
