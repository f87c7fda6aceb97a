/** Hashes of the content of files, for strong entity tags. */

import { createHash, type Hash } from "node:crypto";
import { type OpenFile, shrunk } from "./open_file.ts";

/**
 * Size of the pieces that are hashed at once, in bytes. Hashing one blocks the
 * thread for about 0.2 ms; smaller ones cost more reads.
 */
const PIECE_BYTES = 262_144;

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
  /** The hashes that are being computed. */
  #pending: Map<string, Promise<string>> = new Map();

  /**
   * Returns the hash of a file's content, which is computed once for all responses
   * that need it. The file stays open.
   */
  of(file: OpenFile): Promise<string> {
    const key = `${file.dev}:${file.ino}:${file.size}:${file.mtimeMs}`;
    const known = this.#hashes.get(key);
    if (known !== undefined) return Promise.resolve(known);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const hash = this.#compute(file, key);
    this.#pending.set(key, hash);
    return hash;
  }

  async #compute(file: OpenFile, key: string): Promise<string> {
    try {
      const hash = await hashPieces(file);
      this.#hashes.set(key, hash);
      const [oldest] = this.#hashes.keys();
      if (this.#hashes.size > MAX_HASHES && oldest !== undefined) {
        this.#hashes.delete(oldest);
      }
      return hash;
    } finally {
      this.#pending.delete(key);
    }
  }
}

/** Hashes a file piece by piece, so that other requests are answered meanwhile. */
async function hashPieces(file: OpenFile): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, file.size));
  for (let position = 0; position < file.size;) {
    const wanted = buffer.subarray(0, file.size - position);
    const count = await file.read(wanted, position);
    if (count === 0) throw shrunk(position, file.size);
    hash.update(buffer.subarray(0, count));
    position += count;
  }
  return shorten(hash);
}
