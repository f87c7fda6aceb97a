/** Open files for tests of bodies: they count what is done with them, and can fail. */

import * as fs from "node:fs";
import type { FileSource } from "../../mod.ts";

/** A folder for the files of one test, which is removed with them. */
export class TestFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync();

  /** Writes a file; returns its path. */
  write(name: string, content: Uint8Array): string {
    const path = `${this.path}/${name}`;
    Deno.writeFileSync(path, content);
    return path;
  }

  /** Removes the folder. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Bytes that are different at each offset of a few MiB, so that a wrong offset shows. */
export function numberedBytes(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let n = 0; n < words.length; n++) words[n] = Math.imul(n, 2_654_435_761);
  return new Uint8Array(words.buffer, 0, size);
}

/** An open file that counts its calls. */
export class WatchedFile implements FileSource {
  /** How often it was closed. */
  closes = 0;
  /** How many bytes were read. */
  readBytes = 0;
  /** How often it was read at once, and in the background. */
  readonly reads: { sync: number; async: number } = { sync: 0, async: 0 };
  /** What the next reads throw. */
  failure: Error | null = null;
  /** Called by reads that block the thread. */
  onBlock: () => void = () => {};
  readonly fd: number | null;
  #fd: number;

  /** Opens a file; `hidesFd` if its descriptor may not be used by an engine. */
  constructor(path: string, hidesFd: boolean = false) {
    this.#fd = fs.openSync(path, "r");
    this.fd = hidesFd ? null : this.#fd;
  }

  readSync(buffer: Uint8Array, position: number): number {
    this.reads.sync++;
    this.onBlock();
    return this.#read(buffer, position);
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.reads.async++;
    await new Promise((resolve) => setTimeout(resolve));
    return this.#read(buffer, position);
  }

  close(): void {
    this.closes++;
    fs.closeSync(this.#fd);
  }

  #read(buffer: Uint8Array, position: number): number {
    if (this.failure !== null) throw this.failure;
    const size = fs.readSync(this.#fd, buffer, 0, buffer.length, position);
    this.readBytes += size;
    return size;
  }
}
