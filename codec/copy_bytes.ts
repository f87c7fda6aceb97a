/** Copies bytes into new memory. */

/** Longest run that is copied byte by byte, which takes less time than a view of it. */
const MAX_LOOP_BYTES = 64;

/**
 * Returns a copy of the bytes from `start` to `end`. Not by `slice()`, which
 * returns a view if the bytes are a Node `Buffer`.
 */
export function copyBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
): Uint8Array<ArrayBuffer> {
  const size = end - start;
  const copy = new Uint8Array(size);
  if (size > MAX_LOOP_BYTES) copy.set(bytes.subarray(start, end));
  else for (let at = 0; at < size; at++) copy[at] = bytes[start + at]!; // in range: below `end`
  return copy;
}
