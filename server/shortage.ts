/**
 * Errors that mean that the process or the system is out of descriptors.
 *
 * The runtime needs a descriptor to format the first stack trace of some files,
 * and ends the process if there is none. Nothing may therefore read the stack of
 * an error while descriptors are out, unless it was set to a string before.
 */

const CODES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"]);

/** Whether an error means that there is no descriptor left. */
export function isShortage(error: unknown): error is Error {
  return error instanceof Error && "code" in error && CODES.has(error.code);
}

/** Replaces an error's stack, which nothing has read yet, by its name and message. */
export function withoutTrace<E extends Error>(error: E): E {
  error.stack = summaryOf(error);
  return error;
}

/** An error's name and message. */
export function summaryOf({ name, message }: Error): string {
  return `${name}: ${message}`;
}

/**
 * Makes the runtime open the descriptors of its signal handling now. It does so
 * half a second after its start otherwise, and ends the process if a server that
 * was started under load has used all descriptors by then.
 */
export function openRuntimeDescriptors(): void {
  if (Deno.build.os === "windows") return; // it has no such limit
  const ignore = (): void => {};
  Deno.addSignalListener("SIGWINCH", ignore); // ignored by default
  Deno.removeSignalListener("SIGWINCH", ignore);
}
