/** Which runtime this is, and the few calls that differ between runtimes. */

/** Sets whether a timer keeps the process alive. */
export function setTimerRef(
  timer: ReturnType<typeof setTimeout>,
  isRef: boolean,
): void {
  // Deno's timers are numbers; those of Node and Bun are objects.
  const object = timer as unknown as { ref?(): void; unref?(): void };
  if (typeof timer !== "number") isRef ? object.ref?.() : object.unref?.();
  else if (isRef) Deno.refTimer(timer);
  else Deno.unrefTimer(timer);
}

/**
 * Checks that the runtime is Deno.
 *
 * @param action What needs it, as in `Cannot <action> on Node.js`.
 * @param advice What to do instead.
 * @throws {Error} If it is another runtime; the error's code is `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`.
 */
export function requireDeno(action: string, advice: string): void {
  if (typeof Deno !== "undefined") return;
  const error = new Error(
    `Cannot ${action} on ${runtimeName()}: only Deno can do this; ${advice}`,
  );
  throw Object.assign(error, { code: "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM" });
}

function runtimeName(): string {
  return "Bun" in globalThis ? "Bun" : "Node.js";
}
