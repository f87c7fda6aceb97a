/**
 * Every way that a parser test cuts its input: whole, octet by octet, and in
 * two at every place. A parser must not be able to tell them apart.
 */

import { SeededRandom } from "./random.ts";

/** Yields the parts of `bytes` for one way after the other; no part is empty unless `bytes` is. */
export function* everySplit(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes];
  yield eachOctet(bytes);
  for (let cut = 1; cut < bytes.length; cut++) {
    yield [bytes.subarray(0, cut), bytes.subarray(cut)];
  }
}

/** As {@linkcode everySplit} for long inputs: whole, octet by octet, and in two at `cuts` places that follow from `seed`. */
export function* seededSplits(
  bytes: Uint8Array,
  cuts: number,
  seed: number,
): Generator<Uint8Array[]> {
  yield [bytes];
  yield eachOctet(bytes);
  const random = new SeededRandom(seed);
  for (let i = 0; i < cuts; i++) {
    const cut = 1 + random.below(bytes.length - 1);
    yield [bytes.subarray(0, cut), bytes.subarray(cut)];
  }
}

function eachOctet(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
}
