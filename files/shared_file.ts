/**
 * One open file that several responses send at the same time. It is closed with
 * the last of them, so that no file stays open while nothing is sent.
 */

import type { FileSource } from "../server/file_body.ts";
import type { OpenFile } from "./open_file.ts";

/** A shared file; see the file's header. */
export class SharedFile {
  #file: OpenFile;
  #leases = 0;
  #isClosed = false;

  /** Takes over a file, which the last lease closes. */
  constructor(file: OpenFile) {
    this.#file = file;
  }

  /**
   * Returns the file for one more response, or `null` if it is closed or has
   * changed since it was opened: what describes it would not fit its content.
   */
  leaseIfUnchanged(): FileSource | null {
    return this.#isClosed || this.#file.hasChanged() ? null : this.lease();
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
