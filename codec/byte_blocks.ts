/**
 * Copies short runs of bytes into shared blocks. A block is freed with its last
 * run, so the copies should live about equally long.
 *
 * perf: a separate array for a run of 110 bytes takes 2,500 instructions, most
 * of them to allocate and free its memory (bench/machine_bench.ts,
 * fetch-json-post, Deno 2.9).
 */

import { copyBytes } from "./copy_bytes.ts";

/** Size of a block, in bytes: the most memory that a single run can keep from being freed. */
const BLOCK_BYTES = 4096;

/** Longest run that shares a block, in bytes. */
const MAX_SHARED_BYTES = 1024;

/** Longest run that is copied byte by byte: making a view for `set()` takes as long as this many bytes. */
const MAX_LOOP_BYTES = 64;

/** The blocks; see the file's header. */
export class ByteBlocks {
  /** The array that contains the last copy. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #block: Uint8Array<ArrayBuffer> = this.bytes;
  #used = 0;

  /**
   * Copies the bytes from `start` to `end`.
   *
   * @returns The offset of the copy in {@linkcode ByteBlocks.bytes}.
   */
  copy(source: Uint8Array, start: number, end: number): number {
    const size = end - start;
    if (size > MAX_SHARED_BYTES) {
      this.bytes = copyBytes(source, start, end);
      return 0;
    }
    if (this.#used + size > this.#block.length) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#used = 0;
    }
    const block = this.#block;
    const at = this.#used;
    this.bytes = block;
    this.#used = at + size;
    if (size > MAX_LOOP_BYTES) block.set(source.subarray(start, end), at);
    else {
      for (let i = 0; i < size; i++) block[at + i] = source[start + i]!; // in range: below `end`
    }
    return at;
  }
}
