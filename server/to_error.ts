/** Turns thrown values into errors. */

/** Returns `reason` if it is an error; otherwise a `TypeError` with its text as the message. */
export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new TypeError(textOf(reason));
}

/** An object without a prototype, or whose `toString` throws, has no text. */
function textOf(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return "Cannot go on: the thrown value has no text"; // the second error would hide the first
  }
}
