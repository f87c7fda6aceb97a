/**
 * Sends the file of a response: the system sends from the descriptor, so that the
 * bytes are not copied. Where it cannot, or where that blocks the thread for long,
 * pieces are read and sent.
 */

import type { FileRegion, Output } from "../../connection/output.ts";
import { CANNOT_SEND_FILE, WOULD_WAIT } from "./libc.ts";

/**
 * The most bytes that one call sends. From memory, that takes about 0.2 ms;
 * from a slow disk, 10 ms. The other connections wait meanwhile. The next call
 * waits if the turn has used up its budget, which is twice this size.
 *
 * perf: a range of 1 MiB needs one call; with calls of 256 KiB, and of 64 KiB when
 * the budget was used up, it needed seven (bench/files.ts, range).
 */
const MAX_CALL_BYTES = 1_048_576;

/** What sending a file needs of its socket. */
interface FileSocket {
  sendFile(fd: number, offset: number, size: number): number;
  send(bytes: Uint8Array<ArrayBuffer>, hasMore: boolean): number;
}

/** What sending a file needs of its transport. */
export interface FileSender {
  /** The piece that {@linkcode sendFile} had to wait for was read, or could not be read. */
  fileRead(): void;
}

/**
 * Sends the next bytes of the output's file, which no buffer precedes.
 *
 * @returns How many the system took, or {@linkcode WOULD_WAIT}: for room in the
 * socket, or for {@linkcode FileSender.fileRead}. 0 if the file has failed.
 * @throws {Error} If the connection failed.
 */
export function sendFile(
  sender: FileSender,
  socket: FileSocket,
  output: Output,
  file: FileRegion,
): number {
  const { fd } = file;
  if (fd === null) return sendPiece(sender, socket, output, file);
  const size = Math.min(output.pendingBytes, MAX_CALL_BYTES);
  const startMs = performance.now();
  const sent = socket.sendFile(fd, file.position, size);
  file.noteDuration(performance.now() - startMs);
  if (sent === CANNOT_SEND_FILE) return sendPiece(sender, socket, output, file);
  return sent;
}

/** Sends bytes that are read; see {@linkcode sendFile}. */
function sendPiece(
  sender: FileSender,
  socket: FileSocket,
  output: Output,
  file: FileRegion,
): number {
  if (file.isReading) return WOULD_WAIT;
  let piece: Uint8Array | Promise<void>;
  try {
    piece = file.nextPiece();
  } catch (error) {
    output.fileFailed(error);
    return 0;
  }
  if (piece instanceof Uint8Array) {
    const hasMore = output.pendingBytes > piece.length;
    return socket.send(piece as Uint8Array<ArrayBuffer>, hasMore); // its memory is not shared
  }
  piece.then(
    () => sender.fileRead(),
    (error) => {
      if (output.file === file) output.fileFailed(error);
      sender.fileRead();
    },
  );
  return WOULD_WAIT;
}
