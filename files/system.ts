/** What the handlers have to know of the system, on each runtime. */

const NAME = typeof Deno === "undefined"
  ? globalThis.process.platform
  : Deno.build.os;

/** Whether folders cannot be opened, and names are compared without regard to case. */
export const IS_WINDOWS: boolean = NAME === "windows" || NAME === "win32";

/** Whether `/proc` has the paths of open files. */
export const IS_LINUX: boolean = NAME === "linux";

/** Whether the runtime could not return a path because it is not UTF-8. */
export function isUndecodable(error: unknown): boolean {
  return typeof Deno !== "undefined" &&
    error instanceof Deno.errors.InvalidData;
}

/** Whether the runtime has refused a call for want of a permission. */
export function isNotCapable(error: unknown): error is Error {
  return typeof Deno !== "undefined" &&
    error instanceof Deno.errors.NotCapable;
}
