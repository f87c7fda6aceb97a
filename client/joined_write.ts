/**
 * Joins the head and the short body of a request, so that they are one write and
 * one packet. Each connection has its own array, and reuses it for the next
 * request: by then, the write has ended.
 */

/** Smallest array, in bytes. */
const MIN_BYTES = 1024;

/** The array of one connection; see the file's header. */
export class JoinedWrite {
  #block = new Uint8Array(0);
  /** The part of the block that was used last. Requests often have the same size. */
  #view = this.#block;

  /** Copies both parts; the result changes with the next call. */
  join(head: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = head.length + body.length;
    if (size !== this.#view.length) this.#resize(size);
    const bytes = this.#view;
    bytes.set(head);
    bytes.set(body, head.length);
    return bytes;
  }

  #resize(size: number): void {
    if (size > this.#block.length) {
      let length = MIN_BYTES;
      while (length < size) length *= 2;
      this.#block = new Uint8Array(length);
    }
    this.#view = this.#block.subarray(0, size);
  }
}
