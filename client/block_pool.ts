/** Blocks of memory that a client reads long bodies into, before they are joined or while they are streamed. */

/** Size of a block in bytes. */
const BLOCK_BYTES = 65_536;

/**
 * The most unused blocks that are kept, 4 MiB. There are only as many as the
 * client has used at the same time.
 */
const MAX_UNUSED = 64;

/**
 * Gives out blocks and takes them back. The last block that came back is given
 * out first, since its bytes are likely to be in the processor's cache.
 */
export class BlockPool {
  #unused: Uint8Array<ArrayBuffer>[] = [];

  /** Returns a block; its content is undefined. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#unused.pop() ?? new Uint8Array(BLOCK_BYTES);
  }

  /**
   * Takes a block back. Nothing may refer to it any more, not even a pending
   * read. An array of another size is dropped.
   */
  give(block: Uint8Array<ArrayBuffer>): void {
    const isBlock = block.length === BLOCK_BYTES;
    if (isBlock && this.#unused.length < MAX_UNUSED) this.#unused.push(block);
  }
}
