/**
 * Encodes the strings of bodies as UTF-8. A long string that is encoded again
 * results in the same array, so that many responses with one string share
 * memory.
 */

/** Shorter strings are encoded each time: they take little memory, and comparing them would cost as much. */
const MIN_LONG_CHARACTERS = 65_536;

const encoder = new TextEncoder();

/** The encoder of one engine; see the file's header. */
export class TextBytes {
  #text: string | null = null;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /**
   * Encodes a string as UTF-8.
   *
   * @returns Bytes that must not be changed: later calls may return them too.
   */
  encode(text: string): Uint8Array<ArrayBuffer> {
    if (text.length < MIN_LONG_CHARACTERS) return encoder.encode(text);
    if (text !== this.#text) {
      this.#bytes = encoder.encode(text);
      this.#text = text;
    }
    return this.#bytes;
  }

  /** Drops the stored bytes; arrays that were returned stay valid. */
  clear(): void {
    if (this.#text === null) return;
    this.#text = null;
    this.#bytes = new Uint8Array(0);
  }
}
