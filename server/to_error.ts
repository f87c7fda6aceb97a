/** Anything can be thrown; what we pass on is an `Error`. */

/** Gives an error itself, or one that tells what else was thrown. */
export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new TypeError(textOf(reason));
}

/** An object without a prototype, or with a `toString` that throws, has no text. */
function textOf(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return "Cannot go on: what was thrown has no text"; // its kind is not worth a second error
  }
}
