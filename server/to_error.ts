/** Turns thrown values into errors. */

/** Returns `reason` if it is an error; otherwise a `TypeError` with the value as a string as its message. */
export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new TypeError(textOf(reason));
}

/** An object without a prototype, or whose `toString` throws, cannot become a string. */
function textOf(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return "Cannot describe the thrown value: it cannot be converted to a string"; // throwing here would hide the first error
  }
}
