/** Writes a web `Request` as the bytes of a message (RFC 9112 §3, §5, §7.1). */

import { CRLF, LAST_CHUNK, writeChunkSize } from "../codec/chunked.ts";

/** Fields about one connection, and those that are written here (RFC 9110 §7.6.1). */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Room for the line of a chunk's size, in bytes. */
const CHUNK_LINE_BYTES = 20;

/**
 * Gives the bytes of a request. A body whose length is not declared is chunked.
 *
 * @throws {TypeError} If the body's stream is locked.
 */
export async function* requestBytes(
  request: Request,
): AsyncGenerator<Uint8Array, void, void> {
  const { body, headers } = request;
  const length = body === null ? null : headers.get("content-length");
  const isChunked = body !== null && length === null;
  yield encodeHead(request, isChunked, length);
  if (body === null) return;
  for await (const piece of body) {
    if (piece.length === 0) continue; // a chunk of size 0 would end the body
    if (isChunked) {
      const line = new Uint8Array(CHUNK_LINE_BYTES);
      yield line.subarray(0, writeChunkSize(line, 0, piece.length));
      yield piece;
      yield CRLF;
    } else yield piece;
  }
  if (isChunked) yield LAST_CHUNK;
}

function encodeHead(
  { method, url, headers }: Request,
  isChunked: boolean,
  length: string | null,
): Uint8Array {
  const { host, pathname, search } = new URL(url);
  let text = `${method} ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of headers) {
    if (!LEFT_OUT.has(name)) text += `${name}: ${value}\r\n`;
  }
  if (isChunked) text += "transfer-encoding: chunked\r\n";
  else if (length !== null) text += `content-length: ${length}\r\n`;
  // The web's classes let through no line end and nothing above U+00FF.
  return Uint8Array.from(`${text}\r\n`, (unit) => unit.charCodeAt(0));
}
