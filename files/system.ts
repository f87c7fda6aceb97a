/** What the handlers need to know about the system and the runtime. */

const NAME = typeof Deno === "undefined"
  ? globalThis.process.platform
  : Deno.build.os;

/** Whether the system is Windows, which cannot open folders and ignores the case of names. */
export const IS_WINDOWS: boolean = NAME === "windows" || NAME === "win32";

/** Whether the system is Linux, where `/proc` has the paths of open files. */
export const IS_LINUX: boolean = NAME === "linux";

/** Whether the runtime could not return a path because it is not UTF-8. */
export function isUndecodable(error: unknown): boolean {
  return typeof Deno !== "undefined" &&
    error instanceof Deno.errors.InvalidData;
}

/** Whether the runtime has refused a call because a permission is missing. */
export function isNotCapable(error: unknown): error is Error {
  return typeof Deno !== "undefined" &&
    error instanceof Deno.errors.NotCapable;
}
