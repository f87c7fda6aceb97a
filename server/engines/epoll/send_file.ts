/**
 * Sends the file of a response: the system sends from the descriptor, so that the
 * bytes are not copied. Where it cannot, or where that blocks the thread for long,
 * pieces are read and sent.
 */

import type { FileRegion, Output } from "../../connection/output.ts";
import { CANNOT_SEND_FILE, WOULD_WAIT } from "./libc.ts";

/** What sending a file needs of its socket. */
interface FileSocket {
  sendFile(fd: number, offset: number, size: number): number;
  send(bytes: Uint8Array<ArrayBuffer>, hasMore: boolean): number;
}

/** What sending a file needs of its transport. */
export interface FileSender {
  /** The piece that {@linkcode sendFile} had to wait for was read, or could not be read. */
  fileRead(): void;
  /** Reports how long {@linkcode sendFile} has blocked the thread. */
  noteDuration(durationMs: number): void;
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
  const startMs = performance.now();
  let sent = CANNOT_SEND_FILE;
  if (fd !== null) {
    const size = Math.min(output.pendingBytes, file.callBytes);
    sent = socket.sendFile(fd, file.position, size);
    file.noteDuration(performance.now() - startMs);
  }
  if (sent === CANNOT_SEND_FILE) {
    sent = sendPiece(sender, socket, output, file);
  }
  sender.noteDuration(performance.now() - startMs);
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
