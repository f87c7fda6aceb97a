/** Which runtime this is, and the few calls that differ between runtimes. */

/** The engines that a program can name. */
export type EngineName = "listen" | "epoll" | "node";

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
  throw unsupported(
    `Cannot ${action} on ${runtimeName()}: only Deno can do this; ${advice}`,
  );
}

/** Returns the error for what the runtime or the system cannot do. On Deno it has the runtime's class, elsewhere a code. */
export function unsupported(message: string): Error {
  if (typeof Deno !== "undefined") return new Deno.errors.NotSupported(message);
  const code = "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM";
  return Object.assign(new Error(message), { code });
}

/** The runtime's name, for messages. */
export function runtimeName(): "Deno" | "Node.js" | "Bun" {
  if (typeof Deno !== "undefined") return "Deno";
  return "Bun" in globalThis ? "Bun" : "Node.js";
}
