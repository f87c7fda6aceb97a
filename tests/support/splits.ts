/**
 * The ways in which parser tests split their input: whole, byte by byte, and
 * in two at each position. The result must be the same for all of them.
 */

import { SeededRandom } from "./random.ts";

/** Yields the parts of `bytes` for each way in turn; no part is empty unless `bytes` is. */
export function* everySplit(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes];
  yield eachByte(bytes);
  for (let cut = 1; cut < bytes.length; cut++) {
    yield [bytes.subarray(0, cut), bytes.subarray(cut)];
  }
}

/** Like {@linkcode everySplit} for long inputs: whole, byte by byte, and in two at `cuts` positions that `seed` determines. */
export function* seededSplits(
  bytes: Uint8Array,
  cuts: number,
  seed: number,
): Generator<Uint8Array[]> {
  yield [bytes];
  yield eachByte(bytes);
  const random = new SeededRandom(seed);
  for (let i = 0; i < cuts; i++) {
    const cut = 1 + random.below(bytes.length - 1);
    yield [bytes.subarray(0, cut), bytes.subarray(cut)];
  }
}

/** Splits bytes into parts of one byte each. */
export function eachByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
}
