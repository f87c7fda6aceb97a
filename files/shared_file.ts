/**
 * One open file that several responses send at the same time. It is closed with
 * the last of them, so that no file stays open while nothing is sent.
 */

import type { FileSource } from "../server/file_body.ts";
import type { OpenFile } from "./open_file.ts";

/**
 * How long metadata is taken as unchanged after it was read, in ms. This adds
 * no new risk: a file that changes while it is sent is sent in part as it was
 * and in part as it is, and most clients receive a file for longer than this.
 *
 * perf: the runtime needs 10 to 20 µs to read metadata, and the system 200 µs to
 * send a megabyte (bench/files.ts, range).
 */
const CHECK_EVERY_MS = 5;

/** A shared file; see the file's header. */
export class SharedFile {
  #file: OpenFile;
  #leases = 0;
  #isClosed = false;
  #checkedMs: number;

  /**
   * Takes over a file, which the last lease closes.
   *
   * @param nowMs The present time; the metadata was read just now.
   */
  constructor(file: OpenFile, nowMs: number) {
    this.#file = file;
    this.#checkedMs = nowMs;
  }

  /**
   * Returns the file for one more response, or `null` if it is closed or has
   * changed since it was opened: what describes it would not fit its content.
   */
  leaseIfUnchanged(nowMs: number): FileSource | null {
    if (this.#isClosed) return null;
    const age = nowMs - this.#checkedMs;
    if (age < 0 || age >= CHECK_EVERY_MS) { // the clock may be set back
      if (this.#file.hasChanged()) return null;
      this.#checkedMs = nowMs;
    }
    return this.lease();
  }

  /** Returns the file for one more response. It must be open. */
  lease(): FileSource {
    this.#leases += 1;
    return new Lease(this.#file, () => {
      this.#leases -= 1;
      if (this.#leases > 0) return;
      this.#isClosed = true;
      this.#file.close();
    });
  }
}

/** A file as one response has it. */
class Lease implements FileSource {
  #file: OpenFile;
  #end: (() => void) | null;

  constructor(file: OpenFile, end: () => void) {
    this.#file = file;
    this.#end = end;
  }

  get fd(): number {
    return this.#file.fd;
  }

  readSync(buffer: Uint8Array, position: number): number {
    return this.#file.readSync(buffer, position);
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#file.read(buffer, position);
  }

  close(): void {
    this.#end?.();
    this.#end = null;
  }
}
