/**
 * What the connections of this client on Node's sockets have in common: writes
 * in bounded pieces, and the web streams of `Deno.Conn`.
 */

import type { Writable } from "node:stream";

/** The largest write that is passed to a socket at once, in bytes, so that slow progress is visible. */
const MAX_WRITE_BYTES = 65_536;

/** The part of `Deno.Conn` that its web streams need. */
interface StreamedConn {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/**
 * Writes the first bytes to a socket.
 *
 * @param failureOf Returns why the connection has failed; `null` if it has not.
 * @returns How many bytes were written.
 */
export function writePiece(
  socket: Writable,
  bytes: Uint8Array,
  failureOf: () => unknown,
): Promise<number> {
  const piece = bytes.length > MAX_WRITE_BYTES
    ? bytes.subarray(0, MAX_WRITE_BYTES)
    : bytes;
  return new Promise((resolve, reject) => {
    const failure = failureOf();
    if (failure !== null) return reject(failure);
    socket.write(piece, (error) => {
      if (error) reject(failureOf() ?? error);
      else resolve(piece.length);
    });
  });
}

/**
 * Makes the stream that reads a connection.
 *
 * @param bufferBytes Size of each read, in bytes.
 */
export function readableOf(
  conn: StreamedConn,
  bufferBytes: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const buffer = new Uint8Array(bufferBytes);
      const size = await conn.read(buffer);
      if (size === null) controller.close();
      else controller.enqueue(buffer.subarray(0, size));
    },
    cancel: () => conn.close(),
  }, { highWaterMark: 0 });
}

/** Makes the stream that writes a connection. */
export function writableOf(
  conn: StreamedConn,
): WritableStream<Uint8Array<ArrayBufferLike>> {
  return new WritableStream({
    async write(bytes): Promise<void> {
      for (let rest = bytes; rest.length > 0;) {
        rest = rest.subarray(await conn.write(rest));
      }
    },
    close: () => conn.closeWrite(),
    abort: () => conn.close(),
  });
}
