/**
 * Handling of errors that mean that the process or the system is out of
 * descriptors.
 *
 * The runtime needs a descriptor to format the first stack trace of some files,
 * and ends the process if none is left. So nothing may read the stack of an
 * error during a shortage, unless the stack was set to a string before.
 */

import { setTimerRef } from "./runtime.ts";

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

/** For how long after a shortage errors get no stack trace, in ms. */
const SHORTAGE_MS = 5000;

/**
 * Creates all errors of the thread without a stack trace during a shortage.
 * Otherwise, the next error of the program or the runtime whose stack is read
 * would end the process; each failed TLS handshake reads one.
 */
export class TraceSwitch {
  #limit: number | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** Turns stack traces off for {@linkcode SHORTAGE_MS}; if they are already off, the time starts again. */
  turnOff(): void {
    if (this.#limit === null) {
      if (Error.stackTraceLimit === 0) return; // the program or another instance turned them off
      this.#limit = Error.stackTraceLimit;
      Error.stackTraceLimit = 0;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.turnOn(), SHORTAGE_MS);
    setTimerRef(this.#timer, false);
  }

  /** Turns stack traces on again, if this instance turned them off. */
  turnOn(): void {
    if (this.#limit === null) return;
    Error.stackTraceLimit = this.#limit;
    this.#limit = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/**
 * Makes the runtime open the descriptors of its signal handling now. Otherwise
 * it opens them half a second after its start, and ends the process if a server
 * under load has used all descriptors by then.
 */
export function openRuntimeDescriptors(): void {
  if (typeof Deno === "undefined") return; // the others need none
  if (Deno.build.os === "windows") return; // Windows has no such limit
  const ignore = (): void => {};
  Deno.addSignalListener("SIGWINCH", ignore); // ignored by default
  Deno.removeSignalListener("SIGWINCH", ignore);
}
