/**
 * Answers a request with a representation of a file: preconditions, ranges, and
 * the content from memory or from an open file (RFC 9110 §13, §14, §15.3.7). The
 * file is closed on every path.
 */

import { Headers } from "../codec/headers.ts";
import { Status } from "../codec/status.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import { FileBody, type FileSource } from "../server/file_body.ts";
import { CompressedFile } from "./compression.ts";
import { FileParts } from "./file_parts.ts";
import { allowsRange, evaluatePreconditions } from "./preconditions.ts";
import {
  type ByteRange,
  contentRange,
  frameRanges,
  type Multipart,
  parseRanges,
} from "./ranges.ts";
import { refuse } from "./refuse.ts";
import type { Representation } from "./representation.ts";
import type { FileRequest } from "./web_exchange.ts";

/** The content of a file: its bytes, or the open file, compressed or as it is, which is closed after use. */
export type Content = Uint8Array | FileSource | CompressedFile;

/** Answers GET or HEAD. */
export function sendFile(
  ctx: FileRequest,
  res: ResponseHandle,
  representation: Representation,
  content: Content,
  nowMs: number,
): void {
  try {
    respond(ctx, res, representation, content, nowMs / 1000);
  } catch (error) {
    close(content);
    throw error;
  }
}

function respond(
  ctx: FileRequest,
  res: ResponseHandle,
  representation: Representation,
  content: Content,
  nowSeconds: number,
): void {
  const { headers, method } = ctx;
  const { validators, size, hasRanges } = representation;
  const status = evaluatePreconditions(headers, validators, nowSeconds);
  if (status !== 200) {
    close(content);
    return status === 304
      ? res.send(Status.NOT_MODIFIED, null, representation.common)
      : refuse(res, Status.PRECONDITION_FAILED, representation.refused);
  }
  // Ranges are defined for GET alone (RFC 9110 §14.2).
  const field = method === "GET" && hasRanges ? headers.get("range") : null;
  const ranges = field !== null && allowsRange(headers, validators, nowSeconds)
    ? parseRanges(field, size)
    : null;
  const { whole } = representation;
  if (content instanceof CompressedFile) {
    return res.send(Status.OK, content.start(), whole);
  }
  if (ranges !== null) return sendRanges(res, representation, content, ranges);
  if (content instanceof Uint8Array) return res.send(Status.OK, content, whole);
  res.send(Status.OK, new FileBody(content, { start: 0, end: size }), whole);
}

function sendRanges(
  res: ResponseHandle,
  representation: Representation,
  content: Uint8Array | FileSource,
  ranges: readonly ByteRange[],
): void {
  const { size, contentType, refused, partial } = representation;
  const [first] = ranges;
  if (first === undefined) {
    close(content);
    const headers = new Headers(refused)
      .add("content-range", `bytes */${size}`);
    return refuse(res, Status.RANGE_NOT_SATISFIABLE, headers);
  }
  const headers = new Headers(partial);
  if (ranges.length === 1) {
    headers.add("content-type", contentType)
      .add("content-range", contentRange(first, size));
    const body = content instanceof Uint8Array
      ? content.subarray(first.start, first.end)
      : new FileBody(content, first);
    return res.send(Status.PARTIAL_CONTENT, body, headers);
  }
  const framed = frameRanges(
    ranges,
    size,
    contentType,
    crypto.randomUUID(),
  );
  headers.add("content-type", framed.contentType)
    .add("content-length", `${framed.length}`);
  const body = content instanceof Uint8Array
    ? joinParts(content, framed)
    : new FileParts(content, framed.parts);
  res.send(Status.PARTIAL_CONTENT, body, headers);
}

function joinParts(
  content: Uint8Array,
  { parts, length }: Multipart,
): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    const piece = part instanceof Uint8Array
      ? part
      : content.subarray(part.start, part.end);
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function close(content: Content): void {
  if (!(content instanceof Uint8Array)) content.close();
}
