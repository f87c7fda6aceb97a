/**
 * Writes response heads and short bodies into a connection's output (RFC 9112
 * §4). A head and a short body share one buffer, and so one write; long bodies
 * are sent without a copy. `response_plan.ts` decides the framing fields.
 */

import { encodeLatin1, writeLatin1 } from "../../codec/ascii.ts";
import { CHUNKED } from "../../codec/framing.ts";
import { CRLF } from "../../codec/chunked.ts";
import {
  encodeStatusLine,
  writeDecimal,
  writeLineEnd,
} from "../../codec/head_encoder.ts";
import type { Headers } from "../../codec/headers.ts";
import { Status } from "../../codec/status.ts";
import { CONTENT_LENGTH, type ResponseHeadCache } from "./head_cache.ts";
import { type Output, OutputBuffer } from "./output.ts";
import type { ResponsePlan } from "./response_plan.ts";

/** Longest body that is copied after its head; a longer one is a write of its own, in bytes. */
export const MAX_COPIED_BODY_BYTES = 2048;

/** Room for the field lines that the library adds and the empty line, in bytes. */
const LIBRARY_LINES_BYTES = 96;

const TRANSFER_ENCODING = "transfer-encoding: chunked\r\n";
const CONNECTION_CLOSE = "connection: close\r\n";
const CONNECTION_KEEP_ALIVE = "connection: keep-alive\r\n";

/**
 * Writes a head without committing it, and reserves `bodySize` bytes after it.
 *
 * @returns The offset after the head.
 */
function putHead(
  output: Output,
  heads: ResponseHeadCache,
  plan: ResponsePlan,
  bodySize: number,
): number {
  const { status, headers, length, closes } = plan;
  const start = heads.prepare(status, headers).bytes;
  const bytes = output.reserve(start.length + LIBRARY_LINES_BYTES + bodySize);
  let at = output.end;
  bytes.set(start, at);
  at += start.length;
  if (length >= 0) at = writeLineEnd(bytes, writeDecimal(bytes, at, length));
  else {
    at -= CONTENT_LENGTH.length; // the prepared head ends with `content-length: `; remove it
    if (length === CHUNKED) at = writeLatin1(bytes, at, TRANSFER_ENCODING);
  }
  if (closes) at = writeLatin1(bytes, at, CONNECTION_CLOSE);
  else if (plan.saysKeepAlive) {
    at = writeLatin1(bytes, at, CONNECTION_KEEP_ALIVE);
  }
  return writeLineEnd(bytes, at);
}

/** Writes a head without a body. */
export function writeHead(
  output: Output,
  heads: ResponseHeadCache,
  plan: ResponsePlan,
): void {
  output.commit(putHead(output, heads, plan, 0));
}

/** Writes a head, and the body if the response may have one. */
export function writeBytes(
  output: Output,
  heads: ResponseHeadCache,
  plan: ResponsePlan,
  body: Uint8Array,
): void {
  if (!plan.hasContent || body.length > MAX_COPIED_BODY_BYTES) {
    writeHead(output, heads, plan);
    if (plan.hasContent) output.push(body);
    return;
  }
  const at = putHead(output, heads, plan, body.length);
  output.reserve(0).set(body, at);
  output.commit(at + body.length);
}

/** A file, as {@linkcode writeFileBytes} reads it. */
interface ReadableFile {
  readonly start: number;
  readSync(buffer: Uint8Array, position: number): number;
}

/**
 * Writes a head, and the first `size` bytes of a file, which are read directly
 * into the output.
 *
 * @throws {Error} If the file cannot be read or has become shorter. Nothing was
 * written then.
 */
export function writeFileBytes(
  output: Output,
  heads: ResponseHeadCache,
  plan: ResponsePlan,
  file: ReadableFile,
  size: number,
): void {
  const start = putHead(output, heads, plan, size);
  const bytes = output.reserve(0);
  const end = start + size;
  for (let at = start; at < end;) {
    at += file.readSync(bytes.subarray(at, end), file.start + at - start);
  }
  output.commit(end);
}

/**
 * Writes a head and a short string as its body, if the string is ASCII.
 *
 * perf: `TextEncoder` costs 230 ns a call; this loop takes 20 ns for 13
 * characters. A response that was written twice is stored as a whole, for
 * {@linkcode ResponseHeadCache.find}: 0.75 times the time of a request
 * (bench/machine_bench.ts, Deno 2.9).
 *
 * @returns Whether the string was ASCII. If not, nothing was written.
 */
export function writeAscii(
  output: Output,
  heads: ResponseHeadCache,
  plan: ResponsePlan,
  body: string,
): boolean {
  const prepared = heads.prepare(plan.status, plan.headers);
  const isRepeated = prepared.lastText === body && !plan.closes &&
    !plan.saysKeepAlive;
  let at = putHead(output, heads, plan, body.length);
  const bytes = output.reserve(0);
  for (let i = 0; i < body.length; i++) {
    const unit = body.charCodeAt(i);
    if (unit > 0x7f) return false;
    bytes[at++] = unit;
  }
  if (isRepeated) {
    prepared.whole = OutputBuffer.constant(bytes.slice(output.end, at));
  }
  if (prepared.lastText !== body) {
    prepared.lastText = body;
    prepared.whole = null;
  }
  output.commit(at);
  return true;
}

/** The whole `100 Continue` response (RFC 9110 §15.2.1). */
export const CONTINUE: Uint8Array<ArrayBuffer> = encodeLatin1(
  "HTTP/1.1 100 Continue\r\n\r\n",
);

/** Writes an interim response. It has neither a length nor a date (RFC 9110 §15.2). */
export function writeInformational(
  output: Output,
  status: Status,
  headers: Headers,
): void {
  output.append(encodeStatusLine(status.code, status.reason));
  output.append(headers.outgoing().encoded);
  output.append(CRLF);
}

/** Writes the 101 response, after which the connection uses another protocol (RFC 9110 §15.2.2). */
export function writeSwitchingProtocols(
  output: Output,
  headers: Headers,
): void {
  const { code, reason } = Status.SWITCHING_PROTOCOLS;
  output.append(encodeStatusLine(code, reason));
  output.append(headers.outgoing().encoded);
  output.append(CRLF);
}
