/** Hashes of the content of files, for strong entity tags. */

import { createHash, type Hash } from "node:crypto";
import { type OpenFile, shrunk } from "./open_file.ts";
import { PIECE_BYTES } from "./file_parts.ts";

/** How many hashes are kept. */
const MAX_HASHES = 4096;

/** Characters of a hash that are used: 132 bits. */
const HASH_LENGTH = 22;

/** Returns the hash of a file's content. */
export function hashOf(bytes: Uint8Array): string {
  return shorten(createHash("sha256").update(bytes));
}

function shorten(hash: Hash): string {
  return hash.digest("base64url").slice(0, HASH_LENGTH);
}

/** The hashes of the files that were served last. A file with another size or date is hashed again. */
export class ContentHashes {
  #hashes: Map<string, string> = new Map();

  /** Returns the hash of a file's content. The file stays open. */
  async of(file: OpenFile): Promise<string> {
    const key = `${file.dev}:${file.ino}:${file.size}:${file.mtimeMs}`;
    const known = this.#hashes.get(key);
    if (known !== undefined) return known;
    const hash = createHash("sha256");
    const buffer = new Uint8Array(Math.min(PIECE_BYTES, file.size));
    for (let position = 0; position < file.size;) {
      const wanted = buffer.subarray(0, file.size - position);
      const count = await file.read(wanted, position);
      if (count === 0) throw shrunk(position, file.size);
      hash.update(buffer.subarray(0, count));
      position += count;
    }
    const text = shorten(hash);
    this.#hashes.set(key, text);
    const [oldest] = this.#hashes.keys();
    if (this.#hashes.size > MAX_HASHES && oldest !== undefined) {
      this.#hashes.delete(oldest);
    }
    return text;
  }
}
