/** Anything can be thrown; what we pass on is an `Error`. */

/** Gives an error itself, or one that tells what else was thrown. */
export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new TypeError(String(reason));
}
